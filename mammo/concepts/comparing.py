"""The whole of a comparison: train what is missing, ask every model, judge every concept."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import TypedDict

from mammo.common.errors import InputError
from mammo.common.json_types import JsonObject
from mammo.concepts import catalogue, evidence, judging, trained_models
from mammo.concepts.catalogue import BASELINE, CONCEPTS
from mammo.concepts.concept import Concept, Role
from mammo.concepts.evidence import Answers, Evidence
from mammo.concepts.trained_models import TrainedModel
from mammo.config.comparison import ComparisonConfig
from mammo.data.shards import Shards
from mammo.metrics.figures import ConceptFigures, Counts, Difference
from mammo.training import workdir

_STAGES = {Role.FINDER: Role.DETECTOR.value, Role.BREAST: Role.MALIGNANCY.value}  # of others, as they are called


class ComparisonReport(TypedDict):
    """What report.json of a comparison holds.

    Attributes:
        data: What the shards are.
        split: The split that is judged.
        n: Counts of that split.
        concepts: By name.
        differences: By a concept, each other concept, unit and task.
        models: By name, how each was trained.
        time: Seconds of training and evaluation.
        config: By model.
    """

    data: JsonObject
    split: str
    n: Counts
    concepts: dict[str, ConceptFigures]
    differences: dict[str, dict[str, dict[str, dict[str, Difference]]]]
    models: dict[str, JsonObject]
    time: JsonObject
    config: JsonObject


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison came to.

    Attributes:
        report: As report.json holds it.
        answers: Of each concept on the test split, calibrated.
    """

    report: ComparisonReport
    answers: Mapping[str, Answers]


def compared(config: ComparisonConfig) -> dict[str, Concept]:
    """Returns the concepts whose models a comparison has, and the baseline, by name."""
    whole = {name: concept for name, concept in CONCEPTS.items() if set(concept.roles) <= set(config.models)}
    return {**whole, BASELINE.name: BASELINE}


def train(
    config: ComparisonConfig,
    shards: Shards,
    join: Callable[[], Shards],
    source_dir: pathlib.Path,
    folder: pathlib.Path,
) -> dict[str, TrainedModel]:
    """Trains the models of a comparison; what an earlier call has trained is not trained again.

    Args:
        config: Configuration of the comparison.
        shards: What the models learn from and are judged on.
        join: Returns the shards joined to breasts; called for the model of breasts, which learns from them.
        source_dir: Where the files lie that the shards are made of.
        folder: Where the models are trained; already claimed.

    Raises:
        mammo.common.errors.InputError: The data, a configuration or a folder cannot be used.
        mammo.common.errors.StoppedError: SIGTERM came; the same command goes on.
    """
    _check(config, compared(config), shards, source_dir)
    data = {name: join() if name == Role.BREAST else shards for name in config.models}
    names = sorted(config.models, key=lambda name: name in config.backbone_from)  # last, what begins with another's
    return {name: trained_models.train(name, config, data[name], folder) for name in names}


def compare(
    config: ComparisonConfig, models: Mapping[str, TrainedModel], shards: Shards, source_dir: pathlib.Path
) -> Comparison:
    """Compares the concepts on the test split.

    Args:
        config: Configuration of the comparison.
        models: Its models, trained.
        shards: What they are judged on.
        source_dir: Where the files lie that the shards are made of.

    Raises:
        mammo.common.errors.InputError: A model has no weights.
    """
    concepts = compared(config)
    began_s = time.monotonic()
    asked = Evidence(lambda role: trained_models.open_model(models[role]), shards, source_dir)
    tests = {name: asked.answers(concept, "test") for name, concept in concepts.items()}
    judged = {
        name: judging.judge(concept, asked.answers(concept, "validation"), tests[name])
        for name, concept in concepts.items()
    }
    scored = {name: one.test for name, one in judged.items()}
    training_s = {name: model.training_s for name, model in models.items()}
    report: ComparisonReport = {
        "data": shards.facts(),
        "split": "test",
        "n": judged[catalogue.DEFAULT].figures["n"],
        "concepts": {
            name: {**one.figures, "training_s": sum(training_s[role] for role in concepts[name].roles)}
            for name, one in judged.items()
        },
        "differences": {catalogue.DEFAULT: judging.differences(scored, catalogue.DEFAULT)},
        "models": {name: model.describe() for name, model in models.items()},
        "config": {name: workdir.to_json(model.config) for name, model in models.items()},
        "time": {"training_s": sum(training_s.values()), "evaluation_s": time.monotonic() - began_s},
    }
    return Comparison(report, {name: dataclasses.replace(tests[name], scored=scored[name]) for name in tests})


def _check(config: ComparisonConfig, concepts: Mapping[str, Concept], shards: Shards, source_dir: pathlib.Path) -> None:
    """Refuses, before anything is trained, what would fail only after it."""
    taken = {role.value for concept in concepts.values() for role in concept.roles}
    if catalogue.DEFAULT not in concepts or taken != set(config.models):
        needed = "; ".join(f"{name} takes {', '.join(concept.roles)}" for name, concept in CONCEPTS.items())
        raise InputError(
            f"the configuration of a comparison has the models {', '.join(sorted(config.models))}, but it must have "
            f"those of whole concepts, {catalogue.DEFAULT} among them: {needed}."
        )
    for name, model in config.models.items():
        if model.stage != _STAGES.get(Role(name), name):
            raise InputError(f"--config.models.{name} is a {model.stage}, not a {_STAGES.get(Role(name), name)}.")
    evidence.check_source(concepts.values(), shards, source_dir)
