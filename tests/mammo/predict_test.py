"""The program from its flags to its exit status."""

import json
import os
import shutil

import pytest

from tests import dicoms, drawing, programs
from tests.mammo.inference import bright_disc


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where a person stands: a bundle in the folder of a run, and an exam of which one file is no image."""
    folder = tmp_path_factory.mktemp("place")
    bright_disc.write(folder / "runs" / "comparison" / "bundle")
    for name in ("LEFT_CC", "LEFT_MLO"):
        drawing.write(folder / "good" / f"C_0001_1.{name}.png", drawing.draw_view(seed=len(name)))
    shutil.copytree(folder / "good", folder / "bad")
    (folder / "bad" / "C_0001_1.RIGHT_CC.png").write_text("no image")
    return folder


def test_the_last_bundle_answers_when_none_is_named(place):
    ended = programs.run("mammo.predict", "--exam=good", "--output_dir=out", cwd=place)
    assert ended.returncode == 0, ended.stderr
    assert "Answered 1 exam of 2 views" in ended.stdout
    assert json.loads((place / "out" / "good.json").read_text())["exam_score"] is not None


def test_a_view_that_cannot_be_read_is_in_the_exit_status_and_the_rest_is_answered(place):
    ended = programs.run("mammo.predict", "--exam=bad", "--output_dir=out_bad", cwd=place)
    assert ended.returncode == 1
    assert "1 of 3 views could not be read: " in ended.stderr
    assert "C_0001_1.RIGHT_CC.png is a text file, not a PNG, JPEG or DICOM image" in ended.stderr
    assert "Traceback" not in ended.stderr
    statuses = [view["status"] for view in json.loads((place / "out_bad" / "bad.json").read_text())["views"]]
    assert sorted(statuses) == ["failed", "ok", "ok"]


def test_what_lies_among_views_is_named_and_changes_nothing(place, tmp_path):
    shutil.copytree(place / "good", tmp_path / "exam")
    (tmp_path / "exam" / "report.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "exam" / "README").write_text("of the viewer")
    (tmp_path / "exam" / "VERSION").write_text("1")
    ended = programs.run("mammo.predict", f"--exam={tmp_path / 'exam'}", f"--output_dir={tmp_path / 'out'}", cwd=place)
    assert ended.returncode == 0, ended.stderr
    assert "Left out, as no views: a text file (README and 1 more), a PDF document (report.pdf)." in ended.stdout
    assert "Answered 1 exam of 2 views" in ended.stdout


def test_a_folder_that_cannot_be_read_is_in_the_exit_status_and_the_rest_is_answered(place, tmp_path):
    """Its path is longer than the system takes, which binds whoever may read everything, too."""
    shutil.copytree(place / "good", tmp_path / "exams" / "good")
    folder = os.open(tmp_path / "exams", os.O_RDONLY)
    for _ in range(18):
        os.mkdir("x" * 250, dir_fd=folder)
        deeper = os.open("x" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    ended = programs.run("mammo.predict", f"--exam={tmp_path / 'exams'}", f"--output_dir={tmp_path / 'out'}", cwd=place)
    assert ended.returncode == 1
    assert "cannot be read (File name too long)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Answered 1 exam of 2 views" in ended.stdout


def test_an_exam_of_which_nothing_is_judged_is_in_the_exit_status(place, tmp_path):
    spot = dicoms.make_image(drawing.draw_view(), 8, EstimatedRadiographicMagnificationFactor="1.8")
    dicoms.write(tmp_path / "exams" / "spot" / "1.dcm", spot)
    shutil.copytree(place / "good", tmp_path / "exams" / "good")
    ended = programs.run("mammo.predict", f"--exam={tmp_path / 'exams'}", f"--output_dir={tmp_path / 'out'}", cwd=place)
    assert ended.returncode == 1
    assert "1 of 2 exams have no view that could be judged: " in ended.stderr
    assert "1.dcm is a magnification view: shown, not judged." in ended.stderr
    assert (tmp_path / "out" / "spot" / "1.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "--exam"),
        (["--exam=nowhere"], 1, "nowhere is not there"),
        (["--exam=good", "--model=good"], 1, "holds no model bundle; give the folder that //mammo:export wrote"),
        (["--exam=good", "--runs=good"], 1, "make one, `bazel run //mammo:export"),
        (["--exam=good", "--operating_point=best"], 1, "has no operating point 'best'; it has screening"),
        (["--exam=good", "--min_finding_score=2"], 2, "min_finding_score"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence_and_nothing_is_written(place, arguments, status, said):
    ended = programs.run("mammo.predict", *arguments, "--output_dir=none", cwd=place)
    assert ended.returncode == status
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (place / "none").exists()


def test_an_altered_bundle_is_refused(place, tmp_path):
    shutil.copytree(place / "runs" / "comparison" / "bundle", tmp_path / "bundle")
    card = tmp_path / "bundle" / "MODEL_CARD.md"
    card.write_text(card.read_text() + "FDA approved.\n")
    ended = programs.run("mammo.predict", f"--model={tmp_path / 'bundle'}", "--exam=good", cwd=place)
    assert ended.returncode == 1
    assert "was altered: MODEL_CARD.md is not what was exported" in ended.stderr
