import shutil
import subprocess

import pytest

# What stands in for bazelw: `test` exits as told; the others tell where the reports lie.
_BAZELW = """#!/bin/sh
case $1 in
  test) exit {status} ;;
  info) echo {logs} ;;
  query) echo //tests/a:one_test; echo //tests/a:two_test ;;
esac
"""


@pytest.fixture
def ci_run(tmp_path):
    """Runs .ci/run with a Bazel that exits with `status` and left two reports; returns status and last line."""

    def run(status: int, *suites: str) -> tuple[int, str]:
        (tmp_path / ".ci").mkdir()
        shutil.copy(".ci/run", tmp_path / ".ci/run")
        (tmp_path / "bazelw").write_text(_BAZELW.format(status=status, logs=tmp_path / "logs"))
        (tmp_path / "bazelw").chmod(0o755)
        for name, suite in zip(["one_test", "two_test", "stale_test"], [*suites, suites[0]], strict=True):
            report = tmp_path / "logs/tests/a" / name / "test.xml"
            report.parent.mkdir(parents=True)
            report.write_text(f'<testsuites name="tests"><testsuite name="x" {suite}/></testsuites>')
        result = subprocess.run(["bash", tmp_path / ".ci/run"], capture_output=True, text=True, check=False)
        return result.returncode, result.stdout.splitlines()[-1] if result.stdout else ""

    return run


def test_the_last_line_sums_the_reports_of_the_tests_there_are(ci_run):
    first = 'errors="0" failures="0" skipped="2" tests="12"'
    assert ci_run(0, first, 'errors="0" failures="0" tests="5"') == (0, "15 passed, 0 failed, 2 skipped")


def test_failures_and_crashes_both_count_as_failed(ci_run):
    failed = 'errors="1" failures="2" skipped="0" tests="10"'
    assert ci_run(3, failed, 'tests="1" failures="0" errors="1"') == (3, "7 passed, 4 failed")


def test_a_run_of_no_test_is_a_failure(ci_run):
    assert ci_run(0, 'errors="0" failures="0" tests="0"', 'tests="0"') == (1, "0 passed, 0 failed")


def test_a_build_that_broke_counts_nothing(ci_run):
    assert ci_run(1, 'tests="3"', 'tests="3"') == (1, "")
