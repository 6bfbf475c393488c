"""Makes a model bundle of trained models: their networks, and what validation and test say of their concept."""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from absl import logging
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import MissingProjection
from mammo.common import files, storage, typed_json
from mammo.common.errors import InputError
from mammo.concepts import catalogue, evidence, judging, trained_models
from mammo.concepts.catalogue import CONCEPTS
from mammo.concepts.concept import Concept, Role
from mammo.concepts.evidence import Evidence
from mammo.concepts.judging import Judged
from mammo.concepts.trained_models import TrainedModel
from mammo.data import manifests
from mammo.data.shards import Shards
from mammo.inference import bundles, freezing, model_card
from mammo.inference.bundle_facts import DataFacts, Facts
from mammo.inference.bundles import Bundle
from mammo.inference.sealing import CARD_FILE, NETWORKS_FOLDER, SUMS_FILE
from mammo.metrics.figures import OperatingFigures
from mammo.models.plans import Plan
from mammo.training import distribution, evaluating

_PHANTOMS = "phantoms, which a program drew"
_KEPT_FIGURES = ("auc", "accuracy", "balanced_accuracy", "macro_f1", "froc", "n")


class Described(NamedTuple):
    """What a person says of the data that a model was trained on.

    Attributes:
        trained_on: A line, for every answer; None: the name of its source.
        notes: Markdown, for the model card: whose data it is, what it holds and lacks, what it must not be used for.
    """

    trained_on: str | None = None
    notes: str = ""


def choose(models: Mapping[Role, TrainedModel], concept: str | None) -> Concept:
    """Returns the concept to export.

    Args:
        models: That there are, by role.
        concept: As the person asked for it; None: the multi-stage one where it can be had, or the first that can.

    Raises:
        InputError: The models do not make up the concept, or any.
    """
    whole = {name: known for name, known in CONCEPTS.items() if set(known.roles) <= set(models)}
    if concept is None and whole:
        return whole.get(catalogue.DEFAULT) or next(iter(whole.values()))
    if concept in whole:
        return whole[concept]
    there = ", ".join(sorted(models)) or "none"
    if concept is None:
        raise InputError(
            f"the models ({there}) make up no concept: a class-blind detector (finder) takes a crop_classifier, breast "
            "takes both, tumour takes malignancy; give the workdirs of all, --workdir=a,b."
        )
    needed = ", ".join(CONCEPTS[concept].roles)
    raise InputError(f"--concept={concept} takes the models {needed}, but there are {there}.")


def export(
    name: str,
    concept: Concept,
    models: Mapping[Role, TrainedModel],
    shards: Shards,
    source_dir: pathlib.Path | None,
    output_dir: pathlib.Path,
    described: Described = Described(),  # noqa: B008  it cannot change
    *,
    flips: bool = False,
    halved: bool = False,
    key: Ed25519PrivateKey | None = None,
) -> Bundle:
    """Measures a concept, and writes its bundle, whole or not at all; one that was there is replaced.

    Args:
        name: Of the bundle.
        concept: Of which all models are there.
        models: By role.
        shards: Which they were trained on.
        source_dir: Where the files lie that the shards are made of, for a second look.
        output_dir: The folder of the bundle.
        described: What a person says of the data.
        flips: Whether detectors look at each view's mirror image, too.
        halved: Whether the networks' weights are stored as float16.
        key: Signs the bundle; None: it is not signed.

    Raises:
        InputError: A model has no weights, the source files are not there, or the folder is of something else.
    """
    if shards.manifest.shows != "views":
        raise InputError(
            f"{shards.folder} shows both views of a breast in one image, but answers are given view by view; give the "
            "shards of views that these were made of as --data_dir."
        )
    if output_dir.exists() and not _is_bundle(output_dir) and any(output_dir.iterdir()):
        raise InputError(f"{output_dir} holds something else than a bundle; give another --output_dir.")
    evidence.check_source([concept], shards, source_dir)
    logging.info("Measuring the concept %r on the validation and the test split.", concept.title)
    asked = Evidence(lambda role: trained_models.open_model(models[role]), shards, source_dir, flips=flips)
    judged = judging.judge(concept, *(asked.answers(concept, split) for split in ("validation", "test")))
    networks = {role.value: models[role].stage.plan for role in concept.roles}
    source = _PHANTOMS if shards.manifest.source == manifests.PHANTOM else shards.manifest.source
    facts = _facts(name, described.trained_on or source, concept, judged, networks, shards, flips=flips)
    trained = {role.value: models[role].describe() for role in concept.roles}
    with _replacing(output_dir) as unfinished:
        for role in concept.roles:
            _save(models[role], unfinished / NETWORKS_FOLDER / role, halved=halved)
        files.write_text(unfinished / CARD_FILE, model_card.render(facts, judged.figures, trained, described.notes))
        bundles.seal(unfinished, facts, key)
    return bundles.open_bundle(output_dir)


def _facts(
    name: str,
    trained_on: str,
    concept: Concept,
    judged: Judged,
    networks: Mapping[str, Plan],
    shards: Shards,
    *,
    flips: bool,
) -> Facts:
    return Facts(
        name=name,
        created=bundles.now(),
        trained_on=trained_on,
        concept=concept.name,
        title=concept.title,
        rule=concept.rule,
        height_px=shards.manifest.height_px,
        width_px=shards.manifest.width_px,
        networks=networks,
        flips=flips,
        calibration=judged.calibration,
        missing_projection=judged.missing_projection.get("cancer", MissingProjection()),
        operating_points=_points(judged.figures["operating_points"]["exam"]["cancer"]),
        finding_threshold=judged.finding_threshold,
        false_findings_per_image=judging.FALSE_FINDINGS_PER_IMAGE,
        data=typed_json.into(shards.facts(), DataFacts),
        figures={key: value for key, value in judged.figures.items() if key in _KEPT_FIGURES},
    )


def _save(model: TrainedModel, folder: pathlib.Path, *, halved: bool) -> None:
    stage = model.stage
    distribution.set_precision("float32")  # predict rewrites the graph for what its own machine is best at
    network = evaluating.load_best(model.folder, stage, distribution.make_strategy(devices=0))
    freezing.save(stage, network, folder, halved=halved)


def _points(measured: Mapping[str, OperatingFigures]) -> dict[str, OperatingPoint]:
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


def _is_bundle(folder: pathlib.Path) -> bool:
    """Whether a folder is a bundle or, in an object store, has become half of one when an export was killed."""
    is_half = storage.is_stored(folder) and bundles.is_bundle(folder)
    return is_half or (folder / SUMS_FILE).is_file()


@contextlib.contextmanager
def _replacing(output_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a folder of a disk, which takes the place of what was there when the block ends without an error."""
    if storage.is_stored(output_dir):
        with files.making_folder(output_dir, whole_by=SUMS_FILE) as unfinished:
            yield unfinished
        return
    unfinished, old = (output_dir.with_name(f"{output_dir.name}.{end}") for end in ("partial", "old"))
    shutil.rmtree(unfinished, ignore_errors=True)
    yield unfinished
    files.sync_tree(unfinished)
    shutil.rmtree(old, ignore_errors=True)
    if output_dir.exists():
        output_dir.rename(old)
    unfinished.rename(output_dir)
    files.sync(output_dir.parent)
    shutil.rmtree(old, ignore_errors=True)
