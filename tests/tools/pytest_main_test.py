import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

_TESTS = """
import os, pathlib

def test_passes(tmp_path):
    scratch = pathlib.Path(os.environ["TEST_TMPDIR"])
    assert scratch in tmp_path.parents and scratch in pathlib.Path.home().parents

def test_fails():
    assert False
"""


@pytest.fixture
def run(tmp_path):
    """Runs the tests of a text as Bazel would: returns the exit status, and what the report counts."""

    def run(tests: str, wanted: str = "") -> tuple[int, dict[str, str]]:
        (tmp_path / "pyproject.toml").write_text("")
        (tmp_path / "some_test.py").write_text(tests)
        report = tmp_path / "report.xml"
        bazel = {"TEST_TMPDIR": str(tmp_path), "XML_OUTPUT_FILE": str(report), "TESTBRIDGE_TEST_ONLY": wanted}
        path = os.pathsep.join([str(pathlib.Path.cwd()), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "tools.pytest_main", "some_test.py"]
        environment = {**os.environ, **bazel, "PYTHONPATH": path}
        status = subprocess.run(command, env=environment, cwd=tmp_path, check=False).returncode
        return status, ET.parse(report).getroot()[0].attrib

    return run


def test_a_failure_is_reported_and_the_status(run):
    status, suite = run(_TESTS)
    assert status == 1
    assert (suite["tests"], suite["failures"]) == ("2", "1")


def test_a_filter_leaves_the_tests_it_names(run):
    status, suite = run(_TESTS, wanted="passes")
    assert status == 0
    assert (suite["tests"], suite["failures"]) == ("1", "0")


def test_a_filter_meant_for_another_file_fails_nothing_here(run):
    assert run(_TESTS, wanted="something_else")[0] == 0


def test_a_file_without_tests_fails(run):
    assert run("")[0] == 5
