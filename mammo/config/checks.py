"""Checks that many settings share, each with its one sentence."""

import math
import typing
from collections.abc import Iterable

from mammo.common.errors import InputError


def require(is_so: bool, sentence: str) -> None:
    """Raises an InputError with `sentence` where `is_so` is false."""
    if not is_so:
        raise InputError(sentence)


def choices(section: str, config: object) -> None:
    """Checks that each field of a dataclass whose type is a `Literal` has one of its values.

    Args:
        section: What stands before the name of a field: "--config.loss.".
        config: The dataclass.

    Raises:
        InputError: A field has another value.
    """
    for name, annotation in typing.get_type_hints(type(config)).items():
        if typing.get_origin(annotation) is typing.Literal:
            choice(f"{section}{name}", getattr(config, name), typing.get_args(annotation))


def choice(flag: str, value: str, known: Iterable[str]) -> None:
    """Checks that a value is one of those there are."""
    *first, last = map(str, known)
    listed = f"{first[0]} or {last}" if len(first) == 1 else f"one of {', '.join((*first, last))}"
    require(value in (*first, last), f"{flag}={value} is not known; it is {listed}.")


def between(section: str, config: object, low: float, high: float, *names: str) -> None:
    """Checks that fields are from `low` to `high`, both included; `high` may be infinite."""
    allowed = f"{low} or more" if math.isinf(high) else f"from {low} to {high}"
    for name in names:
        value = getattr(config, name)
        require(low <= value <= high, f"{section}{name}={value} must be {allowed}.")


def at_least(section: str, config: object, low: float, *names: str) -> None:
    """Checks that fields are `low` or more."""
    between(section, config, low, math.inf, *names)


def below_one(section: str, config: object, *names: str) -> None:
    """Checks that fields are from 0 to below 1."""
    for name in names:
        value = getattr(config, name)
        require(0 <= value < 1, f"{section}{name}={value} must be from 0 to below 1.")


def above_zero(section: str, config: object, *names: str) -> None:
    """Checks that fields are above 0."""
    for name in names:
        value = getattr(config, name)
        require(value > 0, f"{section}{name}={value} must be above 0.")


def interval(section: str, config: object, *names: str) -> None:
    """Checks that fields are (low, high) with 0 < low <= high."""
    for name in names:
        value = tuple(getattr(config, name))
        is_interval = len(value) == 2 and 0 < value[0] <= value[1]  # noqa: PLR2004
        require(is_interval, f"{section}{name}={value} must be (low, high) with 0 < low <= high.")
