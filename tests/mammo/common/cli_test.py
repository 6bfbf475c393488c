import errno
import pathlib
import signal
import subprocess
import sys

import pytest

from mammo.common import cli
from tests import programs

PROGRAM = """
import errno, os
from absl import flags
from mammo.common import cli, errors
flags.DEFINE_integer("exams", 1, "How many.", lower_bound=1)
def main():
    {body}
cli.run(main)
"""


def _run(body: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", PROGRAM.format(body=body), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=programs.environment(), check=False)


def test_a_program_that_ends_well_exits_with_0():
    ended = _run("print(flags.FLAGS.exams)", "--exams=3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "3\n", "")


def test_a_persons_mistake_is_one_sentence_and_1():
    ended = _run('raise errors.InputError("scan.png is empty; copy it again.")')
    assert (ended.returncode, ended.stderr) == (1, "error: scan.png is empty; copy it again.\n")


def test_work_that_was_stopped_says_how_to_go_on_and_exits_as_shells_have_it():
    ended = _run('raise errors.StoppedError("Stopped at step 3 of 5, saved in /out.", 15)')
    said = "Stopped at step 3 of 5, saved in /out. Give the same command again to go on.\n"
    assert (ended.returncode, ended.stderr) == (143, said)


def test_weights_are_a_name_or_a_file_of_the_person(monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", "/home/person")
    assert [cli.weights(given) for given in ("imagenet", "none", "b.h5")] == ["imagenet", "none", "/home/person/b.h5"]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("Doe, Jane", ["Doe, Jane"]),
        ("Doe, Jane/1.png,Doe, Jane/2.png", ["Doe, Jane/1.png", "Doe, Jane/2.png"]),
        ("a.png, b.png,nowhere.png,Doe, Jane/1.png", ["a.png", "b.png", "nowhere.png", "Doe, Jane/1.png"]),
        ("nowhere", ["nowhere"]),
        ("~$nobody", ["~$nobody"]),
        ("dangling", ["dangling"]),
        ("x" * 5000 + ",a.png", ["x" * 5000, "a.png"]),
    ],
)
def test_paths_have_commas_between_and_names_may_have_some(tmp_path, monkeypatch, text, paths):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    (tmp_path / "Doe, Jane").mkdir()
    (tmp_path / "dangling").symlink_to("nothing")
    for name in ("a.png", "b.png", "Doe, Jane/1.png", "Doe, Jane/2.png"):
        (tmp_path / name).write_bytes(b"")
    assert cli.user_paths(text) == [tmp_path / path for path in paths]


def test_what_comes_from_outside_moves_no_terminal():
    evil = r"a\x1b]0;x\x07\u202e\udcfc\n"
    for body in (f"cli.say('{evil}')", f"logging.warning('%s', '{evil}')", f"raise errors.InputError('{evil}')"):
        ended = _run("from absl import logging; " + body)
        said = (ended.stdout + ended.stderr).rstrip("\n")
        assert r"a\x1b]0;x\x07\u202e\xfc" in said
        assert "\n" not in said and said.isprintable()


def test_a_time_is_written_for_people():
    assert [cli.duration(seconds) for seconds in (4.6, 200)] == ["0 min 5 s", "3 min 20 s"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EACCES, errno.ENOTDIR, errno.EEXIST])
def test_a_folder_that_cannot_be_written_is_one_sentence_and_1(code):
    ended = _run(f'raise OSError({code}, os.strerror({code}), "/out/figures.json")')
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: /out/figures.json: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_program_that_is_asked_to_end_clears_up_and_says_so(number, status):
    ended = _run(f'try: os.kill(os.getpid(), {number:d})\n    finally: print("cleared")')
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "cleared\n", "interrupted\n")


def test_a_mistake_of_the_program_keeps_its_traceback():
    ended = _run("raise ZeroDivisionError")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


@pytest.mark.parametrize("argument", ["--exams=many", "--exams=0", "--exms=3", "stray"])
def test_wrong_flags_exit_with_2_and_no_traceback(argument):
    ended = _run("pass", argument)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr


def test_a_flag_file_is_relative_to_where_the_person_stands(tmp_path):
    (tmp_path / "many.flags").write_text("# a comment\n--exams=7\n")
    environment = programs.environment() | {"BUILD_WORKING_DIRECTORY": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM.format(body="print(flags.FLAGS.exams)"), "--flagfile=many.flags"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.stdout == "7\n", ended.stderr


def test_a_missing_flag_file_is_refused():
    ended = _run("pass", "--flagfile=/nowhere/none.flags")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_paths_are_relative_to_where_the_person_stands(monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", "/home/reader")
    assert cli.user_path("exams/one") == pathlib.Path("/home/reader/exams/one")
    assert cli.user_path("/exams") == pathlib.Path("/exams")
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY")
    assert cli.user_path("exams") == pathlib.Path.cwd() / "exams"
