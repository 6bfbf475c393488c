"""Answers for exams of PNG, JPEG or DICOM files: scores, boxes and a page with the views as a reader hangs them.

bazel run //mammo:predict -- --exam=~/exams/0017 --output_dir=~/answers
"""

import pathlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags, logging

from mammo.clinical.exams import ExamResult
from mammo.common import cli
from mammo.common.errors import InputError
from mammo.inference import bundles, listing, signing
from mammo.inference.bundles import Bundle
from mammo.inference.service import AnswerSettings, Service
from mammo.writers import formats, page

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
_TRUST = flags.DEFINE_string(
    "trust",
    None,
    "Public key (Ed25519, PEM) that must have signed the bundle, or a folder of such *.pem; none: any bundle is taken.",
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
_PRECISION = flags.DEFINE_enum(
    "precision", "auto", ["auto", "float32", "bfloat16"], "What networks compute in; auto: what is fastest here."
)
_WITH_IDENTITY = flags.DEFINE_bool(
    "with_identity", False, "Write the patient's name and number, as DICOM tags have them, into the JSON of an exam."
)
_FORMATS = flags.DEFINE_list(
    "formats", list(formats.FORMATS), f"What to write: some of {', '.join(formats.FORMATS)}, with commas between."
)
flags.register_validator(  # type: ignore[no-untyped-call]
    _FORMATS,
    lambda names: bool(names) and set(names) <= formats.FORMATS.keys(),
    f"is some of {', '.join(formats.FORMATS)}, with commas between",
)
flags.mark_flag_as_required("exam")  # type: ignore[no-untyped-call]


def main() -> None:
    """Lists the exams, answers them, says where the answers are and by which model."""
    logging.set_verbosity(logging.WARNING)
    began_s = time.monotonic()
    trusted = signing.read_trusted(cli.user_path(_TRUST.value)) if _TRUST.value else None
    opened = bundles.open_bundle(cli.user_path(_MODEL.value) if _MODEL.value else _last_bundle(), trusted)
    print(f"Model: {opened.facts.name}, {opened.folder} (SHA-256 {opened.sha256[:12]}, {opened.info.signature}).")
    settings = AnswerSettings(_OPERATING_POINT.value, _MIN_FINDING_SCORE.value, _WITH_IDENTITY.value)
    service = Service(opened, settings, _make_predictor)
    exams = listing.list_exams([cli.user_path(path) for path in _EXAM.value or []])
    output_dir = cli.user_path(_OUTPUT_DIR.value)
    about = formats.about(service)
    said = formats.write_all(service.stream(exams), len(exams), output_dir, about, _FORMATS.value)
    view_count = sum(len(exam.views) for exam in said)
    taken_s = time.monotonic() - began_s
    exams_text = f"{len(said)} {'exam' if len(said) == 1 else 'exams'} of {view_count} views"
    print(f"Answered {exams_text} in {taken_s:.1f} s: {_main_output(output_dir, _FORMATS.value)}")
    _check_all_read(said, output_dir)


def _make_predictor(bundle: Bundle) -> "Predictor":
    from mammo.inference.predictor import Predictor  # noqa: PLC0415  TensorFlow starts while the first files are read

    return Predictor(bundle, precision=_PRECISION.value)


def _main_output(output_dir: pathlib.Path, names: Sequence[str]) -> pathlib.Path:
    """Returns what a person opens: the page, or the folder where none was asked for."""
    return output_dir / page.NAME if "page" in names else output_dir


def _check_all_read(said: Sequence[ExamResult], output_dir: pathlib.Path) -> None:
    views = sum(len(exam.views) for exam in said)
    failed = [view for exam in said for view in exam.failed]
    if failed:
        first = f"{len(failed)} of {views} views could not be read: {failed[0].view} {failed[0].reason}"
        more = f"; the answers in {output_dir} say why of each" if len(failed) > 1 else ""
        raise InputError(f"{first}{more}.")


def _last_bundle() -> pathlib.Path:
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
