"""Compares the four concepts of the 2022 study on equal terms: trains what is missing, evaluates all, writes one page.

With nothing given it does so on synthetic exams. A comparison that was stopped goes on when the same command is given
again.

bazel run //mammo:compare -- --data_dir=~/mini_ddsm --workdir=~/runs/comparison
"""

import functools
import sys
import time

from absl import flags, logging
from ml_collections import config_flags

from data_tools import preparation
from mammo import presets
from mammo.common import cli
from mammo.concepts.concept import NoSourceError
from mammo.config import comparison
from mammo.training import cluster

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Another configuration: a name in configs/, or a file; --config.models.<model>.<field>=<value>."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Shards, or a Mini-DDSM folder, which is converted first; none: synthetic exams are drawn."
)
_SOURCE_DIR = flags.DEFINE_string(
    "source_dir", None, "With shards: the folder of the files that they are made of, which the second look reads."
)
_WORKDIR = flags.DEFINE_string("workdir", "runs/comparison", "Folder of the comparison, where you stand or absolute.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for report.html and report.json; by default the workdir.")


def main() -> None:
    """Prepares the data, compares, says where the page is."""
    logging.set_verbosity(logging.INFO)
    began_s = time.monotonic()
    workers = cluster.current()
    if workers.count > 1:
        cli.name_logs(str(workers))
    given, folder = _CONFIG.value, cli.user_path(_WORKDIR.value)
    output_dir = cli.user_path(_OUTPUT_DIR.value) if _OUTPUT_DIR.value else folder
    data_dir = cli.stored_path(_DATA_DIR.value) if _DATA_DIR.value else None
    for model in given.get("models", {}).values():
        if "model" in model:
            model.model.weights = cli.weights(model.model.weights)
    config = comparison.from_fields(given)
    source_dir = (
        cli.user_path(_SOURCE_DIR.value) if _SOURCE_DIR.value else preparation.find_source(data_dir, folder / "data")
    )
    if source_dir is None:
        assert data_dir is not None
        raise NoSourceError(data_dir)

    from mammo.concepts import comparing  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before
    from mammo.data.shards import Shards  # noqa: PLC0415
    from mammo.reports import comparison as page  # noqa: PLC0415
    from mammo.training import apart, workdir  # noqa: PLC0415

    with workdir.claim(folder):
        join = preparation.join
        if workers.count > 1:  # in this process, which trains nothing, TensorFlow would take the GPUs
            join = functools.partial(apart.call, preparation.join)
        shards = Shards.open(preparation.prepare(data_dir, folder / "data", config.data))
        models = comparing.train(config, shards, lambda: Shards.open(join(shards, folder / "data")), source_dir, folder)
        if not workers.is_chief:
            return
        cluster.go_on_alone()
        made = comparing.compare(config, models, shards, source_dir)
        written = page.write(output_dir, made.report, made.answers, shards)
    taken = cli.duration(time.monotonic() - began_s)
    print(f"Wrote {written} after {taken}; the figures are beside it, the models in {folder}/models.")


if __name__ == "__main__":
    sys.argv[:] = cli.or_exit(lambda: presets.with_config(sys.argv, "comparison"))
    cli.run(main)
