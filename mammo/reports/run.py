"""The report of a trained model: its figures on a split, with pictures, and how it was made."""

import pathlib

from mammo.common.json_types import JsonObject
from mammo.data.shards import Shards
from mammo.reports import evaluation, galleries
from mammo.reports.evaluation import Report
from mammo.training import telemetry, workdir
from mammo.training.cross_validation import Pooled
from mammo.training.evaluating import Evaluation


def write(
    output_dir: pathlib.Path,
    of_split: Evaluation,
    shards: Shards,
    config: JsonObject,
    run_time: dict[str, float],
    workdir: pathlib.Path,
) -> pathlib.Path:
    """Evaluates a model on a split, and writes report.json and report.html.

    Args:
        output_dir: A folder, which is made if need be.
        of_split: The model with its split.
        shards: The data set that the split is of.
        config: Configuration of the run.
        run_time: Seconds, by what took them.
        workdir: Folder of the run; its metrics.jsonl gives the curves of training.

    Returns:
        The path of the page.
    """
    evaluator = of_split.run()
    split, seen = of_split.split, of_split.stage.shards  # views, or crops
    report: Report = {
        "data": {**shards.facts(), "is_training_data": is_training_data(of_split, shards)},
        "split": split,
        **evaluator.report(),
        "config": config,
        "time": run_time,
    }
    chapters = galleries.of_evaluator(evaluator, lambda key: seen.read_image(split, key))
    evaluation.write(output_dir, report, telemetry.read_metrics(workdir), chapters)
    return output_dir / evaluation.PAGE_NAME


def write_pooled(
    output_dir: pathlib.Path,
    pooled: Pooled,
    folds: int,
    shards: Shards,
    run_time: dict[str, float],
) -> pathlib.Path:
    """Writes report.json and report.html of a cross-validation.

    Args:
        output_dir: A folder, which is made if need be.
        pooled: What the models of all folds say.
        folds: How many.
        shards: The data set whose patients were dealt out.
        run_time: Seconds, by what took them.

    Returns:
        The path of the page.
    """
    report: Report = {
        "data": {**shards.facts(), "is_training_data": False},
        "split": f"{folds} folds",
        **pooled.evaluator.report(),
        "config": workdir.to_json(pooled.config),
        "time": run_time,
    }
    evaluation.write(output_dir, report, [], [])
    return output_dir / evaluation.PAGE_NAME


def is_training_data(evaluation: Evaluation, shards: Shards) -> bool:
    """Tells whether a model is evaluated on the conversion whose training split it has learnt from."""
    return evaluation.stage.plan.data.data_sha256 == shards.data_sha256
