"""Answers for exams of PNG, JPEG or DICOM files: scores, boxes and a page with the views as a reader hangs them.

bazel run //mammo:predict -- --exam=~/exams/0017 --output_dir=~/answers
"""

import pathlib
import time
from typing import TYPE_CHECKING

from absl import flags, logging

from mammo.common import cli
from mammo.common.errors import InputError

if TYPE_CHECKING:
    from mammo.inference.predictor import Predictor

_EXAM = flags.DEFINE_list(
    "exam",
    None,
    "What to answer: a folder of views, or of folders; files, with commas between; or a CSV with the columns exam_id, "
    "path and, where they are known, laterality and projection. Where you stand or absolute.",
)
_MODEL = flags.DEFINE_string(
    "model", None, "Folder of a bundle that //mammo:export made; none: the last one in --runs."
)
_RUNS = flags.DEFINE_string("runs", "runs", "Folder of runs in which to look for a bundle, without --model.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "predictions", "Folder for the answers, made if need be.")
_OPERATING_POINT = flags.DEFINE_string(
    "operating_point", "screening", "From which score on an exam is an alarm: screening or balanced."
)
_MIN_FINDING_SCORE = flags.DEFINE_float(
    "min_finding_score",
    None,
    "Findings below it are not reported; by default the bundle's own, one false finding an exam on validation.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_FLIPS = flags.DEFINE_bool("flips", False, "Look at each view's mirror image, too: takes twice as long.")
_PRECISION = flags.DEFINE_enum(
    "precision", "auto", ["auto", "float32", "bfloat16"], "What networks compute in; auto: what is fastest here."
)
_WITH_IDENTITY = flags.DEFINE_bool(
    "with_identity", False, "Write the patient's name and number, as DICOM tags have them, into the JSON of an exam."
)
flags.mark_flag_as_required("exam")  # type: ignore[no-untyped-call]


def main() -> None:
    """Lists the exams, answers them, says where the answers are."""
    logging.set_verbosity(logging.WARNING)
    began_s = time.monotonic()

    from mammo.inference import bundles, listing, service  # noqa: PLC0415
    from mammo.inference.service import Answering, AnswerOptions  # noqa: PLC0415  what is wrong with flags is told before

    folder = cli.user_path(_MODEL.value) if _MODEL.value else _last_bundle()
    opened = bundles.open_bundle(folder)
    options = AnswerOptions(_OPERATING_POINT.value, _MIN_FINDING_SCORE.value, _WITH_IDENTITY.value)
    work = Answering(opened, options, cli.user_path(_OUTPUT_DIR.value))
    listed = listing.list_exams([cli.user_path(path) for path in _EXAM.value or []])

    def make_predictor() -> "Predictor":
        from mammo.inference.predictor import Predictor  # noqa: PLC0415  TensorFlow starts while the first files are read

        return Predictor(opened, precision=_PRECISION.value, flips=_FLIPS.value)

    said = work.run(listed, make_predictor)
    views = sum(len(exam.views) for exam in said)
    failed = [view for exam in said for view in exam.failed]
    print(
        f"Answered {len(said)} {'exam' if len(said) == 1 else 'exams'} of {views} views in "
        f"{time.monotonic() - began_s:.1f} s: {work.output_dir / service.PAGE_NAME}"
    )
    if failed:
        first = f"{len(failed)} of {views} views could not be read: {failed[0].path} {failed[0].reason}"
        more = f"; {work.output_dir / service.CSV_NAME} says why of each" if len(failed) > 1 else ""
        raise InputError(f"{first}{more}.")


def _last_bundle() -> pathlib.Path:
    from mammo.inference import bundles  # noqa: PLC0415

    runs = cli.user_path(_RUNS.value)
    found = bundles.find_last(runs)
    if found is None:
        raise InputError(
            f"{runs} holds no model bundle; make one, `bazel run //mammo:export -- --workdir=<folder of a run>`, or "
            "give one as --model."
        )
    return found


if __name__ == "__main__":
    cli.run(main)
