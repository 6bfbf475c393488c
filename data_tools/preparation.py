"""Gets shards ready for training, from whatever a person gives: shards, a raw data set, or nothing at all."""

import json
import os
import pathlib
import time
from collections.abc import Mapping

from absl import logging

from data_tools.conversion import Conversion
from data_tools.engines.local import Local
from data_tools.phantoms import layout
from data_tools.records import RecordOptions
from data_tools.sources import opening
from mammo.common import files, storage
from mammo.common.errors import InputError
from mammo.config.data import DataConfig, Encoding
from mammo.data import manifests
from mammo.data.shards import Shards
from mammo.training import cluster

_IMAGES_PER_SHARD = 32
_BREASTS = "breasts-"  # begins the name of a folder, which the hash of the manifest of their views ends
_SHARDS = "shards-"  # begins the name of a folder, which its size ends
_PHANTOMS = "phantoms"
_LOOK_EVERY_S, _SAY_EVERY_S = 1.0, 60.0  # while another process makes them
_SOURCE_FILE = "source.json"  # what the shards beside it are made from


def prepare(data_dir: pathlib.Path | None, folder: pathlib.Path, options: DataConfig) -> pathlib.Path:
    """Returns a folder of shards, made now where it has to be; stopped work goes on.

    Of several workers the chief makes it, and the others wait for it.

    Args:
        data_dir: Shards, or a raw data set of Mini-DDSM's layout; None: synthetic exams are drawn.
        folder: Where what is made goes.
        options: How.

    Raises:
        InputError: The data cannot be used, or `folder` holds what was made from other data.
    """
    if data_dir is not None and (data_dir / manifests.FILE_NAME).is_file():
        return data_dir
    if storage.is_stored(data_dir or folder):
        raise InputError(
            f"{data_dir or folder} holds no {manifests.FILE_NAME}, and images are read and drawn on a disk; convert "
            "them with //data_tools:convert, and give its --output_dir as --data_dir."
        )
    shards_dir = _shards_dir(folder, options)
    if not cluster.current().is_chief:
        _wait_for(shards_dir)
        return shards_dir
    _settle_source(folder, _source_of(data_dir, options))
    if data_dir is None:
        data_dir = _draw(folder, options)
    if not (shards_dir / manifests.FILE_NAME).is_file():
        logging.info("Converting %s to %s.", data_dir, shards_dir)
        _convert(data_dir, shards_dir, options)
    return shards_dir


def _wait_for(shards_dir: pathlib.Path) -> None:
    waited_s = 0.0
    while not (shards_dir / manifests.FILE_NAME).is_file():
        if waited_s % _SAY_EVERY_S == 0:
            logging.info("Waiting for the chief, who makes %s.", shards_dir)
        time.sleep(_LOOK_EVERY_S)
        waited_s += _LOOK_EVERY_S


def _shards_dir(folder: pathlib.Path, options: DataConfig) -> pathlib.Path:
    return folder / f"{_SHARDS}{options.height_px}x{options.width_px}"


def join(shards: Shards, folder: pathlib.Path) -> pathlib.Path:
    """Returns a folder of shards of the breasts whose views shards show, made now where it has to be.

    Of several workers the chief makes it, and the others wait for it.

    Args:
        shards: Of views.
        folder: Where what is made goes.

    Raises:
        InputError: A file of the shards is damaged, or there is no room.
    """
    from data_tools import joining  # noqa: PLC0415  TensorFlow takes seconds

    breasts_dir = folder / f"{_BREASTS}{shards.manifest_sha256[:8]}"
    if not cluster.current().is_chief:
        _wait_for(breasts_dir)
    elif not (breasts_dir / manifests.FILE_NAME).is_file():
        with files.making_folder(breasts_dir, whole_by=manifests.FILE_NAME) as unfinished:
            joining.join(shards, unfinished, _IMAGES_PER_SHARD, "--workdir")
    return breasts_dir


def find_shards(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the shards that `prepare` made in `folder`; None: it made none."""
    return next((path.parent for path in sorted(folder.glob(f"{_SHARDS}*/{manifests.FILE_NAME}"))), None)


def find_source(data_dir: pathlib.Path | None, folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of the files that the shards of `prepare` are made of; None: shards were given as they are."""
    if data_dir is None:
        return folder / _PHANTOMS
    return None if (data_dir / manifests.FILE_NAME).is_file() else data_dir


def find_source_of(shards_dir: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of the files that shards are made of; None: `prepare` has not made them."""
    path = shards_dir.with_name(_SOURCE_FILE)
    if not path.is_file():
        return None
    data_dir = json.loads(path.read_text())["data_dir"]
    return shards_dir.with_name(_PHANTOMS) if data_dir is None else pathlib.Path(data_dir)


def _source_of(data_dir: pathlib.Path | None, options: DataConfig) -> dict[str, object]:
    """What makes the shards what they are."""
    size = {"height_px": options.height_px, "width_px": options.width_px, "encoding": str(options.encoding)}
    if data_dir is not None:
        return {"data_dir": str(data_dir.resolve()), **size}
    drawn = {name: getattr(options, name) for name in ("phantom_exams", "phantom_height_px", "phantom_seed")}
    return {"data_dir": None, **size, **drawn}


def _settle_source(folder: pathlib.Path, source: Mapping[str, object]) -> None:
    """Writes what the data will be made from, or holds it against what there is; a mistake has made nothing yet."""
    path = folder / _SOURCE_FILE
    has_data = (folder / _PHANTOMS).exists() or any(folder.glob(f"{_SHARDS}*"))
    if has_data and path.is_file():
        known = json.loads(path.read_text())
        for name in sorted(known.keys() | source.keys()):
            if known.get(name) != source.get(name):
                raise InputError(
                    f"{folder} holds data made with {name}={_said(known.get(name))}, not {_said(source.get(name))}; "
                    "give the same again to go on, or another --workdir."
                )
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(path, json.dumps(source, indent=2) + "\n")


def _said(value: object) -> str:
    return "none (synthetic exams)" if value is None else str(value)


def _draw(folder: pathlib.Path, options: DataConfig) -> pathlib.Path:
    drawn = folder / _PHANTOMS
    if not drawn.is_dir():
        logging.info("No --data_dir: drawing %d synthetic exams into %s.", options.phantom_exams, drawn)
        with files.making_folder(drawn) as unfinished:  # a run has its folder for itself
            layout.write_exams(
                unfinished,
                options.phantom_exams,
                options.phantom_seed,
                height_px=options.phantom_height_px,
                workers=os.cpu_count() or 1,
            )
    return drawn


def _convert(data_dir: pathlib.Path, shards_dir: pathlib.Path, options: DataConfig) -> None:
    labels, tree = opening.LABELS[0], opening.TREES[0]
    Conversion(
        source=opening.open_source(opening.NAMES[0], data_dir, labels, tree),
        labels=labels,
        options=RecordOptions(
            data_dir=data_dir,
            height_px=options.height_px,
            width_px=options.width_px,
            encoding=Encoding(options.encoding),
            seed=0,
            background_crops=1,
        ),
        output_dir=shards_dir,
        views_per_shard=_IMAGES_PER_SHARD,
        limit=0,
        max_rejected=options.max_rejected,
        engine=Local(os.cpu_count() or 1),
    ).run()
