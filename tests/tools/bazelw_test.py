import os
import pathlib
import shutil
import subprocess
import sys

import pytest

_NEEDED = ("cat", "chmod", "dirname", "env", "sh")  # of the real machine, with nothing else of it


@pytest.fixture
def machine(tmp_path):
    """A machine with Python 3.11 and no Bazel."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in _NEEDED:
        (programs / name).symlink_to(shutil.which(name))
    _write_program(programs, "id", "echo 0")
    return programs


def _write_program(programs: pathlib.Path, name: str, script: str) -> None:
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def _write_bazel(programs: pathlib.Path, name: str, version: str) -> None:
    """A Bazel that tells its version, and otherwise what it was called with."""
    _write_program(programs, name, f'[ "$1" = --version ] && echo "bazel {version}" || echo "{name}:" "$@"')


def _bazelw(programs: pathlib.Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess:
    environment = {"PATH": str(programs), "MAMMO_PYTHON": python, "HOME": os.environ["HOME"]}
    command = [str(programs / "sh"), "bazelw", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["bazel", "bazelisk"])
def test_the_bazel_there_is_gets_the_arguments_as_they_are(machine, name):
    _write_bazel(machine, name, "6.5.0")
    assert _bazelw(machine, "test", "//...", "--test_filter=a b").stdout == f"{name}: test //... --test_filter=a b\n"


def test_bazel_7_is_told_to_read_workspace(machine):
    _write_bazel(machine, "bazel", "7.6.1")
    rc_flag, command = _bazelw(machine, "test").stdout.removeprefix("bazel: ").split()
    assert command == "test"
    assert "--noenable_bzlmod" in pathlib.Path(rc_flag.removeprefix("--bazelrc=")).read_text()


def test_a_bazel_that_reads_no_workspace_is_refused_in_one_sentence(machine):
    _write_bazel(machine, "bazel", "8.1.0")
    result = _bazelw(machine, "test")
    assert result.returncode == 1
    assert result.stderr.startswith("error: bazel 8.1.0 is not one of 4 to 7")
    assert result.stderr.count("\n") == 1


def test_where_there_is_no_bazel_debians_is_installed(machine):
    _write_bazel(machine, "bazel_of_debian", "6.5.0")
    asked = f'case "$*" in *"install "*bazel-bootstrap*) cat {machine}/bazel_of_debian > {machine}/bazel'
    _write_program(machine, "apt-get", f"echo apt-get $*\n{asked} && chmod +x {machine}/bazel ;; esac")
    result = _bazelw(machine, "info")
    assert result.stdout == "bazel_of_debian: info\n"
    assert "apt-get update" in result.stderr


@pytest.mark.parametrize("user", ["root", "user"])
def test_where_nothing_can_be_installed_one_sentence_says_what_to_install(machine, user):
    if user == "user":
        _write_program(machine, "id", "echo 1000")
        _write_program(machine, "sudo", "exit 1")
    result = _bazelw(machine, "info")
    assert result.returncode == 1
    assert result.stderr.startswith("error: install Bazelisk")
    assert result.stderr.count("\n") == 1


def test_a_python_that_is_not_3_11_is_refused_in_one_sentence(machine):
    _write_bazel(machine, "bazel", "6.5.0")
    _write_program(machine, "python3.12", "exit 1")
    result = _bazelw(machine, "info", python=str(machine / "python3.12"))
    assert result.returncode == 1
    assert result.stderr == f"error: MAMMO_PYTHON is {machine}/python3.12, which is no Python 3.11 with venv.\n"
