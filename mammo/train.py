"""Trains a stage, and says how good it became: checkpoints, metrics, and a report of the test split.

With nothing given it draws synthetic exams, converts and trains on them. A run that was stopped, or killed, goes on
when the same command is given again, and ends in the same weights.

bazel run //mammo:train -- --stage=detector --data_dir=~/mini_ddsm --config.optimizer.learning_rate=3e-4
"""

import pathlib
import sys
import time
from typing import TYPE_CHECKING

from absl import flags, logging
from ml_collections import config_flags

from data_tools import preparation
from mammo import presets
from mammo.common import cli, storage
from mammo.common.errors import InputError
from mammo.config import run
from mammo.training import cluster

if TYPE_CHECKING:
    from mammo.data.shards import Shards

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
_FOLDS = flags.DEFINE_integer(
    "folds",
    0,
    "Cross-validation: deals the patients of training and validation into so many folds and trains a model for each on "
    "all others; the report is of all folds together. 0: one model, as the data is split.",
    lower_bound=0,
)
flags.register_validator(_FOLDS, lambda count: count != 1, "is 0, or 2 or more")  # type: ignore[no-untyped-call]
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; by default runs/<stage> where you stand.")


def main() -> None:
    """Prepares the data, trains, evaluates, reports."""
    logging.set_verbosity(logging.INFO)
    began_s = time.monotonic()
    workers = cluster.current()
    if _FOLDS.value:
        cluster.refuse_others("--folds")
    if workers.count > 1:
        cli.name_logs(str(workers))
    given = _CONFIG.value
    if "stage" not in given:
        raise InputError(
            "--config is of no stage; give one like configs/detector.py. //mammo:compare takes comparisons."
        )
    if _STAGE.present and given.stage != _STAGE.value:
        raise InputError(f"--stage={_STAGE.value}, but the configuration is of the stage {given.stage!r}.")
    folder = cli.stored_path(_WORKDIR.value or f"runs/{given.stage}")
    data_dir = cli.stored_path(_DATA_DIR.value) if _DATA_DIR.value else None
    if _FOLDS.value:  # which are links
        for path in filter(None, (folder, data_dir)):
            storage.refuse_address(str(path))
    if "model" in given:
        given.model.weights = cli.weights(given.model.weights)
    config = run.from_fields(given)

    from data_tools import folds  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before
    from mammo.data.shards import Shards  # noqa: PLC0415
    from mammo.reports import run as report  # noqa: PLC0415
    from mammo.training import agreement, cross_validation, loop, stopwatch, workdir  # noqa: PLC0415

    with workdir.claim(folder):
        with stopwatch.counting(folder, "preparation_s") as preparing:
            shards_dir = preparation.prepare(data_dir, folder / "data", config.data)
        shards = Shards.open(shards_dir)
        seconds = {"preparation_s": preparing.total_s}
        if _FOLDS.value:
            _check_weights(config, shards)
            dealt = folds.deal(shards, folder / _folds_name(shards), _FOLDS.value)
            pooled = cross_validation.run(config, dealt, folder)
            seconds["training_s"] = pooled.training_s
            page = report.write_pooled(folder, pooled, _FOLDS.value, shards, seconds)
        else:
            config = workdir.settle_config(folder, config, shards)
            evaluation, seconds["training_s"] = loop.train(config, shards, folder)
            with agreement.lost_worker_in_a_sentence():
                if not workers.is_chief:
                    evaluation.run()  # together with the chief, who writes
                    return
                page = report.write(folder, evaluation, shards, workdir.to_json(config), seconds, folder)
    taken, place = cli.duration(time.monotonic() - began_s), "in a folder of each fold" if _FOLDS.value else "beside it"
    print(f"Wrote {page} after {taken}; checkpoints and metrics are {place}.")


def _check_weights(config: run.RunConfig, shards: "Shards") -> None:
    """Refuses initial weights that have learnt from patients of the folds: all figures would be too good."""
    from mammo.models import plans  # noqa: PLC0415
    from mammo.training import workdir  # noqa: PLC0415

    weights = pathlib.Path(config.model.weights)
    if weights.name == workdir.BACKBONE_FILE and (weights.parent / plans.FILE_NAME).is_file():
        learnt_from = plans.read(weights.parent).data
        if learnt_from.source == shards.manifest.source:
            raise InputError(
                f"--config.model.weights={weights} has learnt from {learnt_from.source}, perhaps from patients of the "
                "folds; give imagenet, none, or weights of other data."
            )


def _folds_name(shards: "Shards") -> str:
    """Names the folder of the folds of these shards: those of other data are others."""
    return f"folds-{_FOLDS.value}-{shards.manifest_sha256[:8]}"


if __name__ == "__main__":
    sys.argv[:] = cli.or_exit(lambda: presets.with_config(sys.argv, presets.STAGES[0]))
    cli.run(main)
