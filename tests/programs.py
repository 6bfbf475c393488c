"""Runs a program of the project as a person does: in a process of its own, with flags, from some folder."""

import atexit
import functools
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).parents[1]


class Program:
    """A program that `begin` has begun; it is asked what a `subprocess.Popen` is.

    Attributes:
        pid: Of its process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = os.pidfd_open(pid)  # can be read from once the process has ended
        self._status: int | None = None

    def poll(self) -> int | None:
        """Returns the exit status, a signal's negative; None while the program runs."""
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end, so many seconds at most, and returns the exit status."""
        status = self._status_within(timeout)
        assert status is not None, f"the program has not ended in {timeout} s"
        return status

    def send_signal(self, number: int) -> None:
        """Sends a signal, if the program has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends the program, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def _status_within(self, seconds: float | None) -> int | None:
        if self._status is None and select.select([self._ended], [], [], seconds)[0]:
            os.close(self._ended)
            self._status = _ask({"pid": self.pid})
        return self._status


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
        stdout, stderr = (pathlib.Path(folder, name) for name in ("stdout", "stderr"))
        status = begin(module, *arguments, cwd=cwd, stdout=stdout, stderr=stderr).wait()
        made = stdout.read_text(encoding="utf-8"), stderr.read_text(encoding="utf-8")
    return subprocess.CompletedProcess([module, *arguments], status, *made)


def begin(
    module: str,
    *arguments: str,
    stdout: pathlib.Path,
    stderr: pathlib.Path,
    cwd: pathlib.Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Program:
    """Begins what `run` runs, and does not wait for it.

    Args:
        module: As for `start`.
        *arguments: As for `start`.
        stdout: The file that it writes to.
        stderr: Another, or the same.
        cwd: As for `start`.
        more: Variables besides those of `environment`.
    """
    request = {"module": module, "arguments": arguments, "environment": {**environment(), **(more or {})}}
    files = {"folder": str(cwd or pathlib.Path.cwd()), "stdout": str(stdout), "stderr": str(stderr)}
    return Program(_ask({**request, **files}))


def _ask(request: Mapping[str, object]) -> int:
    """Returns what `tests.prepared` answers."""
    prepared = _prepared()
    assert prepared.stdout
    print(json.dumps(request), file=prepared.stdin, flush=True)
    return int(prepared.stdout.readline())


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
