"""The whole of a comparison: train what is missing, ask every model, judge every concept, report."""

import pathlib
import time

from mammo.common.errors import InputError
from mammo.concepts import catalogue, judging, trained_models
from mammo.concepts.catalogue import Answers, Evidence
from mammo.config.comparison import ComparisonConfig
from mammo.data.shards import Shards
from mammo.reports import comparison, run
from mammo.reports.evaluation import PAGE_NAME
from mammo.training import workdir

_MULTI_STAGE = "multi_stage"  # the others are held against it


def compare(
    config: ComparisonConfig, shards: Shards, source_dir: pathlib.Path, folder: pathlib.Path, output_dir: pathlib.Path
) -> pathlib.Path:
    """Compares the concepts on the test split; what an earlier call has trained is not trained again.

    Args:
        config: Configuration of the comparison.
        shards: What all models learn from and are judged on.
        source_dir: Where the files lie that the shards are made of.
        folder: Where the models are trained; already claimed.
        output_dir: For report.html and report.json.

    Returns:
        The path of the page.

    Raises:
        mammo.common.errors.InputError: The data, a configuration or a folder cannot be used.
        mammo.common.errors.StoppedError: SIGTERM came; the same command goes on.
    """
    _check(config, shards, source_dir)
    names = sorted(config.models, key=lambda name: name in config.backbone_from)  # last, what begins with another's
    models = {name: trained_models.train(name, config, shards, folder) for name in names}
    began_s = time.monotonic()
    evidence = Evidence(models, shards, source_dir)
    tests = {name: concept.answer(evidence, "test") for name, concept in catalogue.CONCEPTS.items()}
    made, scored = {}, {}
    for name, concept in catalogue.CONCEPTS.items():
        made[name], scored[name] = judging.of_concept(concept, concept.answer(evidence, "validation"), tests[name])
        made[name]["training_s"] = sum(models[model].training_s for model in concept.models)
    report = {
        "data": run.describe_data(shards),
        "split": "test",
        "n": made[_MULTI_STAGE]["n"],
        "concepts": made,
        "differences": {_MULTI_STAGE: judging.differences(scored, _MULTI_STAGE)},
        "models": {name: model.describe() for name, model in models.items()},
        "time": {"training_s": sum(model.training_s for model in models.values())},
        "config": {name: workdir.to_json(model.config) for name, model in models.items()},
    }
    report["time"]["evaluation_s"] = time.monotonic() - began_s
    answers = {name: Answers(scored[name], tests[name].results) for name in tests}
    comparison.write(output_dir, report, answers, shards)
    return output_dir / PAGE_NAME


def _check(config: ComparisonConfig, shards: Shards, source_dir: pathlib.Path) -> None:
    """Refuses, before anything is trained, what would fail only after it."""
    taken = {model for concept in catalogue.CONCEPTS.values() for model in concept.models}
    if taken != set(config.models):
        raise InputError(
            f"the configuration of a comparison has the models {', '.join(sorted(taken))}, not "
            f"{', '.join(sorted(config.models))}."
        )
    catalogue.check_source(shards, source_dir)
