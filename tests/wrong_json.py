"""Documents with one thing wrong: each field in turn is left out, or has each of some values that it cannot have."""

import copy
from collections.abc import Iterator

VALUES: tuple[object, ...] = (
    None, True, 0, -1, 3.5, 1e300, 10**30, "", "abc", "../../x", "/etc/passwd", "a\0b\x1b[2J", "\u202eexe", [], [[]],
    [None], {}, {"a": 1},
)  # fmt: skip


def variants(document: object) -> Iterator[tuple[str, object]]:
    """Yields a place and a copy of a document in which what stands there is wrong, for all places."""
    for path in _paths(document):
        yield f"{path} left out", _changed(document, path, is_left_out=True)
        for value in VALUES:
            yield f"{path} = {value!r}", _changed(document, path, value)


def _paths(document: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(document, dict):
        inner = iter(document.items())
    elif isinstance(document, list):
        inner = iter(enumerate(document))
    for key, value in inner:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _changed(
    document: object, path: tuple[str | int, ...], value: object = None, *, is_left_out: bool = False
) -> object:
    made = copy.deepcopy(document)
    inside = made
    for key in path[:-1]:
        inside = inside[key]  # type: ignore[index]
    if is_left_out:
        del inside[path[-1]]  # type: ignore[attr-defined]
    else:
        inside[path[-1]] = value  # type: ignore[index]
    return made
