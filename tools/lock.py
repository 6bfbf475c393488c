"""Makes requirements.lock and requirements_gpu.lock from the .in files beside them.

What a lock already pins is kept as long as it fits; --upgrade moves everything to the newest release that does.
"""

import os
import pathlib
import subprocess
import sys

from absl import flags

from mammo import cli, errors

_UPGRADE = flags.DEFINE_bool("upgrade", False, "Move every package to the newest release that fits.")

_COMMAND = "bazel run //tools:lock"


def main() -> None:
    """Makes both locks. The GPU's agrees with the other: it adds CUDA, and nothing runs another release."""
    folder = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not folder:
        raise errors.InputError(f"The locks lie in the source tree; run this as `{_COMMAND}`.")
    _compile(pathlib.Path(folder), "requirements.in", "requirements.lock", [])
    _compile(pathlib.Path(folder), "requirements_gpu.in", "requirements_gpu.lock", ["--constraint=requirements.lock"])


def _compile(folder: pathlib.Path, requirements: str, lock: str, options: list[str]) -> None:
    uv = [sys.executable, "-m", "uv"]
    command = [*uv, "pip", "compile", requirements, f"--output-file={lock}", "--python-version=3.11", *options]
    # The lock is the same whoever makes it: no index, no path and no setting of their machine goes into it.
    command += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-config", "--quiet"]
    command += ["--no-annotate", f"--custom-compile-command={_COMMAND}"]
    if _UPGRADE.value:
        command.append("--upgrade")
    if subprocess.run(command, cwd=folder, check=False).returncode:
        raise errors.InputError(f"{lock} could not be made from {requirements}; what stands above says why.")
    print(f"{lock} is made from {requirements}.")


if __name__ == "__main__":
    cli.run(main)
