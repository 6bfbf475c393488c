"""Runs a program of the project as a person does: in a process of its own, with flags, from some folder."""

import atexit
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]


def environment() -> dict[str, str]:
    """Returns this process's environment, with the project on Python's path."""
    return {key: value for key, value in os.environ.items() if key != "BUILD_WORKING_DIRECTORY"} | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    }


def start(module: str, *arguments: str, cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `python -m module` to its end; `module` as a whole string, so that its BUILD file knows of it."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=cwd, check=False)


def run(module: str, *arguments: str, cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
    """Does what `start` does, in a process that is forked from one that has imported TensorFlow: in 7 s less."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = {name: pathlib.Path(folder, name) for name in ("stdout", "stderr")}
        for path in outputs.values():
            path.touch()
        request: dict[str, object] = {"module": module, "arguments": arguments, "environment": environment()}
        request |= {"folder": str(cwd or pathlib.Path.cwd())} | {name: str(path) for name, path in outputs.items()}
        prepared = _prepared()
        assert prepared.stdout
        print(json.dumps(request), file=prepared.stdin, flush=True)
        status = int(prepared.stdout.readline())
        made = {name: path.read_text(encoding="utf-8") for name, path in outputs.items()}
    return subprocess.CompletedProcess([module, *arguments], status, **made)


@functools.cache
def _prepared() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.prepared"]
    own = environment() | {"TF_CPP_MIN_LOG_LEVEL": "3"}  # as programs have it
    process = subprocess.Popen(command, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)  # which ends it
    assert process.stdout
    while (line := process.stdout.readline()) != "ready\n":
        assert line, "the prepared process has ended"
    return process
