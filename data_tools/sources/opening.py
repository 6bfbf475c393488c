"""Opens the source that a person names on the command line."""

import pathlib

from data_tools import exams as exams_lib
from data_tools.sources import coco, mini_ddsm
from mammo.data import manifest

NAMES = ("mini_ddsm", "coco")
LABELS = ("overlay", "status")
TREES = ("auto", "jpeg8", "png16")
PHANTOM_FILE = "phantom.json"  # //data_tools:phantom leaves it at the root of what it draws


def open_source(name: str, data_dir: pathlib.Path, labels: str, tree: str) -> exams_lib.Source:
    """Returns a source.

    Args:
        name: One of `NAMES`.
        data_dir: Its folder.
        labels: One of `LABELS`; of Mini-DDSM only.
        tree: One of `TREES`; of Mini-DDSM only.

    Raises:
        mammo.errors.InputError: The folder does not hold such a data set.
    """
    if name == "mini_ddsm":
        is_drawn = (data_dir / PHANTOM_FILE).is_file()
        return mini_ddsm.MiniDdsm(data_dir, labels=labels, tree=tree, name=manifest.PHANTOM if is_drawn else name)
    return coco.Coco(data_dir)
