"""The project's Python: a virtual environment out of a lock of hashes, with a label for each package of it.

Made once, when something first asks for @pypi, and again when the lock, this file, MAMMO_PYTHON or `--config=gpu`
changes. Bazel throws away what a failed or interrupted run of a repository rule left, so an
environment is either whole or made anew.
"""

_FIND_PYTHON = """
import sys
assert sys.version_info[:2] == (3, 11)
import bz2, ctypes, ensurepip, lzma, sqlite3, ssl, venv, zlib  # a Python built without their headers lacks some
print(sys.executable)
"""

_COMPILE = "import compileall; compileall.compile_dir('venv/lib', quiet=2, workers=0)"

# Options of pip: what the lock names and nothing else; and how sources are built, see `_python_environment_impl`.
_LOCKED = ["--no-deps", "--require-hashes", "--no-compile", "--disable-pip-version-check", "--progress-bar=off"]
_FROM_SOURCE = ["--no-build-isolation", "--use-pep517"]

# Of what a person keeps for other Pythons, nothing shall leak into this one.
_CLEAN = {"PIP_USER": "0", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1", "PYTHONPATH": ""}

_NO_PYTHON = "no Python 3.11 with `venv` was found: install it (on Debian 12: `apt-get install python3.11 " + \
             "python3.11-venv`), or set MAMMO_PYTHON to its path{}."

# What Bazel runs Python targets with. On the import path stays what Bazel put there, the runfiles, and not what a
# person keeps in PYTHONPATH, which would come before the locked packages. Nor (-P) does the folder of the program come
# first, or data_tools/statistics.py would stand for the standard library's `statistics`.
_INTERPRETER = """#!/bin/sh
unset PYTHONHOME
set -f
IFS=:
runfiles=
for folder in $PYTHONPATH; do
  case $folder in *.runfiles | *.runfiles/*) runfiles=$runfiles${{runfiles:+:}}$folder ;; esac
done
export PYTHONPATH="$runfiles"
exec '{python}' -P "$@"
"""

_BUILD = """
load("@bazel_tools//tools/python:toolchain.bzl", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

py_runtime(
    name = "runtime",
    interpreter_path = "{interpreter}",
    python_version = "PY3",
    stub_shebang = "#!/usr/bin/env python3",
)

py_runtime_pair(
    name = "runtime_pair",
    py3_runtime = ":runtime",
)

toolchain(
    name = "toolchain",
    toolchain = ":runtime_pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)

# The packages themselves are read where they are installed. These files stand for them, so that what depends on
# one is built and tested again when any of them, or the Python below them, changes.
[py_library(
    name = name,
    data = [
        "python",
        "requirements.lock",
        "venv/pyvenv.cfg",
    ],
) for name in {names}]
"""

def _python_environment_impl(repository_ctx):
    gpu = repository_ctx.os.environ.get("MAMMO_REQUIREMENTS", "cpu") == "gpu"
    lock = repository_ctx.path(repository_ctx.attr.gpu_lock if gpu else repository_ctx.attr.cpu_lock)
    python = _find_python(repository_ctx)

    _run(repository_ctx, "making a virtual environment of %s" % python, [python, "-m", "venv", "venv"])
    venv_python = str(repository_ctx.path("venv/bin/python"))
    pip_install = [venv_python, "-m", "pip", "install"] + _LOCKED

    # A few requirements come as sources only. They are built with the setuptools and the wheel of the lock,
    # where pip alone would fetch the newest of each, unlocked, to build with.
    lock_text = repository_ctx.read(lock)
    repository_ctx.file("build_requirements.lock", _entries(lock_text, ["setuptools", "wheel"]))
    _run(repository_ctx, "installing setuptools", pip_install + ["-r", "build_requirements.lock"])
    _run(
        repository_ctx,
        "installing %s, a few minutes" % lock.basename,
        pip_install + _FROM_SOURCE + ["-r", str(lock)],
    )

    # On all cores, where pip takes one. Some packages carry files that are no Python 3.11, for which pip would not
    # fail either.
    _run(repository_ctx, "compiling the packages", [venv_python, "-c", _COMPILE])

    repository_ctx.file("python", _INTERPRETER.format(python = venv_python))
    repository_ctx.symlink(lock, "requirements.lock")
    repository_ctx.file("BUILD", _BUILD.format(
        interpreter = repository_ctx.path("python"),
        names = _label_names(lock_text),
    ))

def _find_python(repository_ctx):
    given = repository_ctx.os.environ.get("MAMMO_PYTHON")
    candidates = [given] if given else [
        repository_ctx.which("python3.11"),
        "/usr/bin/python3.11",
        "/usr/local/bin/python3.11",
        "/opt/homebrew/bin/python3.11",
        repository_ctx.which("python3"),
    ]
    for candidate in candidates:
        # Asked rather than believed: a version manager's python3.11 may stand for a Python that is not there.
        answer = repository_ctx.execute([candidate, "-c", _FIND_PYTHON], environment = _CLEAN) if candidate else None
        if answer and answer.return_code == 0:
            return answer.stdout.strip()
    fail(_NO_PYTHON.format(", which is now `%s`" % given if given else ""))

def _run(repository_ctx, what, command):
    repository_ctx.report_progress(what)
    result = repository_ctx.execute(
        command,
        environment = _CLEAN,
        quiet = False,
        timeout = 7200,
    )
    if result.return_code:
        fail("%s failed. What stands above says why; pip's own settings name its index and certificates" % what)

def _entries(lock_text, names):
    """The entries of some packages in a lock: a line that names one, and the indented lines that follow it."""
    kept = []
    keep = False
    for line in lock_text.splitlines():
        if not line.startswith((" ", "#")):
            keep = line.split("==")[0] in names
        if keep:
            kept.append(line)
    return "\n".join(kept)

def _label_names(lock_text):
    """The locked packages, as labels may be named: "absl-py==2.5.1" is absl_py."""
    pins = [line for line in lock_text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    return [pin.split("==")[0].replace("-", "_").replace(".", "_") for pin in pins]

python_environment = repository_rule(
    implementation = _python_environment_impl,
    attrs = {
        "cpu_lock": attr.label(mandatory = True, doc = "Requirements with hashes."),
        "gpu_lock": attr.label(mandatory = True, doc = "The same for --config=gpu."),
    },
    environ = ["MAMMO_PYTHON", "MAMMO_REQUIREMENTS"],
    doc = "A virtual environment, as a toolchain for Python targets and a label for each package.",
)

_APART_BUILD = """
package(default_visibility = ["//visibility:public"])

[py_library(
    name = name,
    data = glob(["site-packages/**"]) + ["requirements.lock"],
    imports = ["site-packages"],
) for name in {names}]
"""

def _packages_apart_impl(repository_ctx):
    lock = repository_ctx.path(repository_ctx.attr.lock)
    python = repository_ctx.path(repository_ctx.attr.python)
    _run(
        repository_ctx,
        "installing %s" % lock.basename,
        [python, "-m", "pip", "install", "--target=site-packages", "-r", str(lock)] + _LOCKED + _FROM_SOURCE,
    )
    repository_ctx.symlink(lock, "requirements.lock")
    repository_ctx.file("BUILD", _APART_BUILD.format(names = _label_names(repository_ctx.read(lock))))

packages_apart = repository_rule(
    implementation = _packages_apart_impl,
    attrs = {
        "lock": attr.label(mandatory = True, doc = "Requirements with hashes."),
        "python": attr.label(mandatory = True, doc = "What installs them, with pip, setuptools and wheel."),
    },
    doc = "Packages beside the environment, which are fetched once a target asks for one of them, and not before.",
)
