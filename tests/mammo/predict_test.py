"""The program from its flags to its exit status."""

import csv
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mammo.writers import journal, output_folder
from tests import dicoms, drawing, programs
from tests.mammo.inference import bright_disc

EXAMPLE = (programs.ROOT / "examples" / "exam" / "01644_LEFT_CC.jpg").resolve().parent


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
    ended = programs.start("mammo.predict", "--exam=good", "--output_dir=out", cwd=place)
    assert ended.returncode == 0, ended.stderr
    assert "Answered 1 exam of 2 views" in ended.stdout
    first = ended.stdout.splitlines()[0]
    assert first.endswith(f", unsigned), the last one in {place / 'runs'}. It was trained on phantoms.")
    assert json.loads((place / "out" / "good.json").read_text())["exam_score"] is not None


def test_where_nobody_made_a_bundle_the_one_that_comes_with_mammo_answers_and_is_named(tmp_path):
    ended = programs.start("mammo.predict", f"--exam={EXAMPLE}", "--output_dir=out", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    first = ended.stdout.splitlines()[0]
    assert first.startswith("Model: cbis_masses, ")
    trained_on = "the masses of CBIS-DDSM (film, no normal view)"
    why = f"which comes with mammo, as {tmp_path / 'runs'} holds none of yours"
    assert first.endswith(f"{why}. It was trained on {trained_on}.")
    said = json.loads((tmp_path / "out" / "exam.json").read_text())
    assert said["model"]["trained_on"] == trained_on
    assert [view["status"] for view in said["views"]] == ["ok"] * 4
    assert trained_on in (tmp_path / "out" / "report.html").read_text()
    # As the example's README says: a cancer at the right, a benign mass at the left.
    score = {breast["laterality"]: breast["score"] for breast in said["breasts"]}
    assert score["right"] > score["left"]


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
        (["--exam=good", "--operating_point=best"], 1, "has no operating point 'best'; it has screening"),
        (["--exam=good", "--min_finding_score=2"], 2, "min_finding_score"),
        (["--exam="], 2, "is empty; give a folder, a CSV, or image files"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence_and_nothing_is_written(place, arguments, status, said):
    ended = programs.run("mammo.predict", *arguments, "--output_dir=none", cwd=place)
    assert ended.returncode == status
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (place / "none").exists()


def test_only_a_bundle_that_is_signed_by_a_trusted_key_answers_where_one_is_given(place, tmp_path):
    key = Ed25519PrivateKey.generate()
    pem, spki = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ours.pem").write_bytes(key.public_key().public_bytes(pem, spki))
    trust = f"--trust={tmp_path / 'keys'}"
    refused = programs.run("mammo.predict", "--exam=good", trust, cwd=place)
    assert refused.returncode == 1
    assert "is not signed; give a bundle that is signed by a key of --trust." in refused.stderr
    signed = bright_disc.write(tmp_path / "bundle", key=key)
    ended = programs.run("mammo.predict", "--exam=good", f"--model={signed.folder}", trust, "--output_dir=s", cwd=place)
    assert ended.returncode == 0, ended.stderr
    said = f"signed by {str(signed.signed_by)[:16]}"
    assert f", {said})." in ended.stdout.splitlines()[0]
    assert said in (place / "s" / "report.html").read_text()
    model = json.loads((place / "s" / "good.json").read_text())["model"]
    assert (model["signed_by"], model["is_trusted"]) == (signed.signed_by, True)


def test_an_altered_bundle_is_refused(place, tmp_path):
    shutil.copytree(place / "runs" / "comparison" / "bundle", tmp_path / "bundle")
    card = tmp_path / "bundle" / "MODEL_CARD.md"
    card.write_text(card.read_text() + "FDA approved.\n")
    ended = programs.run("mammo.predict", f"--model={tmp_path / 'bundle'}", "--exam=good", cwd=place)
    assert ended.returncode == 1
    assert "was altered: MODEL_CARD.md is not what was exported" in ended.stderr


def _draw(path, seed=0):
    return drawing.write(path, drawing.draw_view(seed=seed))


def _without_seconds(folder):
    """What a run wrote for people and programs, but for the time that it took."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: re.sub(rb'"seconds": [0-9.]+', b"", content) for name, content in contents.items()}


def test_a_run_that_was_killed_ends_with_the_same_bytes(place, tmp_path):
    for number in range(4):
        _draw(tmp_path / "exams" / f"{number}" / "LEFT_CC.png", seed=number)
        _draw(tmp_path / "exams" / f"{number}" / "RIGHT_MLO.png", seed=number + 100)
    flags = ["--exam=exams", f"--runs={place / 'runs'}"]
    assert programs.run("mammo.predict", *flags, "--output_dir=whole", cwd=tmp_path).returncode == 0
    command = [sys.executable, "-m", "mammo.predict", *flags, "--output_dir=killed"]
    with subprocess.Popen(command, cwd=tmp_path, env=programs.environment(), stdout=subprocess.DEVNULL) as program:
        while not _done(tmp_path / "killed") and program.poll() is None:
            pass
        program.kill()
    done = _done(tmp_path / "killed")
    assert 1 <= done < 4
    ended = programs.run("mammo.predict", *flags, "--output_dir=killed", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert f"Answered 4 exams of 8 views, {done} of them in an earlier run, in " in ended.stdout
    assert _without_seconds(tmp_path / "killed") == _without_seconds(tmp_path / "whole")
    assert len(_without_seconds(tmp_path / "whole")) == 4 + 8 + 2


def _done(folder):
    return sum(record.result is not None for record in journal.read(folder).values())


def test_names_of_any_kind_are_answered_shown_and_found_again(place, tmp_path):
    names = [
        "=cmd|' _L_CC.png",
        "per%20cent#?&_R_CC.png",
        "two\nlines_L_MLO.png",
        "乳房" * 40 + "_R_MLO.png",
        "1.2.3.4",
    ]
    (tmp_path / "Doe, Jane").mkdir()
    for seed, name in enumerate([*names, os.fsdecode(b"latin1_\xfc.png")]):
        _draw(tmp_path / "view.png", seed).rename(tmp_path / "Doe, Jane" / name)
    (tmp_path / "Doe, Jane" / "a\x1b[2J\u202e.png").write_text("no image")
    flags = ["--exam=Doe, Jane", f"--runs={place / 'runs'}", "--output_dir=out"]
    ended = programs.run("mammo.predict", *flags, cwd=tmp_path)
    assert ended.returncode == 1
    assert r"a\x1b[2J\u202e.png is a text file, not a PNG, JPEG or DICOM image" in ended.stderr
    made = json.loads((tmp_path / "out" / "Doe,_Jane.json").read_text(encoding="utf-8"))
    assert (made["exam_id"], made["exam_id_given"]) == ("Doe,_Jane", "Doe, Jane")
    overlays = [view["overlay"] for view in made["views"] if view["status"] == "ok"]
    assert len(set(overlays)) == 6 and all((tmp_path / "out" / overlay).is_file() for overlay in overlays)
    assert [view["overlay"] for view in made["views"] if view["status"] == "failed"] == [None]
    assert any(view["path"].endswith(r"latin1_\xfc.png") for view in made["views"])
    with (tmp_path / "out" / "predictions.csv").open(newline="", encoding="utf-8") as table:
        assert len(list(csv.DictReader(table))) == 7


def test_one_folder_is_for_one_run_at_a_time(place, tmp_path):
    flags = ["--exam=good", f"--output_dir={tmp_path}"]
    with (tmp_path / output_folder.LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = programs.run("mammo.predict", *flags, cwd=place)
    assert ended.returncode == 1
    assert f"{tmp_path} is being written by another run" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == [output_folder.LOCK_NAME]
