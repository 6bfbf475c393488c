import json
import os
import pathlib
import subprocess
import sys

from data_tools import phantom


def _run(standing_in: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, phantom.__file__, *arguments],
        capture_output=True,
        text=True,
        cwd=standing_in,
        env={**os.environ, "PYTHONPATH": path, "BUILD_WORKING_DIRECTORY": str(standing_in)},
        check=False,
    )


def test_writes_where_the_person_stands_and_shows_progress(tmp_path):
    ended = _run(tmp_path, "--output_dir=new", "--exams=2", "--height_px=128", "--seed=7", "--workers=1")
    assert ended.returncode == 0, ended.stderr
    assert "2/2" in ended.stderr
    about = json.loads((tmp_path / "new" / "phantom.json").read_text())
    assert (about["exams"], about["seed"]) == (2, 7)
    assert len(list((tmp_path / "new").rglob("*.RIGHT_MLO.jpg"))) == 2


def test_a_persons_mistake_gets_one_sentence(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    refused = _run(tmp_path, "--output_dir=.")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "already holds something" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert _run(tmp_path, "--exams=2").returncode == 2


def test_needs_no_tensorflow(tmp_path):
    script = "import sys, data_tools.phantom; sys.exit('tensorflow' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False
    )
    assert ended.returncode == 0
