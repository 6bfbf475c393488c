"""Makes requirements.lock, and the other locks, from the .in files beside them.

What a lock already pins is kept as long as it fits; --upgrade moves everything to the newest release that does.
"""

import subprocess
import sys

from absl import flags

from mammo.common import cli
from mammo.common.errors import InputError
from tools import workspace

_UPGRADE = flags.DEFINE_bool("upgrade", False, "Move every package to the newest release that fits.")

_COMMAND = "bazel run //tools:lock"


def main() -> None:
    """Makes all locks. The GPU's has the same releases as the first, and CUDA in addition; two stand alone."""
    _compile("requirements.in", "requirements.lock", [])
    _compile("requirements_gpu.in", "requirements_gpu.lock", ["--constraint=requirements.lock"])
    for name in ("spark", "schemas"):
        _compile(f"requirements_{name}.in", f"requirements_{name}.lock", [])


def _compile(requirements: str, lock: str, options: list[str]) -> None:
    uv = [sys.executable, "-m", "uv"]
    command = [*uv, "pip", "compile", requirements, f"--output-file={lock}", "--python-version=3.11", *options]
    # The lock is the same whoever makes it: no index, no path and no setting of their machine goes into it.
    command += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-config", "--quiet"]
    command += ["--no-annotate", f"--custom-compile-command={_COMMAND}"]
    if _UPGRADE.value:
        command.append("--upgrade")
    if subprocess.run(command, cwd=workspace.folder(), check=False).returncode:
        raise InputError(f"{lock} could not be made from {requirements}; what stands above says why.")
    print(f"{lock} is made from {requirements}.")


if __name__ == "__main__":
    cli.run(main)
