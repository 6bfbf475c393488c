"""Runs the steps of a Dockerfile in Debian roots, and tries what comes out: where no container engine is at hand.

    bazel run //tools:container -- --root=/tmp/mammo_image --secret=id=pip.conf,src=/etc/pip.conf

It takes root, mmdebstrap, and the indexes of Debian's and of Python's packages. What a container engine adds of its own
(layers, a registry, its profile of system calls) is not tried. What was built stays: the same command tries it again.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from absl import flags

from mammo.common import cli
from mammo.common.errors import InputError
from tools import dockerfile, workspace
from tools.roots import Builder, Root

_ROOT = flags.DEFINE_string("root", None, "Folder for what is built; made if need be.", required=True)
_DOCKERFILE = flags.DEFINE_string("dockerfile", "Dockerfile", "Which of the project's Dockerfiles.")
_EXAM = flags.DEFINE_string("exam", None, "Folder of views to answer; by default the project's examples/exam.")
_SECRET = flags.DEFINE_multi_string(
    "secret", [], "As docker build takes it: id=pip.conf,src=<file>, and id=certificates,src=<file>, PEM."
)

_NOT_IN_AN_IMAGE = ("cc", "g++", "gcc", "make", "pip", "pip3", "uv")
_ANYBODY = "12345:12345"  # nobody whom the image knows
_NOT_WRITABLE = ("/opt/mammo/answers", "/var/tmp/answers", "answers")
_STOPPED = 128 + signal.SIGTERM
_LONGEST_S = 600

Fault = str
"""Why what was tried failed; empty: it did not."""


def main() -> None:
    """Builds what is not built yet, then tries it; prints a line for each."""
    if os.geteuid() or not shutil.which("mmdebstrap"):
        raise InputError("this takes root and mmdebstrap (on Debian: apt-get install mmdebstrap).")
    folder = cli.user_path(_ROOT.value)
    image = _image(folder)
    print(f"{_size_mb(image.folder):,} MB: the image", flush=True)
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    exam = cli.user_path(_EXAM.value) if _EXAM.value else workspace.folder() / "examples" / "exam"
    shutil.copytree(exam, work / "exam")
    work.chmod(0o777)  # of two users
    failed = 0
    for what, fault in _tried(image, work):
        print(f"FAILED: {what}: {fault}" if fault else f"passed: {what}", flush=True)
        failed += bool(fault)
    if failed:
        raise InputError(f"{cli.count_text(failed, 'trial')} failed, see above.")


def _image(folder: pathlib.Path) -> Root:
    """Returns the root of the last stage, which is built unless it is there."""
    text, note = (workspace.folder() / _DOCKERFILE.value).read_text(), folder / "built.json"
    digest = hashlib.sha256(text.encode()).hexdigest()
    if note.is_file():
        of, image = json.loads(note.read_text())
        if of != digest:
            raise InputError(f"{folder} was built from another {_DOCKERFILE.value}: remove it, or give another --root.")
        return Root(**image | {"folder": pathlib.Path(image["folder"])})
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError(f"{folder} holds files of something else; give an empty folder as --root.")
    image = _built(folder, text)
    note.write_text(json.dumps([digest, dataclasses.asdict(image)], default=str))
    return image


def _built(folder: pathlib.Path, text: str) -> Root:
    stages = dockerfile.parse(text, _DOCKERFILE.value)
    builder = Builder(workspace.folder(), dict(map(_secret, _SECRET.value)), folder)
    _timed(f"FROM {stages[0].base}", lambda: builder.make_base(stages))
    made: list[Root] = []
    for stage in stages:
        made.append(builder.begin(stage, len(made)))
        for step in stage.steps:
            what = f"line {step.line}: {step.instruction} {step.text[:80]}"
            _timed(what, lambda step=step: builder.take(step, made))  # type: ignore[misc]
    return made[-1]


def _timed(what: str, do: Callable[[], None]) -> None:
    began_s = time.perf_counter()
    do()
    print(f"{time.perf_counter() - began_s:.1f} s: {what}", flush=True)


def _secret(text: str) -> tuple[str, pathlib.Path]:
    given = dict(part.partition("=")[::2] for part in text.split(","))
    if set(given) != {"id", "src"} or not cli.user_path(given["src"]).is_file():
        raise InputError(f"--secret={text} is not of the form id=<name>,src=<file that is there>.")
    return given["id"], cli.user_path(given["src"])


def _tried(image: Root, work: pathlib.Path) -> Iterator[tuple[str, Fault]]:
    """Yields what was tried, and its fault."""
    yield "there are no tools in it that build or install", ", ".join(_tools_in(image.folder))
    yield "--help lists the programs", _said(_run(image, ["--help"], work), 0, "predict")
    yield "a program that is none has exit status 2", _said(_run(image, ["predit"], work), 2, "no program 'predit'")
    for user in (image.user, _ANYBODY):
        answers = f"answers_{user.partition(':')[0]}"
        began_s = time.perf_counter()
        ended = _run(image, ["predict", "--exam=exam", f"--output_dir={answers}"], work, user)
        seconds = time.perf_counter() - began_s
        fault = _said(ended, 0) or _unanswered(work / answers)
        yield f"user {user} has an answer in {seconds:.1f} s, start included, with no network", fault
    for path in _NOT_WRITABLE:
        arguments = ["predict", "--exam=/opt/mammo/examples/exam", f"--output_dir={path}"]
        yield f"without a mounted folder {path} cannot be written", _said(_run(image, arguments, None), 1, "error: ")
    missing = _run(image, ["predict", "--exam=nowhere", "--output_dir=none"], work)
    yield "an exam that is not there is a sentence", _said(missing, 1, "nowhere")
    yield "SIGTERM stops a program at once, with exit status 143", _when_stopped(image, work)


def _run(image: Root, arguments: list[str], work: pathlib.Path | None, user: str = "") -> subprocess.CompletedProcess:
    command = image.program(arguments, work, user)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_S)


def _said(ended: subprocess.CompletedProcess, status: int, text: str = "") -> Fault:
    said = ended.stdout + ended.stderr
    is_as_expected = ended.returncode == status and text in said and "Traceback" not in said
    return "" if is_as_expected else f"exit status {ended.returncode}: {said.strip()[-500:]}"


def _unanswered(folder: pathlib.Path) -> Fault:
    answers = [json.loads(path.read_text()) for path in folder.glob("[!.]*.json")]
    statuses = [view["status"] for answer in answers for view in answer["views"]]
    return "" if statuses and set(statuses) == {"ok"} else f"the views have {statuses}"


def _tools_in(folder: pathlib.Path) -> list[str]:
    """Returns what is in the image and should not be."""
    places = [folder / place / "bin" for place in ("", "usr", "usr/local", "opt/venv")]
    found = {name for name in _NOT_IN_AN_IMAGE for place in places if place.joinpath(name).exists()}
    return sorted(found | {str(path.relative_to(folder)) for path in folder.glob("opt/venv/lib/*/site-packages/pip")})


def _when_stopped(image: Root, work: pathlib.Path) -> Fault:
    """Asks a program at work to end as `docker stop` does: by a signal to the container's first process."""
    command = image.program(["phantom", "--output_dir=phantoms", "--exams=3000"], work)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as unshare:
        until_s = time.monotonic() + _LONGEST_S
        while unshare.poll() is None and time.monotonic() < until_s and not list((work / "phantoms").rglob("*.jpg")):
            time.sleep(0.1)
        for first in _children(unshare.pid):
            os.kill(first, signal.SIGTERM)
        said = unshare.communicate(timeout=_LONGEST_S)[1]
    return "" if unshare.returncode == _STOPPED else f"exit status {unshare.returncode}: {said[-500:]}"


def _children(parent: int) -> list[int]:
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if f"\nPPid:\t{parent}\n" in path.read_text():
                found.append(int(path.parent.name))
    return found


def _size_mb(folder: pathlib.Path) -> int:
    return int(subprocess.check_output(["du", "-sm", "--apparent-size", folder], text=True).split()[0])


if __name__ == "__main__":
    cli.run(main)
