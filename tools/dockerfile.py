"""Reads the part of a Dockerfile's language that this project's Dockerfiles use, and refuses the rest.

https://docs.docker.com/reference/dockerfile/
"""

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator

from mammo.common.errors import InputError

_FROM = re.compile(r"(\S+)(?: AS (\S+))?")
_SECRET = re.compile(r"type=secret,id=([^,]+),target=(/[^,]*)")
_USER = re.compile(r"\d+:\d+")


@dataclasses.dataclass(frozen=True)
class Step:
    """One instruction after FROM.

    Attributes:
        line: Where it begins, from 1.
        instruction: In capitals: "RUN".
        text: What follows it and its options, on one line.
        secrets: Of RUN: by id, the path in the root at which the step sees it.
        source: Of COPY --from: the stage; empty: the context, which is the project's folder.
    """

    line: int
    instruction: str
    text: str
    secrets: tuple[tuple[str, str], ...] = ()
    source: str = ""


@dataclasses.dataclass(frozen=True)
class Stage:
    """FROM and what follows it.

    Attributes:
        base: The image it begins with: "debian:bookworm-slim".
        name: As COPY --from has it; empty: none.
        steps: In their order.
    """

    base: str
    name: str
    steps: tuple[Step, ...]

    def of(self, instruction: str) -> list[str]:
        """Returns the texts of all steps of one kind."""
        return [step.text for step in self.steps if step.instruction == instruction]


def parse(text: str, name: str) -> list[Stage]:
    """Returns the stages of a Dockerfile.

    Args:
        text: Of the file.
        name: Of the file, for messages.

    Raises:
        InputError: It says something that this reader does not know.
    """
    stages: list[Stage] = []
    for line, instruction, rest in _instructions(text):
        try:
            if instruction == "FROM":
                base, stage_name = _matched(_FROM, rest)
                stages.append(Stage(base, stage_name or "", ()))
            elif not stages:
                raise ValueError(f"{instruction} stands before FROM")
            else:
                step = _step(line, instruction, rest, [stage.name for stage in stages[:-1]])
                stages[-1] = dataclasses.replace(stages[-1], steps=(*stages[-1].steps, step))
        except ValueError as error:
            raise InputError(
                f"{name}, line {line}: {error}; tools/dockerfile.py reads no more than ours say."
            ) from None
    if not stages:
        raise InputError(f"{name} has no FROM.")
    return stages


def variables(text: str) -> list[tuple[str, str]]:
    """Returns the names and values of one ENV."""
    pairs = [word.partition("=") for word in shlex.split(text)]
    return [(name, value) for name, _, value in pairs]


def is_sent(path: str, ignored: str) -> bool:
    """Tells whether a file of the context is sent to a build.

    Args:
        path: From the context's root.
        ignored: Text of .dockerignore. Of its patterns, `*`, `name` and `**/name` are known; the last that fits counts.
    """
    parts, sent = path.split("/"), True
    for pattern in ignored.splitlines():
        name = pattern.removeprefix("!")
        if name and not name.startswith("#"):
            fits = name == "*" or parts[0] == name or (name.startswith("**/") and name.removeprefix("**/") in parts)
            sent = pattern.startswith("!") if fits else sent
    return sent


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Yields the line, name and text of each instruction, whose lines a backslash joins; comments among them go."""
    begun, pieces = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begun = begun if pieces else number
        pieces.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            instruction, _, rest = " ".join(pieces).partition(" ")
            yield begun, instruction.upper(), rest.strip()
            pieces = []


def _step(line: int, instruction: str, rest: str, stages: list[str]) -> Step:
    options = []
    while rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        options.append(option)
        rest = rest.lstrip()
    _check(instruction, rest)
    if instruction == "RUN":
        found = [_matched(_SECRET, option.removeprefix("--mount=")) for option in options]
        return Step(line, instruction, rest, secrets=tuple((name or "", target or "") for name, target in found))
    if instruction == "COPY" and options:
        (option,) = options
        source = option.removeprefix("--from=")
        if source not in stages:
            raise ValueError(f"{option} is of no stage above it")
        return Step(line, instruction, rest, source=source)
    if options:
        raise ValueError(f"{instruction} has the option {options[0]}")
    return Step(line, instruction, rest)


def _check(instruction: str, text: str) -> None:
    """Refuses what our own files do not say."""
    if instruction == "RUN":
        known = bool(text) and not text.startswith(("[", "<<"))
    elif instruction == "COPY":
        known = len(text.split()) == len(["from", "to"]) and not set(text) & set("*?[$")
    elif instruction == "ENV":
        known = "$" not in text and all("=" in word for word in shlex.split(text))
    elif instruction == "WORKDIR":
        known = text.startswith("/")
    elif instruction == "USER":
        known = _USER.fullmatch(text) is not None
    elif instruction == "ENTRYPOINT":
        known = text.startswith("[") and all(isinstance(word, str) for word in json.loads(text))
    else:
        raise ValueError(f"{instruction} is not known")
    if not known:
        raise ValueError(f"{instruction} {text} is not known")


def _matched(pattern: re.Pattern[str], text: str) -> tuple[str, str | None]:
    found = pattern.fullmatch(text)
    if not found:
        raise ValueError(f"{text} is not known")
    first, second = found.groups()
    return first, second
