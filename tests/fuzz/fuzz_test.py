"""Some inputs for each reader: enough to see that it is fuzzed at all, and what breaks at once."""

import subprocess
import sys

import pytest

from tests import programs
from tests.fuzz.fuzz import MODULES


@pytest.mark.parametrize(("module", "runs"), [("pictures", 50), ("texts", 2000), ("models", 50)])
def test_readers_end_well_or_with_a_sentence(tmp_path, module, runs):
    chosen = [f"--reader={name}" for name in MODULES[module]]
    ended = programs.run("tests.fuzz.fuzz", *chosen, f"--runs={runs}", f"--output_dir={tmp_path}", cwd=tmp_path)
    logs = {name: (tmp_path / f"{name}.log").read_text(errors="replace") for name in MODULES[module]}
    failed = {name: log[-3000:] for name, log in logs.items() if "stat::number_of_executed_units" not in log}
    assert ended.returncode == 0, f"{ended.stderr[-2000:]} {failed}"
    assert not failed
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.log" for name in logs}


def test_one_input_is_read_once_more(tmp_path):
    (tmp_path / "input").write_bytes(b"\x89PNG\r\n\x1a\n")
    ended = programs.run("tests.fuzz.fuzz", "--reader=png", "--input=input", "--output_dir=out", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "Executed" in (tmp_path / "out" / "png.log").read_text(errors="replace")


_FAULTY = """
import pathlib
from absl import flags
from tests.fuzz import fuzz
from tests.fuzz.reader import Reader

def read(folder, content):
    if content.startswith(b"F"):
        raise KeyError("a fault")

flags.FLAGS(["fuzz", "--seconds=20"])
fuzz.fuzz("faulty", Reader(read, lambda: [b"sound"]), pathlib.Path("."))
"""


def test_a_fault_is_found_and_its_input_kept(tmp_path):
    command = [sys.executable, "-c", _FAULTY]
    ended = subprocess.run(command, env=programs.environment(), cwd=tmp_path, check=False)
    assert ended.returncode
    assert "KeyError" in (tmp_path / "faulty.log").read_text(errors="replace")
    assert [path.read_bytes()[:1] for path in tmp_path.glob("faulty-crash-*")] == [b"F"]
