"""Gets shards ready for training, from whatever a person gives: shards, a raw data set, or nothing at all."""

import dataclasses
import os
import pathlib

from absl import logging

from data_tools import conversion, records
from data_tools.phantoms import layout
from data_tools.sources import opening
from mammo.data import encodings, manifest

_VIEWS_PER_SHARD = 32
_SHARDS = "shards-"  # begins the name of a folder, which its size ends


@dataclasses.dataclass(frozen=True)
class Options:
    """How views are made where they have yet to be.

    Attributes:
        height_px: Of a view.
        width_px: Of a view.
        encoding: How images are stored.
        phantom_exams: Synthetic exams to draw where no data is given.
        phantom_height_px: Of a drawn view.
        phantom_seed: Of the drawing.
    """

    height_px: int
    width_px: int
    encoding: str
    phantom_exams: int
    phantom_height_px: int
    phantom_seed: int


def prepare(data_dir: pathlib.Path | None, folder: pathlib.Path, options: Options) -> pathlib.Path:
    """Returns a folder of shards, made now where it has to be; stopped work goes on.

    Args:
        data_dir: Shards, or a raw data set of Mini-DDSM's layout; None: synthetic exams are drawn.
        folder: Where what is made goes.
        options: How.

    Raises:
        mammo.errors.InputError: The data cannot be used.
    """
    if data_dir is not None and (data_dir / manifest.FILE_NAME).is_file():
        return data_dir
    if data_dir is None:
        data_dir = _draw(folder, options)
    shards_dir = folder / f"{_SHARDS}{options.height_px}x{options.width_px}"
    if not (shards_dir / manifest.FILE_NAME).is_file():
        logging.info("Converting %s to %s.", data_dir, shards_dir)
        _convert(data_dir, shards_dir, options)
    return shards_dir


def find_shards(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the shards that `prepare` made in `folder`; None: it made none."""
    return next((path.parent for path in sorted(folder.glob(f"{_SHARDS}*/{manifest.FILE_NAME}"))), None)


def _draw(folder: pathlib.Path, options: Options) -> pathlib.Path:
    drawn = folder / "phantoms"
    if not drawn.is_dir():
        logging.info("No --data_dir: drawing %d synthetic exams into %s.", options.phantom_exams, drawn)
        unfinished = folder / f"phantoms.{os.getpid()}.partial"
        layout.write_exams(
            unfinished,
            options.phantom_exams,
            options.phantom_seed,
            height_px=options.phantom_height_px,
            workers=os.cpu_count() or 1,
        )
        unfinished.rename(drawn)
    return drawn


def _convert(data_dir: pathlib.Path, shards_dir: pathlib.Path, options: Options) -> None:
    labels, tree = opening.LABELS[0], opening.TREES[0]
    conversion.Conversion(
        source=opening.open_source(opening.NAMES[0], data_dir, labels, tree),
        labels=labels,
        options=records.Options(
            data_dir=data_dir,
            height_px=options.height_px,
            width_px=options.width_px,
            encoding=encodings.Encoding(options.encoding),
            seed=0,
            background_crops=1,
        ),
        output_dir=shards_dir,
        views_per_shard=_VIEWS_PER_SHARD,
        limit=0,
        max_rejected=0,
        workers=os.cpu_count() or 1,
    ).run()
