"""Writes synthetic exams in the layout of Mini-DDSM, to try everything out where the real data is not at hand.

bazel run //data_tools:phantom -- --output_dir=/tmp/phantom --exams=100 --seed=0
"""

import os

from absl import flags

from data_tools.phantoms import layout
from mammo.common import cli

_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write to, new or empty.", required=True)
_EXAMS = flags.DEFINE_integer("exams", 100, "How many exams, of four views each.")
_SEED = flags.DEFINE_integer("seed", 0, "The same seed gives the same bytes; exam k does not depend on --exams.")
_HEIGHT_PX = flags.DEFINE_integer("height_px", 640, "Height of a view in pixels, to within three in a hundred.")
_TREE = flags.DEFINE_enum("tree", "jpeg8", list(layout.TREES), "8-bit JPEG or 16-bit PNG, as Mini-DDSM's two trees.")
_WORKERS = flags.DEFINE_integer("workers", os.cpu_count() or 1, "How many processes; by default one a core.")


def main() -> None:
    """Writes the exams."""
    layout.write_exams(
        cli.user_path(_OUTPUT_DIR.value),
        _EXAMS.value,
        _SEED.value,
        height_px=_HEIGHT_PX.value,
        tree=_TREE.value,
        workers=_WORKERS.value,
    )


if __name__ == "__main__":
    cli.run(main)
