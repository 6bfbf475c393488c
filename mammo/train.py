"""Trains a stage, and says how good it became: checkpoints, metrics, and a report of the test split.

With nothing given it draws synthetic exams, converts and trains on them. A run that was stopped, or killed, goes on
when the same command is given again, and ends in the same weights.

bazel run //mammo:train -- --stage=detector --data_dir=~/mini_ddsm --config.optimizer.learning_rate=3e-4
"""

import sys
import time

from absl import flags, logging
from ml_collections import config_flags

from data_tools import preparation
from mammo import presets
from mammo.common import cli
from mammo.common.errors import InputError
from mammo.config import run

_STAGE = flags.DEFINE_enum(
    "stage",
    presets.STAGES[0],
    presets.STAGES,
    "What to train, by its preset in configs/; --config has a stage of its own.",
)
_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Another configuration: a name in configs/, or a file; --config.<field>=<value> overrides a field."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Shards, or a Mini-DDSM folder, which is converted first; none: synthetic exams are drawn."
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; by default runs/<stage> where you stand.")


def main() -> None:
    """Prepares the data, trains, evaluates, reports."""
    logging.set_verbosity(logging.INFO)
    began_s = time.monotonic()
    given = _CONFIG.value
    if "stage" not in given:
        raise InputError(
            "--config is of no stage; give one like configs/detector.py. //mammo:compare takes comparisons."
        )
    if _STAGE.present and given.stage != _STAGE.value:
        raise InputError(f"--stage={_STAGE.value}, but the configuration is of the stage {given.stage!r}.")
    folder = cli.user_path(_WORKDIR.value or f"runs/{given.stage}")
    data_dir = cli.user_path(_DATA_DIR.value) if _DATA_DIR.value else None
    if "model" in given:
        given.model.weights = cli.weights(given.model.weights)
    config = run.from_fields(given)

    from mammo.data.shards import Shards  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before
    from mammo.reports import run as report  # noqa: PLC0415
    from mammo.training import loop, stopwatch, workdir  # noqa: PLC0415

    with workdir.claim(folder):
        with stopwatch.counting(folder, "preparation_s") as preparing:
            shards_dir = preparation.prepare(data_dir, folder / "data", config.data)
        shards = Shards.open(shards_dir)
        config = workdir.settle_config(folder, config, shards)
        evaluation, training_s = loop.train(config, shards, folder)
        seconds = {"preparation_s": preparing.total_s, "training_s": training_s}
        page = report.write(folder, evaluation, shards, workdir.to_json(config), seconds, folder)
    print(f"Wrote {page} after {cli.duration(time.monotonic() - began_s)}; checkpoints and metrics are beside it.")


if __name__ == "__main__":
    sys.argv[:] = cli.or_exit(lambda: presets.with_config(sys.argv, presets.STAGES[0]))
    cli.run(main)
