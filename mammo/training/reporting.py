"""The report of a trained model: what it finds in a split, with pictures, and how it was made."""

import dataclasses
import pathlib
from typing import Any

from mammo.data import files, manifest
from mammo.data import shards as shards_lib
from mammo.evaluation import report
from mammo.training import evaluating, telemetry


def write(
    output_dir: pathlib.Path,
    evaluation: evaluating.Evaluation,
    shards: shards_lib.Shards,
    config: dict[str, Any],
    run_time: dict[str, float],
    workdir: pathlib.Path,
) -> pathlib.Path:
    """Evaluates, and writes report.json and report.html.

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
        "data": describe_data(shards),
        "split": split,
        **evaluator.report(),
        "config": config,
        "time": run_time,
    }
    chapters = evaluator.gallery(lambda key: seen.read_image(split, key))
    report.write(output_dir, fields, telemetry.read_metrics(workdir), chapters)
    return output_dir / report.PAGE_NAME


def describe_data(shards: shards_lib.Shards) -> dict[str, Any]:
    """Returns what report.json says of the data."""
    made = shards.manifest
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made) if field.name != "splits"}
    return {
        **fields,
        "is_phantom": made.source == manifest.PHANTOM,
        "manifest_sha256": files.sha256_of(shards.folder / manifest.FILE_NAME),
        "patients": {name: split.patients for name, split in made.splits.items()},
    }
