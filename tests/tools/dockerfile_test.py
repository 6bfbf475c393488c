import pathlib
import re

import pytest

from mammo.common.errors import InputError
from tools import dockerfile
from tools.dockerfile import Step

_FILES = ["Dockerfile", "Dockerfile.gpu"]
_IMPORT = re.compile(r"^\s*(?:import|from) (\w+)", flags=re.MULTILINE)
_NOT_IN_AN_IMAGE = re.compile(r"\b(build-essential|clang|cmake|g\+\+|gcc|git|make|pip|python3\.11-(dev|venv))\b")


def _stages(name):
    return dockerfile.parse(pathlib.Path(name).read_text(), name)


def _texts(stage, instruction):
    return [step.text for step in stage.steps if step.instruction == instruction]


@pytest.mark.parametrize("name", _FILES)
def test_all_that_pip_installs_is_locked_with_hashes(name):
    runs = [text for stage in _stages(name) for text in _texts(stage, "RUN")]
    installs = [command for text in runs for command in text.split("&&") if "pip install" in command]
    assert len(installs) == 3
    for command in installs:
        assert {"--no-deps", "--require-hashes"} < set(command.split())
        assert re.search(r"--requirement=\w+\.lock$", command.strip())
    assert not [text for text in runs if re.search(r"\b(curl|wget|git)\b|https?:", text)]


@pytest.mark.parametrize("name", _FILES)
def test_the_last_stage_has_no_build_tools_and_is_nobodys_of_power(name):
    *_, last = _stages(name)
    assert not [text for text in _texts(last, "RUN") if _NOT_IN_AN_IMAGE.search(text)]
    (user,) = _texts(last, "USER")
    assert "0" not in user.split(":")
    assert [step.instruction for step in last.steps][-2:] == ["USER", "ENTRYPOINT"]  # nothing is done as that user


@pytest.mark.parametrize("name", _FILES)
def test_what_is_taken_out_of_an_image_is_imported_by_nothing_in_it(name):
    (text,) = [text for stage in _stages(name) for text in _texts(stage, "RUN") if "pip uninstall" in text]
    command, _, _ = text.partition("&&")
    taken_out = set(command.partition("--yes")[2].split())
    assert {"pip", "pytest", "uv"} < taken_out
    files = [path for folder in ("configs", "data_tools", "mammo") for path in pathlib.Path(folder).rglob("*.py")]
    imported = {name for path in files for name in _IMPORT.findall(path.read_text())}
    assert "numpy" in imported
    assert not taken_out & imported


def test_the_two_differ_in_the_lock_and_in_what_nvidias_toolkit_reads():
    cpu, gpu = ([line for line in _significant(name) if line] for name in _FILES)
    assert [line for line in cpu if line not in gpu] == ["COPY requirements.lock requirements.lock"]
    added = [line for line in gpu if line not in cpu]
    assert added == [
        "COPY requirements_gpu.lock requirements.lock",
        "ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility \\",
        "    NVIDIA_VISIBLE_DEVICES=all",
    ]
    assert [line for line in gpu if line not in added] == [line for line in cpu if line in gpu]


def _significant(name):
    return [line for line in pathlib.Path(name).read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name", _FILES)
def test_a_build_is_sent_what_it_copies(name):
    ignored = pathlib.Path(".dockerignore").read_text()
    copied = [step.text.split()[0] for stage in _stages(name) for step in stage.steps if _is_from_context(step)]
    assert {"mammo", "models"} < set(copied)
    assert [path for path in copied if not dockerfile.is_sent(path, ignored)] == []


def _is_from_context(step):
    return step.instruction == "COPY" and not step.source


@pytest.mark.parametrize(
    ("path", "is_sent"),
    [
        ("mammo/predict.py", True),
        ("requirements.lock", True),
        ("runs/detector/report.html", False),
        (".git/config", False),
        ("mammo/common/__pycache__/cli.cpython-311.pyc", False),
        ("tests/mammo/predict_test.py", False),
    ],
)
def test_no_more_is_sent_than_an_image_is_made_of(path, is_sent):
    assert dockerfile.is_sent(path, pathlib.Path(".dockerignore").read_text()) == is_sent


def test_stages_steps_and_their_options_are_read():
    text = """# of a test
FROM debian:bookworm-slim AS build
# two lines, with a comment between
RUN --mount=type=secret,id=a,target=/etc/a \\
    one \\
    # why
    && two
copy a.lock b.lock

FROM debian:bookworm-slim
COPY --from=build /opt /opt
ENV A=1 \\
    B="2 3"
"""
    build, last = dockerfile.parse(text, "Dockerfile")
    assert (build.base, build.name, last.name) == ("debian:bookworm-slim", "build", "")
    assert build.steps == (
        Step(4, "RUN", "one && two", secrets=(("a", "/etc/a"),)),
        Step(8, "COPY", "a.lock b.lock"),
    )
    assert last.steps[0] == Step(11, "COPY", "/opt /opt", source="build")
    assert dockerfile.variables(last.steps[1].text) == [("A", "1"), ("B", "2 3")]


@pytest.mark.parametrize(
    "line",
    [
        "ADD https://example.org/a /a",
        "ARG LOCK=requirements.lock",
        "VOLUME /work",
        'RUN ["a"]',
        "RUN --network=none a",
        "RUN --mount=type=cache,target=/a a",
        "RUN",
        "COPY a* /b",
        "COPY a b /c/",
        "COPY --from=debian /a /a",
        "COPY --chown=1 a /a",
        "ENV A=$B",
        "ENV A 1",
        "WORKDIR a",
        "USER mammo",
        "ENTRYPOINT a",
        'ENTRYPOINT ["a"',
        "FROM --platform=arm64 debian",
    ],
)
def test_what_is_not_known_is_refused_with_its_line(line):
    with pytest.raises(InputError, match=r"^Dockerfile, line 2: .*; tools/dockerfile.py reads"):
        dockerfile.parse(f"FROM debian\n{line}\n", "Dockerfile")


@pytest.mark.parametrize(("text", "message"), [("", "has no FROM"), ("RUN a\n", "line 1: RUN stands before FROM")])
def test_a_file_begins_with_from(text, message):
    with pytest.raises(InputError, match=message):
        dockerfile.parse(text, "Dockerfile")
