"""Types of what is written as JSON, and how it is looked into.

A document is a mapping of `object`, not of a recursive union: so a TypedDict, which says what each field holds, is a
document, too, and whoever reads a field of one that is not must look at what it is.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypedDict, TypeGuard

JsonObject: TypeAlias = Mapping[str, object]


class Interval(TypedDict):
    """A figure with its 95 % interval.

    Attributes:
        value: None: there is nothing to compute it from.
        low: None: there is no interval, as from one patient alone.
        high: The same.
    """

    value: float | None
    low: float | None
    high: float | None


def is_interval(value: object) -> TypeGuard[Interval]:
    """Tells whether a field of a document is an `Interval`; other fields may stand beside its three."""
    return isinstance(value, Mapping) and value.keys() >= {"value", "low", "high"}


def at(document: JsonObject, path: Sequence[str]) -> object:
    """Returns the field at a path of names; None where there is none."""
    value: object = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def interval_at(document: JsonObject, path: Sequence[str]) -> Interval | None:
    """Returns the figure at a path of names; None where there is none."""
    value = at(document, path)
    return value if is_interval(value) else None
