"""The report of a trained model: what it finds in a split, with pictures, and how it was made."""

import dataclasses
import pathlib
from typing import Any

from mammo.common import files
from mammo.data import manifests
from mammo.data.shards import Shards
from mammo.reports import evaluation as evaluation_lib
from mammo.training import telemetry
from mammo.training.evaluating import Evaluation


def write(
    output_dir: pathlib.Path,
    evaluation: Evaluation,
    shards: Shards,
    config: dict[str, Any],
    run_time: dict[str, float],
    workdir: pathlib.Path,
) -> pathlib.Path:
    """Evaluates, and writes evaluation_lib.json and evaluation_lib.html.

    Args:
        output_dir: Where to.
        evaluation: Of one split.
        shards: What it reads.
        config: Of the run.
        run_time: What took how long, in seconds.
        workdir: Of the run; its metrics.jsonl gives the curves of training.

    Returns:
        The path of the page.
    """
    evaluator = evaluation.run()
    split, seen = evaluation.split, evaluation.stage.shards  # views, or crops
    fields = {
        "data": describe_data(shards) | {"is_training_data": is_training_data(evaluation, shards)},
        "split": split,
        **evaluator.report(),
        "config": config,
        "time": run_time,
    }
    chapters = evaluator.gallery(lambda key: seen.read_image(split, key))
    evaluation_lib.write(output_dir, fields, telemetry.read_metrics(workdir), chapters)
    return output_dir / evaluation_lib.PAGE_NAME


def describe_data(shards: Shards) -> dict[str, Any]:
    """Returns what evaluation_lib.json says of the data."""
    made = shards.manifest
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made) if field.name != "splits"}
    return {
        **fields,
        "is_phantom": made.source == manifests.PHANTOM,
        "manifest_sha256": files.sha256_of(shards.folder / manifests.FILE_NAME),
        "patients": {name: split.patients for name, split in made.splits.items()},
    }


def is_training_data(evaluation: Evaluation, shards: Shards) -> bool:
    """Tells whether a model is evaluated on the conversion whose training split it has learnt from."""
    return evaluation.stage.plan.data.manifest_sha256 == files.sha256_of(shards.folder / manifests.FILE_NAME)
