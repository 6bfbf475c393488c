"""Formats the Python files and applies ruff's fixes: `bazel run //tools:format`."""

import subprocess
import sys

from mammo.common import cli
from mammo.common.errors import InputError
from tools import workspace


def main() -> None:
    """Runs ruff's fixes, then its formatter."""
    for command in (["check", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command]
        if subprocess.run(ruff, cwd=workspace.folder(), check=False).returncode:
            raise InputError("ruff left something for you to put right, see above.")


if __name__ == "__main__":
    cli.run(main)
