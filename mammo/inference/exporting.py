"""Makes a model bundle of trained models: their networks, and what validation and test say of their concept."""

import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

from absl import logging

from mammo.clinical.calibration import Calibration
from mammo.common import files
from mammo.common.errors import InputError
from mammo.concepts import catalogue, judging
from mammo.concepts.catalogue import Concept, Evidence
from mammo.concepts.trained_models import CROPS, Model
from mammo.data.shards import Shards
from mammo.inference import bundles, freezing, model_card
from mammo.inference.bundles import Bundle, Facts, Network, OperatingPoint
from mammo.metrics import froc
from mammo.metrics.matching import Rule
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage
from mammo.training import distribution, evaluating

DEFAULT_CONCEPT = "multi_stage"

FALSE_FINDINGS_PER_IMAGE = 0.25
"""On validation, at the threshold from which on findings are shown: one an exam of four views."""

_KEPT_FIGURES = ("auc", "accuracy", "balanced_accuracy", "macro_f1", "froc", "n")


def choose(models: Mapping[str, Model], concept: str | None) -> str:
    """Returns the concept to export.

    Args:
        models: That there are, by the names that concepts know them by.
        concept: As the person asked for it; None: the multi-stage one where it can be had, or the first that can.

    Raises:
        InputError: The models do not make up the concept, or any.
    """
    whole = [name for name, known in catalogue.CONCEPTS.items() if known.models and set(known.models) <= set(models)]
    if concept is None and whole:
        return DEFAULT_CONCEPT if DEFAULT_CONCEPT in whole else whole[0]
    if concept in whole:
        return concept
    there = ", ".join(sorted(models)) or "none"
    if concept is None:
        raise InputError(
            f"the models ({there}) make up no concept: a class-blind detector (finder) takes a crop_classifier, tumour "
            "takes malignancy; give both workdirs, --workdir=a,b."
        )
    needed = ", ".join(catalogue.CONCEPTS[concept].models)
    raise InputError(f"--concept={concept} takes the models {needed}, but there are {there}.")


def export(
    name: str,
    concept_name: str,
    models: Mapping[str, Model],
    shards: Shards,
    source_dir: pathlib.Path,
    output_dir: pathlib.Path,
) -> Bundle:
    """Measures a concept, and writes its bundle, whole or not at all; one that was there is replaced.

    Args:
        name: Of the bundle.
        concept_name: One of `concepts.CONCEPTS`, of which all models are there.
        models: By name.
        shards: Which they were trained on.
        source_dir: Where the files lie that the shards are made of; only a second look takes them.
        output_dir: The folder of the bundle.

    Raises:
        InputError: A model has no weights, the source files are not there, or the folder is of something else.
    """
    if output_dir.exists() and not (output_dir / bundles.SUMS_FILE).is_file() and any(output_dir.iterdir()):
        raise InputError(f"{output_dir} holds something else than a bundle; give another --output_dir.")
    concept = catalogue.CONCEPTS[concept_name]
    used = {role: models[role] for role in concept.models}
    if CROPS in used:
        catalogue.check_source(shards, source_dir)
    measured, finding_threshold = _measure(concept, used, shards, source_dir)
    unfinished = output_dir.with_name(f"{output_dir.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    networks = {role: _save(model, unfinished / bundles.NETWORKS_FOLDER / role) for role, model in used.items()}
    facts = Facts(
        name=name,
        created=bundles.now(),
        concept=concept_name,
        title=concept.title,
        rule=concept.rule,
        height_px=shards.manifest.height_px,
        width_px=shards.manifest.width_px,
        networks=networks,
        calibration=Calibration.from_json(measured["calibration"]),
        operating_points=_points(measured["operating_points"]["exam"]["cancer"]),
        finding_threshold=finding_threshold,
        false_findings_per_image=FALSE_FINDINGS_PER_IMAGE,
        data=shards.facts(),
        figures={key: measured[key] for key in _KEPT_FIGURES if key in measured},
    )
    trained = {role: model.describe() for role, model in used.items()}
    files.write_text(unfinished / bundles.CARD_FILE, model_card.render(facts, measured, trained))
    bundles.seal(unfinished, facts)
    _replace(output_dir, unfinished)
    return bundles.open_bundle(output_dir)


def _measure(
    concept: Concept,
    models: Mapping[str, Model],
    shards: Shards,
    source_dir: pathlib.Path,
) -> tuple[dict[str, Any], float | None]:
    """Returns the concept's figures, as a comparison has them, and the threshold of its findings."""
    logging.info("Measuring the concept %r on the validation and the test split.", concept.title)
    evidence = Evidence(models, shards, source_dir)
    validation, test = (concept.answer(evidence, split) for split in ("validation", "test"))
    measured, _ = judging.of_concept(concept, validation, test)
    if validation.results is None:
        return measured, None
    rule = Rule("centre", class_aware=False)
    threshold = froc.threshold(froc.collect(validation.results, rule), FALSE_FINDINGS_PER_IMAGE)
    return measured, min(threshold, 1.0)  # infinite where nothing was found at all


def _save(model: Model, folder: pathlib.Path) -> Network:
    stage = model.stage
    assert isinstance(stage, DetectorStage | ClassifierStage)
    distribution.set_precision("float32")  # predict rewrites the graph for what its own machine is best at
    network = evaluating.load_best(model.folder, stage, distribution.make_strategy(devices=0))
    return freezing.save(stage, network, folder)


def _points(measured: Mapping[str, Mapping[str, Any]]) -> dict[str, OperatingPoint]:
    """Of a report's operating points, by rule."""
    return {
        rule: OperatingPoint(
            name=rule,
            threshold=point["threshold"],
            sensitivity=point["sensitivity"],
            specificity=point["specificity"],
            **point["n"],
        )
        for rule, point in measured.items()
    }


def _replace(output_dir: pathlib.Path, unfinished: pathlib.Path) -> None:
    """Puts a finished folder in the place of what was there."""
    old = output_dir.with_name(f"{output_dir.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output_dir.exists():
        output_dir.rename(old)
    unfinished.rename(output_dir)
    shutil.rmtree(old, ignore_errors=True)
