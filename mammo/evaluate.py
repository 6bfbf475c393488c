"""Evaluates the best weights of a run on one split, and writes its report: figures, curves and pictures.

bazel run //mammo:evaluate -- --workdir=~/runs/first --data_dir=~/mini_ddsm_shards --split=validation
"""

import time

from absl import flags, logging

from data_tools import preparation
from mammo.common import cli
from mammo.common.errors import InputError

_WORKDIR = flags.DEFINE_string("workdir", "runs/detector", "Folder of a run, where you stand or absolute.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "The shards that it was trained on; none: those that the run made in its own workdir."
)
_SPLIT = flags.DEFINE_enum("split", "test", ["validation", "test"], "Which patients to evaluate on.")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for report.html and report.json; by default <workdir>/evaluation-<split>."
)


def main() -> None:
    """Opens the run, evaluates, reports."""
    logging.set_verbosity(logging.INFO)
    began_s = time.monotonic()
    folder = cli.user_path(_WORKDIR.value)
    output_dir = cli.user_path(_OUTPUT_DIR.value) if _OUTPUT_DIR.value else folder / f"evaluation-{_SPLIT.value}"

    from mammo.data.shards import Shards  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before
    from mammo.reports import run  # noqa: PLC0415
    from mammo.stages import stages  # noqa: PLC0415
    from mammo.training import distribution, evaluating, workdir  # noqa: PLC0415

    data_dir = cli.user_path(_DATA_DIR.value) if _DATA_DIR.value else preparation.find_shards(folder / "data")
    if data_dir is None:
        raise InputError(f"{folder} holds no data of its own; give the --data_dir that it was trained on.")
    shards = Shards.open(data_dir)
    config = workdir.read_config(folder, shards)
    strategy = distribution.make_strategy(devices=0)  # of this machine, wherever the run was made
    distribution.set_precision(config.precision)
    evaluation = evaluating.of_best(folder, stages.from_config(config, shards), strategy, _SPLIT.value)
    seconds = {"start_s": time.monotonic() - began_s}
    page = run.write(output_dir, evaluation, shards, config.to_dict(), seconds, folder)
    print(f"Wrote {page}; the figures are beside it.")


if __name__ == "__main__":
    cli.run(main)
