"""The report of a bundle on labelled shards: its figures as it answers, with pictures."""

import pathlib
from typing import cast

from mammo.common.json_types import JsonObject
from mammo.data.shards import Shards
from mammo.inference.bundle_evaluation import BundleEvaluation
from mammo.inference.bundles import Bundle
from mammo.reports import evaluation, galleries
from mammo.reports.evaluation import Report


def write(
    output_dir: pathlib.Path,
    bundle: Bundle,
    made: BundleEvaluation,
    shards: Shards,
    split: str,
    run_time: dict[str, float],
) -> pathlib.Path:
    """Writes report.json and report.html.

    Args:
        output_dir: A folder, which is made if need be.
        bundle: What was evaluated.
        made: What it brought.
        shards: The data set that the split is of.
        split: Which split.
        run_time: Seconds, by what took them.

    Returns:
        The path of the page.
    """
    model: JsonObject = {
        "name": bundle.facts.name,
        "concept": bundle.facts.concept,
        "sha256": bundle.sha256,
        "is_of_phantoms": bool(bundle.facts.data.get("is_phantom")),
    }
    report = {
        **made.figures,
        "data": {**shards.facts(), "is_training_data": is_training_data(bundle, shards)},
        "split": split,
        "model": model,
        "time": run_time,
    }
    chapters = galleries.of_answers(made.answers, made.figures, lambda key: shards.read_image(split, key))
    evaluation.write(output_dir, cast(Report, report), [], chapters)
    return output_dir / evaluation.PAGE_NAME


def is_training_data(bundle: Bundle, shards: Shards) -> bool:
    """Tells whether shards are the conversion whose training split the models of a bundle have learnt from."""
    return any(plan.data.data_sha256 == shards.data_sha256 for plan in bundle.facts.networks.values())
