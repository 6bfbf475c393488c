"""The program from its flags to its exit status."""

import json
import shutil

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import drawing, programs
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
    assert ", unsigned)." in ended.stdout.splitlines()[0]
    assert json.loads((place / "out" / "good.json").read_text())["exam_score"] is not None


def test_a_view_that_cannot_be_read_is_in_the_exit_status_and_the_rest_is_answered(place):
    ended = programs.run("mammo.predict", "--exam=bad", "--output_dir=out_bad", cwd=place)
    assert ended.returncode == 1
    assert "1 of 3 views could not be read: " in ended.stderr
    assert "C_0001_1.RIGHT_CC.png is not a PNG, JPEG or DICOM image" in ended.stderr
    assert "Traceback" not in ended.stderr
    statuses = [view["status"] for view in json.loads((place / "out_bad" / "bad.json").read_text())["views"]]
    assert sorted(statuses) == ["failed", "ok", "ok"]


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
