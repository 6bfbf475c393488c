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
from mammo.inference import bundles, listing, shipped, signing
from mammo.inference.bundles import Bundle
from mammo.inference.exam_files import LeftOut
from mammo.inference.service import AnswerSettings, Service
from mammo.writers import formats, page
from mammo.writers.formats import Written

if TYPE_CHECKING:
    from mammo.inference.predictor import Predictor

_EXAM = flags.DEFINE_multi_string(
    "exam",
    None,
    "What to answer: a folder of views, or of folders; files, with commas between, or each as an --exam of its own; or "
    "a CSV with the columns exam_id, path and, where they are known, laterality and projection. Where you stand or "
    "absolute; names may have commas.",
)
flags.register_validator(  # type: ignore[no-untyped-call]
    _EXAM, lambda texts: all(text.strip() for text in texts or []), "is empty; give a folder, a CSV, or image files"
)
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "Folder of a bundle that //mammo:export made; none: the last one in --runs, or else the one that comes with mammo.",
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
    "precision",
    "auto",
    ["auto", "float32", "bfloat16"],
    "What networks compute in; auto: what is fastest here. "
    "A GPU answers one exam in float32 (TF32) whatever is given, and many in it or bfloat16.",
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
    output_dir = cli.user_path(_OUTPUT_DIR.value)
    folder, chosen = _choose_bundle()
    opened = bundles.open_bundle(folder, trusted)
    facts, seal = opened.facts, f"SHA-256 {opened.sha256[:12]}, {opened.info.signature}"
    cli.say(f"Model: {facts.name}, {opened.folder} ({seal}){chosen}. It was trained on {facts.trained_on}.")
    settings = AnswerSettings(_OPERATING_POINT.value, _MIN_FINDING_SCORE.value, _WITH_IDENTITY.value)
    service = Service(opened, settings, _make_predictor)
    listed = listing.list_exams([path for text in _EXAM.value or [] for path in cli.user_paths(text)])
    if listed.left_out:
        cli.say(_left_out_text(listed.left_out))
    left_out = [(item.path, item.what) for item in listed.left_out]
    settings_here = {"precision": _PRECISION.value}
    written = formats.write_all(service, listed.exams, output_dir, _FORMATS.value, left_out, settings_here)
    _say_what_was_done(written, output_dir, time.monotonic() - began_s)
    _check_all_answered(written.results, listed.faults, output_dir)


def _say_what_was_done(written: Written, output_dir: pathlib.Path, taken_s: float) -> None:
    if written.earlier is not None:
        cli.say(f"Other answers that lay in {output_dir} are kept in {written.earlier}.")
    results = written.results
    views = sum(len(exam.views) for exam in results)
    exams_text = (
        f"{len(results):,} {'exam' if len(results) == 1 else 'exams'} of {views:,} {'view' if views == 1 else 'views'}"
    )
    known = f", {written.taken_over:,} of them in an earlier run," if written.taken_over else ""
    cli.say(f"Answered {exams_text}{known} in {taken_s:.1f} s: {_main_output(output_dir, _FORMATS.value)}")


def _make_predictor(bundle: Bundle) -> "Predictor":
    from mammo.inference.predictor import Predictor  # noqa: PLC0415  TensorFlow starts while the first files are read

    return Predictor(bundle, precision=_PRECISION.value)


def _main_output(output_dir: pathlib.Path, names: Sequence[str]) -> pathlib.Path:
    """Returns what a person opens: the page, or the folder where none was asked for."""
    return output_dir / page.NAME if "page" in names else output_dir


def _left_out_text(left_out: Sequence[LeftOut]) -> str:
    """Says what lay among the views and was none: each kind of thing with the name of one."""
    by_kind: dict[str, list[str]] = {}
    for item in left_out:
        by_kind.setdefault(item.what, []).append(item.path.name)
    named = {
        what: names[0] + (f" and {len(names) - 1:,} more" if len(names) > 1 else "") for what, names in by_kind.items()
    }
    kinds = ", ".join(f"{what} ({names})" for what, names in named.items())
    return f"Left out, as no views: {kinds}."


def _check_all_answered(said: Sequence[ExamResult], faults: Sequence[str], output_dir: pathlib.Path) -> None:
    """Raises an error where something that was given is answered by nobody: the first of each kind, and how much."""
    views = sum(len(exam.views) for exam in said)
    failed = [view for exam in said for view in exam.failed]
    sentences = []
    if failed:
        first = (
            f"{len(failed):,} of {cli.count_text(views, 'view')} could not be read: {failed[0].view} {failed[0].reason}"
        )
        more = f"; the answers in {output_dir} say why of each" if len(failed) > 1 else ""
        sentences.append(f"{first}{more}.")
    unjudged = [exam for exam in said if exam.score is None and not exam.failed]
    if unjudged:
        first = f"{unjudged[0].views[0].view} {unjudged[0].views[0].reason}"
        sentences.append(f"{len(unjudged)} of {len(said)} exams have no view that could be judged: {first}.")
    if faults:
        more = f" The same holds for {len(faults) - 1} more." if len(faults) > 1 else ""
        sentences.append(f"{faults[0]}{more}")
    if sentences:
        raise InputError(" ".join(sentences))


def _choose_bundle() -> tuple[pathlib.Path, str]:
    """Returns the folder of the bundle to take, and why it is that one, as a clause."""
    if _MODEL.value:
        return cli.stored_path(_MODEL.value), ""
    runs = cli.user_path(_RUNS.value)
    if found := bundles.find_last(runs):
        return found, f", the last one in {runs}"
    return shipped.folder(), f", which comes with mammo, as {runs} holds none of yours"


if __name__ == "__main__":
    cli.run(main)
