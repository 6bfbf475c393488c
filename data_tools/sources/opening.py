"""Opens the source that a person names on the command line."""

import pathlib

from data_tools.source import Source
from data_tools.sources.coco import Coco
from data_tools.sources.mini_ddsm import MiniDdsm
from mammo.data import manifests

NAMES = ("mini_ddsm", "coco")
LABELS = ("overlay", "status")
TREES = ("auto", "jpeg8", "png16")
_PHANTOM_FILE = "phantom.json"  # //data_tools:phantom leaves it at the root of what it draws


def open_source(name: str, data_dir: pathlib.Path, labels: str, tree: str) -> Source:
    """Returns a source.

    Args:
        name: One of `NAMES`.
        data_dir: Its folder.
        labels: One of `LABELS`; of Mini-DDSM only.
        tree: One of `TREES`; of Mini-DDSM only.

    Raises:
        mammo.common.errors.InputError: The folder does not hold such a data set.
    """
    if name == "mini_ddsm":
        named = manifests.PHANTOM if is_synthetic(data_dir) else name
        return MiniDdsm(data_dir, labels=labels, tree=tree, name=named)
    return Coco(data_dir)


def is_synthetic(data_dir: pathlib.Path) -> bool:
    """Tells whether //data_tools:phantom drew a data set; `data_dir` is the folder above the trees, or one tree."""
    return any((folder / _PHANTOM_FILE).is_file() for folder in (data_dir, data_dir.parent))
