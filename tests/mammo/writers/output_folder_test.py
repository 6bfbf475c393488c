"""What lies in a folder of answers after runs that ended well, were refused, stopped, or killed."""

import contextlib
import dataclasses
import errno
import json
import os
import pathlib
import random
import resource
import signal

import pytest

from mammo.clinical.exams import ExamResult, Finding, Uids, ViewRef, ViewResult
from mammo.clinical.labels import Laterality, Projection
from mammo.clinical.rules import BreastScore
from mammo.common.errors import InputError
from mammo.imaging.image_file import ImageFile
from mammo.inference.exam_files import ExamFiles, ViewFile
from mammo.inference.listing import OUTPUT_MARK
from mammo.writers import journal, output_folder
from mammo.writers.output_folder import Asked

ASKED = Asked(
    "0" * 64, 1, ("json", "csv"), {"operating_point": "screening", "min_finding_score": None, "identity": True}
)
TABLE = "predictions.csv"


class _Killed(BaseException):
    """The process ends here: nothing of the run comes after it."""


def _exams(folder, *names):
    made = []
    for name in names:
        path = folder / f"{name}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"view")
        made.append(ExamFiles(name, (ViewFile(ImageFile(path), Laterality.LEFT, Projection.CC),), given_id=name))
    return made


def _result(exam, score=0.1 + 0.2, reason=None):
    given = exam.views[0]
    reference = ViewRef("view", given.path, given.laterality, given.projection, Uids("1.2", "1.3", "1.4"))
    finding = Finding((1 / 3, 2.0, 3.0, 4.0), score, score / 3, score * 2 / 3)
    scores = {"normal": 1 / 7, "benign": 2 / 7, "cancer": 4 / 7}
    failed, read = ViewResult(reference, reason), ViewResult(reference, None, scores, (finding,), True)
    breasts = {} if reason else {Laterality.LEFT: BreastScore(score, False)}
    view, told = failed if reason else read, None if reason else score
    return ExamResult(exam.exam_id, (view,), breasts, told, False, True, 1.5, {"id": "4711"}, exam.given_id)


def _run(folder, exams, asked=ASKED, stops_after=None, reasons=None):
    """A run that writes a file for each exam and one table; returns what was taken over and what was asked."""
    with output_folder.claim(folder, asked, exams, [TABLE]) as claimed:
        claimed.begin()
        for number, exam in enumerate(claimed.remaining):
            claimed.begin_exam(exam.exam_id)
            path = folder / f"{exam.exam_id}.json"
            path.write_text(f"answer for {exam.exam_id}")
            if number == stops_after:
                raise _Killed
            claimed.done(_result(exam, reason=(reasons or {}).get(exam.exam_id)), [path])
        (folder / TABLE).write_text("\n".join(exam.exam_id for exam in exams))
    return list(claimed.taken_over), [exam.exam_id for exam in claimed.remaining], claimed.earlier


def _names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_run_that_was_killed_goes_on_with_what_it_has_not_done(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b", "c")
    with pytest.raises(_Killed):
        _run(tmp_path / "out", exams, stops_after=1)
    assert _run(tmp_path / "out", exams) == (["a"], ["b", "c"], None)
    assert _run(tmp_path / "out", exams) == (["a", "b", "c"], [], None)
    assert _names(tmp_path / "out") == ["a.json", "b.json", "c.json", TABLE]


def test_what_is_taken_over_is_what_was_said_to_the_last_bit(tmp_path):
    folder, name = tmp_path / "exams", os.fsdecode(b"latin1_\xfc\n")
    exams = _exams(folder, "a", name)
    exams[1] = dataclasses.replace(exams[1], exam_id="second")
    _run(tmp_path / "out", exams)
    with output_folder.claim(tmp_path / "out", ASKED, exams, [TABLE]) as claimed:
        assert claimed.taken_over == {exam.exam_id: _result(exam) for exam in exams}
        (view,) = claimed.taken_over["second"].views
        assert type(view.view.path) is type(folder) and view.view.laterality is Laterality.LEFT


@pytest.mark.parametrize(
    "changed",
    [
        {"model_sha256": "1" * 64},
        {"pixel_path_version": 2},
        {"formats": ("json",)},
        {"settings": {**ASKED.settings, "min_finding_score": 0.5}},
    ],
)
def test_answers_to_another_question_move_away_as_a_whole(tmp_path, changed):
    exams = _exams(tmp_path / "exams", "a", "b")
    _run(tmp_path / "out", exams)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.name != "notes.txt"}
    taken_over, asked, earlier = _run(tmp_path / "out", exams[:1], dataclasses.replace(ASKED, **changed))
    assert (taken_over, asked) == ([], ["a"])
    assert earlier.parent == tmp_path / "out" / "earlier"
    after = {path.name: path.read_bytes() for path in earlier.iterdir()}
    assert after == {name: content for name, content in before.items() if name != output_folder.LOCK_NAME}
    assert _names(tmp_path / "out") == ["a.json", "earlier", "notes.txt", TABLE]
    _run(tmp_path / "out", exams[:1])
    assert len(list((tmp_path / "out" / "earlier").iterdir())) == 2


def test_other_exams_in_the_same_folder_leave_no_old_answer_beside_the_table(tmp_path):
    _run(tmp_path / "out", _exams(tmp_path / "exams", "a"))
    _, _, earlier = _run(tmp_path / "out", _exams(tmp_path / "exams", "b"))
    assert _names(tmp_path / "out") == ["b.json", "earlier", TABLE]
    assert _names(earlier) == ["a.json", TABLE]
    assert (earlier / OUTPUT_MARK).is_file()


def test_an_exam_of_which_a_file_has_changed_is_asked_again_and_its_old_answer_kept(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b", "c")
    _run(tmp_path / "out", exams)
    exams[1].views[0].path.write_bytes(b"another view")
    assert _run(tmp_path / "out", exams[:2]) == (["a"], ["b"], next((tmp_path / "out" / "earlier").iterdir()))
    assert _names(tmp_path / "out") == ["a.json", "b.json", "earlier", TABLE]
    assert _names(next((tmp_path / "out" / "earlier").iterdir())) == ["b.json", "c.json", TABLE]
    assert _run(tmp_path / "out", exams[:2])[:2] == (["a", "b"], [])


def test_exams_that_are_added_are_asked_and_the_others_taken_over(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b", "c")
    _run(tmp_path / "out", exams[1:])
    assert _run(tmp_path / "out", exams) == (["b", "c"], ["a"], None)


def test_an_exam_is_asked_again_where_a_view_failed_or_its_answer_is_not_there(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b", "c", "d")
    _run(tmp_path / "out", exams, reasons={"a": "cannot be read"})
    (tmp_path / "out" / "b.json").unlink()
    (tmp_path / "out" / "c.json").write_text("")
    assert _run(tmp_path / "out", exams) == (["d"], ["a", "b", "c"], None)


def test_a_record_that_was_cut_off_or_is_damaged_costs_its_exam_alone(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b", "c")
    _run(tmp_path / "out", exams)
    path = tmp_path / "out" / journal.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    for content in (b"".join(lines)[:-9], b"".join(lines[:-1]) + b"[" * 5000 + b"\n", b"".join(lines[:-1]) + b"\xff\n"):
        path.write_bytes(content)
        assert _run(tmp_path / "out", exams) == (["a", "b"], ["c"], None)


def test_a_journal_of_somebody_else_moves_no_file_out_of_the_folder(tmp_path):
    exams = _exams(tmp_path / "exams", "a")
    _run(tmp_path / "out", exams)
    (tmp_path / "precious.json").write_text("mine")
    path = tmp_path / "out" / journal.NAME
    fields = json.loads(path.read_text().splitlines()[-1])
    path.write_text(json.dumps(fields | {"exam_id": "../precious"}) + "\n")
    _run(tmp_path / "out", exams, dataclasses.replace(ASKED, formats=()))
    assert (tmp_path / "precious.json").read_text() == "mine"


def test_a_damaged_mark_makes_the_answers_those_of_another_run(tmp_path):
    exams = _exams(tmp_path / "exams", "a")
    for content in (b"", b"{}", b"[" * 5000, b'{"began": "../../x", "asked": 1}'):
        _run(tmp_path / "out", exams)
        (tmp_path / "out" / OUTPUT_MARK).write_bytes(content)
        taken_over, _, earlier = _run(tmp_path / "out", exams)
        assert taken_over == []
        assert (earlier / "a.json").is_file() and earlier.parent == tmp_path / "out" / "earlier"


def test_nothing_changes_before_the_run_begins(tmp_path):
    _run(tmp_path / "out", _exams(tmp_path / "exams", "a"))
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with output_folder.claim(tmp_path / "out", ASKED, _exams(tmp_path / "exams", "b"), [TABLE]) as claimed:
        assert claimed.earlier is not None
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_folder_that_another_run_holds_is_refused(tmp_path):
    exams = _exams(tmp_path / "exams", "a")
    with output_folder.claim(tmp_path / "out", ASKED, exams, [TABLE]) as claimed:
        claimed.begin()
        with (
            pytest.raises(InputError, match="is being written by another run; wait until that has ended"),
            output_folder.claim(tmp_path / "out", ASKED, exams, [TABLE]),
        ):
            pass
    assert _run(tmp_path / "out", exams)[1] == ["a"]


def test_a_folder_of_other_files_is_refused_and_left_as_it_is(tmp_path):
    exams = _exams(tmp_path / "exams", "a")
    for folder in (tmp_path / "exams", tmp_path):
        with pytest.raises(InputError, match=r"holds other files, such as .*; answers go into a folder of their own"):
            _run(folder, exams)
    assert [path.name for path in tmp_path.rglob("*")] == ["exams", "a.png"]


def test_what_systems_put_into_an_empty_folder_does_not_count(tmp_path):
    for name in ("lost+found", ".Trash-1000"):
        (tmp_path / "out" / name).mkdir(parents=True)
    (tmp_path / "out" / ".DS_Store").write_text("")
    assert _run(tmp_path / "out", _exams(tmp_path / "exams", "a"))[1] == ["a"]


def test_views_in_the_folder_of_the_answers_are_refused(tmp_path):
    _run(tmp_path / "out", _exams(tmp_path / "exams", "a"))
    (tmp_path / "link").symlink_to(tmp_path / "out" / "new")
    for folder in (tmp_path / "out" / "new", tmp_path / "link"):
        exams = _exams(tmp_path / "out" / "new", "b")
        moved = dataclasses.replace(exams[0].views[0], image=ImageFile(folder / "b.png"))
        with pytest.raises(InputError, match="holds views, and lies in --output_dir"):
            _run(tmp_path / "out", [dataclasses.replace(exams[0], views=(moved,))])
    assert (tmp_path / "out" / "new" / "b.png").is_file()


def test_a_move_that_was_killed_is_ended_by_the_next_run(tmp_path, monkeypatch):
    exams = _exams(tmp_path / "exams", "a", "b", "c")
    other = dataclasses.replace(ASKED, formats=("json",))
    rename = pathlib.Path.rename
    for killed_at in range(6):
        folder = tmp_path / f"out_{killed_at}"
        _run(folder, exams)
        calls = iter(range(6))

        def rename_or_die(path, target, calls=calls, killed_at=killed_at):
            if next(calls) == killed_at:
                raise _Killed
            return rename(path, target)

        with monkeypatch.context() as patch, pytest.raises(_Killed):
            patch.setattr(pathlib.Path, "rename", rename_or_die)
            _run(folder, exams[:1], other)
        assert _run(folder, exams[:1], other)[1] == ["a"]
        assert _names(folder) == ["a.json", "earlier", TABLE]
        kept = [path.name for path in (folder / "earlier").rglob("[!.]*.*")]
        assert sorted(kept) == ["a.json", "b.json", "c.json", TABLE]


def test_a_folder_of_the_person_is_left_as_it_is_though_an_exam_is_called_so(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b")
    _run(tmp_path / "out", exams[:1])
    (tmp_path / "out" / "b").mkdir()
    (tmp_path / "out" / "b" / "mine.png").write_bytes(b"mine")
    _run(tmp_path / "out", exams)
    assert (tmp_path / "out" / "b" / "mine.png").read_bytes() == b"mine"


def test_pictures_of_an_exam_that_was_not_done_are_drawn_anew(tmp_path):
    exams = _exams(tmp_path / "exams", "a", "b")
    with pytest.raises(_Killed):
        _run(tmp_path / "out", exams, stops_after=1)
    (tmp_path / "out" / "b").mkdir()
    for name in ("view.png", "view.png.host-4711.partial"):
        (tmp_path / "out" / "b" / name).write_bytes(b"half")
    _run(tmp_path / "out", exams)
    assert not list((tmp_path / "out" / "b").iterdir())


def test_a_full_disk_leaves_the_earlier_answers(tmp_path):
    """The system refuses every byte, as on a full disk, though with another number."""
    exams = _exams(tmp_path / "exams", "a", "b")
    _run(tmp_path / "out", exams)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with _no_file_may_grow(), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        _run(tmp_path / "out", exams, dataclasses.replace(ASKED, formats=()))
    lying = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {name: lying[name] for name in before} == before


def test_a_run_that_is_killed_at_any_time_ends_as_one_that_was_not(tmp_path):
    exams = _exams(tmp_path / "exams", *(f"{number:02d}" for number in range(30)))
    _run(tmp_path / "whole", exams)
    killed, path = 0, tmp_path / "out" / journal.NAME
    for seed in range(5):
        least_bytes = (path.stat().st_size if path.exists() else 0) + random.Random(seed).randrange(5000)
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                _run(tmp_path / "out", exams)
            os._exit(0)
        while not os.waitpid(child, os.WNOHANG)[0]:
            if path.exists() and path.stat().st_size > least_bytes:
                os.kill(child, signal.SIGKILL)
                killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
                break
    assert killed
    _run(tmp_path / "out", exams)
    whole, ended = (
        {name: (tmp_path / run / name).read_bytes() for name in _names(tmp_path / run)} for run in ("whole", "out")
    )
    assert ended == whole
    records = journal.read(tmp_path / "out")
    assert {name: record.result for name, record in records.items()} == {e.exam_id: _result(e) for e in exams}


@contextlib.contextmanager
def _no_file_may_grow():
    handler, limit = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
