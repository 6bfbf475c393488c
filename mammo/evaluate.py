"""Evaluates a trained model on one split of any labelled shards, and writes its report: figures, curves and pictures.

bazel run //mammo:evaluate -- --workdir=~/runs/first --data_dir=~/other_shards --split=validation
"""

import time
from typing import cast

from absl import flags, logging

from data_tools import preparation
from mammo.common import cli
from mammo.common.errors import InputError
from mammo.config.run import PRECISIONS, Precision

_WORKDIR = flags.DEFINE_string("workdir", "runs/detector", "Folder of a run, where you stand or absolute.")
_MODEL = flags.DEFINE_string("model", None, "Folder of a trained model, in place of --workdir.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Shards to evaluate on, any that are labelled; none: those that the run made in its own workdir."
)
_SPLIT = flags.DEFINE_enum("split", "test", ["validation", "test"], "Which patients to evaluate on.")
_PRECISION = flags.DEFINE_enum(
    "precision", PRECISIONS[0], PRECISIONS, "What to compute in, whatever it was trained in; auto: what is fast here."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for report.html and report.json; by default <workdir>/evaluation-<split>."
)


def main() -> None:
    """Opens the model, evaluates, reports."""
    logging.set_verbosity(logging.INFO)
    began_s = time.monotonic()
    if _MODEL.value and _WORKDIR.present:
        raise InputError("--workdir and --model are both given; give one of them.")
    folder = cli.user_path(_MODEL.value or _WORKDIR.value)
    output_dir = cli.user_path(_OUTPUT_DIR.value) if _OUTPUT_DIR.value else folder / f"evaluation-{_SPLIT.value}"

    from mammo.data.shards import Shards  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before
    from mammo.models import plans  # noqa: PLC0415
    from mammo.reports import run  # noqa: PLC0415
    from mammo.stages import stages  # noqa: PLC0415
    from mammo.training import distribution, evaluating, workdir  # noqa: PLC0415

    data_dir = cli.user_path(_DATA_DIR.value) if _DATA_DIR.value else preparation.find_shards(folder / "data")
    if data_dir is None:
        raise InputError(f"{folder} holds no data of its own; give a --data_dir to evaluate on.")
    known, shards = plans.read(folder), Shards.open(data_dir)
    stage = stages.from_plan(known, shards)
    strategy = distribution.make_strategy(devices=0)  # of this machine, wherever the run was made
    distribution.set_precision(cast(Precision, _PRECISION.value))
    evaluation = evaluating.of_best(folder, stage, strategy, _SPLIT.value)
    seconds = {"start_s": time.monotonic() - began_s}
    page = run.write(output_dir, evaluation, shards, workdir.read_fields(folder), seconds, folder)
    of = "the data that it was trained on" if run.is_training_data(evaluation, shards) else "other data"
    print(f"Wrote {page}: the model on {of}; the figures are beside it.")


if __name__ == "__main__":
    cli.run(main)
