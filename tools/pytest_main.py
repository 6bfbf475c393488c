"""Runs test files with pytest, in one process, as one test of Bazel.

https://bazel.build/reference/test-encyclopedia names what Bazel passes in the environment, and what it takes back.
"""

import os
import pathlib
import sys

import pytest

_QUICKLY_COMPILED = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""What XLA compiles in a test runs for a moment: without LLVM's optimisations it is there in a tenth of the time."""


def main() -> int:
    """Runs the test files given on the command line; returns pytest's exit status."""
    scratch = pathlib.Path(os.environ["TEST_TMPDIR"])
    home = scratch / "home"  # what libraries keep under the person's home must not reach a test, nor a test it
    home.mkdir(exist_ok=True)
    os.environ.update(HOME=str(home), MPLBACKEND="Agg", HYPOTHESIS_STORAGE_DIRECTORY=str(scratch / "hypothesis"))

    os.environ.setdefault("XLA_FLAGS", _QUICKLY_COMPILED)
    # As every program has them: mammo/common/tensorflow_settings.py.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

    arguments = [
        "--rootdir=.",
        "--config-file=pyproject.toml",
        "--hypothesis-profile=ci",  # no database, no deadline, the same examples each time: a result can be cached
        f"--basetemp={scratch / 'pytest'}",
    ]
    if report := os.environ.get("XML_OUTPUT_FILE"):
        arguments.append(f"--junitxml={report}")
    if wanted := os.environ.get("TESTBRIDGE_TEST_ONLY"):
        arguments.append(f"-k={wanted}")
    status = pytest.main([*arguments, *sys.argv[1:]])
    # A filter that is meant for one folder leaves nothing to run in the others.
    return 0 if wanted and status == pytest.ExitCode.NO_TESTS_COLLECTED else int(status)


if __name__ == "__main__":
    sys.exit(main())
