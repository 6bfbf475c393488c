"""Runs a program of the project as a person does: in a process of its own, with flags, from some folder."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def environment() -> dict[str, str]:
    """Returns this process's environment, with the project on Python's path."""
    return {key: value for key, value in os.environ.items() if key != "BUILD_WORKING_DIRECTORY"} | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    }


def run(module: str, *arguments: str, cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `python -m module` to its end; `module` as a whole string, so that its BUILD file knows of it."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=cwd, check=False)
