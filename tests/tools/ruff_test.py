import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", [["check"], ["format", "--check", "--diff"]], ids=["check", "format"])
def test_ruff_has_nothing_to_say(command, python_files):
    options = ["--no-cache", "--config=pyproject.toml"]
    assert (
        subprocess.run([sys.executable, "-m", "ruff", *command, *options, *python_files], check=False).returncode == 0
    )
