"""Converts a data set to sharded TFRecords: views with their boxes, lesion crops, background crops.

A conversion that is stopped goes on where it stopped when the same command is given again; its result is then byte for
byte that of one that was not. What could not be used is listed in rejected.csv.

    bazel run //data_tools:convert -- --data_dir=/data --output_dir=/shards --engine=spark --spark_master=spark://host:7077

converts on a Spark cluster, with the same bytes. Where the environment names the workers of a job (TF_CONFIG, as for
training, or what Kubernetes, Vertex AI or SageMaker set), the same command on each makes a cluster of them.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping

from absl import flags, logging

from data_tools.conversion import Conversion
from data_tools.engines.engine import Engine
from data_tools.engines.local import Local
from data_tools.records import RecordOptions
from data_tools.sources import opening
from mammo.common import cli
from mammo.common.errors import InputError
from mammo.config.data import Encoding
from mammo.data import manifests
from mammo.data.manifests import Manifest
from mammo.training import cluster

_SOURCE = flags.DEFINE_enum("source", "mini_ddsm", opening.NAMES, "What kind of data set --data_dir holds.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the data set.", required=True)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the shards; new or empty.", required=True)
_LABELS = flags.DEFINE_enum(
    "labels", "overlay", opening.LABELS, "Mini-DDSM: pathology from each lesion's overlay, or from the case's status."
)
_TREE = flags.DEFINE_enum("tree", "auto", opening.TREES, "Mini-DDSM: which tree to read; auto takes png16 if there.")
_HEIGHT = flags.DEFINE_integer("height", 1024, "Height of a view, in pixels.", 32, 16_384)
_WIDTH = flags.DEFINE_integer("width", 640, "Width of a view, in pixels.", 32, 16_384)
_ENCODING = flags.DEFINE_enum_class("encoding", Encoding.PNG16, Encoding, "How images are stored.")
_ENGINE = flags.DEFINE_enum("engine", "local", ("local", "spark"), "Processes of this machine, or Apache Spark.")
_WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "Processes, each of one core and below 1 GiB; by default as many as there are cores, of Spark's cluster all.",
    lower_bound=1,
)
_SPARK_MASTER = flags.DEFINE_string(
    "spark_master", None, "Of a standing cluster, spark://host:7077; by default the workers of this job make one."
)
_SPARK_CONF = flags.DEFINE_multi_string(
    "spark_conf", [], "A setting of Spark, such as spark.speculation=true; may be given more than once."
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the splits, the order and the background crops.", lower_bound=0)
_ONLY_SPLIT = flags.DEFINE_enum(
    "only_split", None, manifests.SPLITS, "Put all patients there, as of data that a model is only evaluated on."
)
_LIMIT = flags.DEFINE_integer("limit", 0, "Convert only so many exams, drawn from the seed; 0: all.", lower_bound=0)
_MAX_REJECTED = flags.DEFINE_integer("max_rejected", 0, "Views that may be unusable before it fails.", lower_bound=0)
_VIEWS_PER_SHARD = flags.DEFINE_integer("views_per_shard", 32, "Views in a shard, at most.", lower_bound=1)
_BACKGROUND_CROPS = flags.DEFINE_integer("background_crops", 1, "Crops without a lesion, of each view.", lower_bound=0)


def main() -> None:
    """Converts as the flags say, and prints what came of it; another worker of a job helps to."""
    output_dir = cli.stored_path(_OUTPUT_DIR.value)
    if not _makes_cluster():
        cluster.refuse_others("--spark_master" if _ENGINE.value == "spark" else "--engine=local")
    elif not cluster.current().is_chief:
        _work_for_first(output_dir / manifests.FILE_NAME)
        return
    with _engine() as engine:
        made = _conversion(output_dir, engine).run()
    print(_summary(made))
    print(f"Wrote {output_dir / manifests.FILE_NAME}.")


def _conversion(output_dir: pathlib.Path, engine: Engine) -> Conversion:
    data_dir = cli.user_path(_DATA_DIR.value)
    return Conversion(
        source=opening.open_source(_SOURCE.value, data_dir, _LABELS.value, _TREE.value),
        labels=_LABELS.value,
        options=RecordOptions(
            data_dir=data_dir,
            height_px=_HEIGHT.value,
            width_px=_WIDTH.value,
            encoding=_ENCODING.value,
            seed=_SEED.value,
            background_crops=_BACKGROUND_CROPS.value,
        ),
        output_dir=output_dir,
        views_per_shard=_VIEWS_PER_SHARD.value,
        limit=_LIMIT.value,
        max_rejected=_MAX_REJECTED.value,
        engine=engine,
        only_split=_ONLY_SPLIT.value,
    )


def _makes_cluster() -> bool:
    """Whether the workers of this job make a Spark cluster of their own."""
    return _ENGINE.value == "spark" and _SPARK_MASTER.value is None and cluster.current().count > 1


@contextlib.contextmanager
def _engine() -> Iterator[Engine]:
    """Yields what the flags name; Spark is imported where it is asked for alone."""
    if _ENGINE.value == "local":
        yield Local(_WORKERS.value or os.cpu_count() or 1)
    elif _makes_cluster():
        from data_tools.engines import spark_nodes  # noqa: PLC0415

        with spark_nodes.first_of(cluster.current(), _spark_settings()) as engine:
            yield engine
    else:
        from data_tools.engines.spark import Spark  # noqa: PLC0415

        yield Spark(_SPARK_MASTER.value or f"local[{_WORKERS.value or '*'}]", _spark_settings())


def _spark_settings() -> Mapping[str, str]:
    """Returns what --spark_conf and --workers say.

    Raises:
        InputError: One is no setting.
    """
    for text in _SPARK_CONF.value:
        if not (text.startswith("spark.") and "=" in text):
            raise InputError(f"--spark_conf={text} is no setting of Spark; give it as spark.name=value.")
    settings = dict(text.split("=", 1) for text in _SPARK_CONF.value)
    return {**({"spark.cores.max": str(_WORKERS.value)} if _WORKERS.value else {}), **settings}


def _work_for_first(manifest: pathlib.Path) -> None:
    from data_tools.engines import spark_nodes  # noqa: PLC0415

    spark_nodes.other_of(cluster.current(), manifest.is_file)
    logging.info("%s is written: this worker has no more to do.", manifest)


def _summary(made: Manifest) -> str:
    """Returns the counts as a table to read."""
    names = dict.fromkeys(name for split in made.splits.values() for name in split.images)
    title = "".join(f"{name:>8}" for name in names)
    lines = [f"{'':12}{'patients':>9}{'exams':>7}{title}{'outlines':>10}{'crops':>7}"]
    for name, split in made.splits.items():
        images = "".join(f"{count:8,}" for count in (split.images.get(name, 0) for name in names))
        outlines, crops = sum(split.lesions.values()), sum(split.crops.values())
        lines.append(f"{name:12}{split.patients:9,}{split.exams:7,}{images}{outlines:10,}{crops:7,}")
    lines.append(f"{made.rejected} views rejected, {made.widened} widened to hold a lesion beside the breast found.")
    return "\n".join(lines)


if __name__ == "__main__":
    cli.run(main)
