"""The model that comes with the project: what //mammo:predict takes where nobody has made one."""

import pathlib

from mammo.inference.sealing import FACTS_FILE

_FOLDER = pathlib.Path(__file__).parents[2] / "models" / "cbis_masses"


def folder() -> pathlib.Path:
    """Returns where its bundle lies: Bazel runs a program beside symbolic links, of which no bundle may consist."""
    return (_FOLDER / FACTS_FILE).resolve().parent
