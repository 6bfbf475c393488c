"""Where the project keeps what it would otherwise make again: in the person's cache folder."""

import os
import pathlib


def folder(name: str) -> pathlib.Path | None:
    """Returns a folder of the person's cache; None where there is no home. It need not exist.

    Args:
        name: Of what is kept.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")  # absolute, or it does not count: XDG Base Directory Specification
    try:
        cache = pathlib.Path(given) if pathlib.Path(given).is_absolute() else pathlib.Path.home() / ".cache"
    except RuntimeError:
        return None
    return cache / "mammo" / name
