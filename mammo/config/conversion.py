"""Between the dataclasses of a configuration, which hold its defaults, and what flags and files have in their place.

absl's flags override the fields of a `ConfigDict`, with their types; it cannot override those of a frozen dataclass.
Everything behind the programs takes dataclasses.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import ml_collections
from ml_collections import config_dict

from mammo.common.errors import InputError

Config = TypeVar("Config")
Fields: TypeAlias = Mapping[str, object] | ml_collections.ConfigDict


def to_config_dict(config: object) -> ml_collections.ConfigDict:
    """Returns the fields of a dataclass as flags override them; what is None becomes a placeholder with a type."""
    made = ml_collections.ConfigDict()
    for name, annotation in _annotations(type(config)).items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            made[name] = to_config_dict(value)
        elif value is None:
            kind = _without_none(annotation)
            made[name] = config_dict.placeholder(typing.get_origin(kind) or kind)
        else:
            made[name] = float(value) if annotation is float else value
    return made


def to_plain(fields: Fields) -> dict[str, object]:
    """Returns a `ConfigDict`, or a mapping, as plain dictionaries."""
    if isinstance(fields, ml_collections.ConfigDict):
        fields = fields.to_dict()
    return {str(name): to_plain(value) if _is_fields(value) else value for name, value in fields.items()}


def to_dataclass(kind: type[Config], fields: Fields, where: str) -> Config:
    """Makes a dataclass out of the fields that a `ConfigDict`, a mapping or JSON has for it.

    Args:
        kind: The dataclass.
        fields: By name; one for each field of the dataclass, and of those in it. Lists stand for tuples.
        where: What messages call the fields: a flag or a file.

    Raises:
        InputError: A field is unknown, missing or of another type, or what the dataclass itself checks.
    """
    plain, annotations = to_plain(fields), _annotations(kind)
    for name in plain:
        if name not in annotations:
            raise InputError(f"{where}.{name} is not known; {where} has the fields {', '.join(annotations)}.")
    for name in annotations:
        if name not in plain:
            raise InputError(f"{where}.{name} is missing.")
    return kind(**{name: _value(annotations[name], plain[name], f"{where}.{name}") for name in annotations})


def _value(annotation: Any, value: object, where: str) -> object:
    """Returns a value as an annotation has it."""
    if value is None and _without_none(annotation) is not annotation:
        return None
    annotation = _without_none(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if dataclasses.is_dataclass(annotation):
        if not _is_fields(value):
            raise InputError(f"{where} must have fields of its own, not {value!r}.")
        return to_dataclass(typing.cast(type, annotation), value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    kind = str if origin is typing.Literal else annotation
    # A bool is an int to Python, and an int is as good as a float to a person.
    is_of_kind = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not is_of_kind or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where} must be of type {kind.__name__}, not {value!r}.")
    return kind(value)


def _tuple(arguments: Sequence[object], value: object, where: str) -> tuple:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(f"{where} must be a list, not {value!r}.")
    of_any_length = len(arguments) == 2 and arguments[1] is Ellipsis  # noqa: PLR2004
    kinds = [arguments[0]] * len(value) if of_any_length else arguments
    if len(kinds) != len(value):
        raise InputError(f"{where} must have {len(kinds)} values, not {tuple(value)}.")
    return tuple(_value(kind, part, f"{where}[{i}]") for i, (kind, part) in enumerate(zip(kinds, value, strict=True)))


def _without_none(annotation: Any) -> Any:
    """Returns X for `X | None`, and any other annotation as it is."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (annotation,) = (part for part in typing.get_args(annotation) if part is not types.NoneType)
    return annotation


def _is_fields(value: object) -> bool:
    return isinstance(value, Mapping | ml_collections.ConfigDict)


def _annotations(kind: type) -> dict[str, object]:
    """Types of the fields of a dataclass, by name."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(typing.cast(Any, kind))}
