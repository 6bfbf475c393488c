"""Reads JSON from outside into typed records, in one way: a field of a wrong type is named with its place."""

import pathlib
from typing import TypeVar

import msgspec

Record = TypeVar("Record")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # Windows programs put it before UTF-8


def read(path: pathlib.Path) -> object:
    """Returns the JSON of a file, as Python's own types.

    Raises:
        ValueError: It is no JSON, or nested too deeply; the message says where, as a clause.
        OSError: It cannot be read.
    """
    return decode(path.read_bytes())


def decode(content: bytes) -> object:
    """Returns JSON as Python's own types.

    Raises:
        ValueError: It is none, or nested too deeply; the message says where, as a clause.
    """
    try:
        return msgspec.json.decode(content.removeprefix(_BYTE_ORDER_MARK))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8") from None


def into(value: object, kind: type[Record]) -> Record:
    """Makes a typed record of what `decode` gave; fields that the type does not have are left out.

    Args:
        value: Of Python's own types.
        kind: A dataclass, a TypedDict or a type of the standard library; what its fields hold is checked in depth.

    Raises:
        ValueError: A field is missing or of another type, or the class refuses it; the message names its place.
    """
    try:
        return msgspec.convert(value, kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error))) from None


def require(is_so: bool, clause: str) -> None:
    """Checks what the types of a record do not say; for its `__post_init__`.

    Raises:
        ValueError: It is not so; the message is the clause.
    """
    if not is_so:
        raise ValueError(clause)


def _in_words(message: str) -> str:
    """Writes msgspec's message with plain quotes: "expected `int`, got `str` - at `$.seed`"."""
    return message[:1].lower() + message[1:]
