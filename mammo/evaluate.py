"""Evaluates a trained model on one split of any labelled shards, and writes its report: figures, curves and pictures.

bazel run //mammo:evaluate -- --workdir=~/runs/first --data_dir=~/other_shards --split=validation
"""

import pathlib
import time
from typing import cast

from absl import flags, logging

from data_tools import preparation
from mammo.common import cli
from mammo.common.errors import InputError
from mammo.config.run import PRECISIONS, Precision
from mammo.inference import bundles, signing
from mammo.inference.bundles import Bundle
from mammo.models import plans
from mammo.training import cluster

_WORKDIR = flags.DEFINE_string("workdir", "runs/detector", "Folder of a run, where you stand or absolute.")
_MODEL = flags.DEFINE_string("model", None, "Folder of a bundle or of a run, in place of --workdir.")
_TRUST = flags.DEFINE_string(
    "trust",
    None,
    "Public key (Ed25519, PEM) that must have signed the bundle, or a folder of such *.pem; none: any bundle is taken.",
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Shards to evaluate on, any that are labelled; none: those that the run made in its own workdir."
)
_SOURCE_DIR = flags.DEFINE_string(
    "source_dir", None, "A bundle with a second look: folder of the files that the shards are made of."
)
_SPLIT = flags.DEFINE_enum("split", "test", ["validation", "test"], "Which patients to evaluate on.")
_PRECISION = flags.DEFINE_enum(
    "precision", PRECISIONS[0], PRECISIONS, "What to compute in, whatever it was trained in; auto: what is fast here."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Folder for report.html and report.json; by default in the run, or beside the bundle.",
)


def main() -> None:
    """Opens the model, evaluates, reports."""
    logging.set_verbosity(logging.INFO)
    cluster.refuse_others("//mammo:evaluate")
    began_s = time.monotonic()
    if _MODEL.value and _WORKDIR.present:
        raise InputError("--workdir and --model are both given; give one of them.")
    folder = cli.stored_path(_MODEL.value or _WORKDIR.value)
    output_dir = cli.stored_path(_OUTPUT_DIR.value) if _OUTPUT_DIR.value else folder / f"evaluation-{_SPLIT.value}"
    if bundles.is_bundle(folder):
        trusted = signing.read_trusted(cli.user_path(_TRUST.value)) if _TRUST.value else None
        bundle, output_dir = bundles.open_bundle(folder, trusted), output_dir if _OUTPUT_DIR.value else _beside(folder)
        page, is_training_data = _evaluate_bundle(bundle, output_dir, began_s)
    elif _TRUST.value:
        raise InputError(f"{folder} is no bundle, so that nobody signed it; give --trust with a bundle as --model.")
    else:
        page, is_training_data = _evaluate_run(folder, output_dir, began_s)
    data = "the data that it was trained on" if is_training_data else "other data"
    print(f"Wrote {page}: the model on {data}; the figures are beside it.")


def _beside(bundle_dir: pathlib.Path) -> pathlib.Path:
    """A bundle is never written into: its checksums would no longer hold."""
    return bundle_dir.with_name(f"{bundle_dir.name}-evaluation-{_SPLIT.value}")


def _evaluate_run(folder: pathlib.Path, output_dir: pathlib.Path, began_s: float) -> tuple[pathlib.Path, bool]:
    """Evaluates the best weights of a run; returns the page, and whether the data is that of the training."""
    if (folder / "models").is_dir() and not (folder / plans.FILE_NAME).exists():
        raise InputError(f"{folder} is of a comparison; give one of its models, as in {folder}/models, or its bundle.")

    from mammo.data.shards import Shards  # noqa: PLC0415  TensorFlow takes seconds: wrong flags are told before
    from mammo.reports import run  # noqa: PLC0415
    from mammo.stages import stages  # noqa: PLC0415
    from mammo.training import distribution, evaluating, workdir  # noqa: PLC0415

    plan, shards = plans.read(folder), Shards.open(_data_dir(folder / "data"))
    stage = stages.from_plan(plan, shards)
    strategy = distribution.make_strategy(devices=0)  # of this machine, wherever the run was made
    distribution.set_precision(cast(Precision, _PRECISION.value))
    evaluation = evaluating.of_best(folder, stage, strategy, _SPLIT.value)
    seconds = {"start_s": time.monotonic() - began_s}
    page = run.write(output_dir, evaluation, shards, workdir.read_fields(folder), seconds, folder)
    return page, run.is_training_data(evaluation, shards)


def _evaluate_bundle(bundle: Bundle, output_dir: pathlib.Path, began_s: float) -> tuple[pathlib.Path, bool]:
    """Evaluates a bundle as it answers; returns the page, and whether the data is that of the training."""
    from mammo.data.shards import Shards  # noqa: PLC0415  as above
    from mammo.inference import bundle_evaluation  # noqa: PLC0415
    from mammo.reports import bundle as bundle_report  # noqa: PLC0415

    own_data = bundle.folder.parent / "data"  # of the run that it was exported from, where it still lies there
    shards = Shards.open(_data_dir(own_data))
    given = _SOURCE_DIR.value
    source_dir = cli.user_path(given) if given else preparation.find_source_of(shards.folder)
    made = bundle_evaluation.evaluate(bundle, shards, _SPLIT.value, source_dir, _PRECISION.value)
    seconds = {"evaluation_s": time.monotonic() - began_s}
    page = bundle_report.write(output_dir, bundle, made, shards, _SPLIT.value, seconds)
    return page, bundle_report.is_training_data(bundle, shards)


def _data_dir(own_data: pathlib.Path) -> pathlib.Path:
    """Returns the folder of shards that is given, or that a run has made itself."""
    found = cli.stored_path(_DATA_DIR.value) if _DATA_DIR.value else preparation.find_shards(own_data)
    if found is None:
        raise InputError(f"{own_data.parent} holds no data of its own; give a --data_dir to evaluate on.")
    return found


if __name__ == "__main__":
    cli.run(main)
