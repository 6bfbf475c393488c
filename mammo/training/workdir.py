"""The folder of a run: one process at a time, and one configuration for its whole life."""

import contextlib
import fcntl
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import ml_collections

from mammo.common import files
from mammo.common.errors import InputError
from mammo.data import manifests
from mammo.data.shards import Shards
from mammo.training import checkpoints, distribution

CONFIG_FILE = "config.json"
BACKBONE_FILE = "backbone.h5"  # best weights of the backbone alone, for another run's --config.model.weights
_LOCK_FILE = ".lock"

# What may differ when a run goes on: it changes what is watched and how fast it goes, not what is learnt.
_MAY_DIFFER = ("log_every_steps", "save_every_steps", "histograms_every_steps", "profile")


@contextlib.contextmanager
def claim(folder: pathlib.Path) -> Iterator[None]:
    """Makes the folder, and keeps other runs out of it while the block lasts.

    Raises:
        InputError: Another run is in it, or it is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is not a folder; give another --workdir.") from None
    with (folder / _LOCK_FILE).open("w") as lock:  # the system lets go of it when this process ends, however it ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder} is in use by another run; wait, or give another --workdir.") from None
        yield


def settle_config(folder: pathlib.Path, config: Mapping[str, Any], shards: Shards) -> ml_collections.ConfigDict:
    """Resolves the configuration and writes it, or holds it against that of the run which goes on.

    Args:
        folder: The workdir. Where it has no checkpoint yet, nothing can be lost: a new configuration replaces the old.
        config: As the person gave it.
        shards: What is learnt from: their size and what identifies them become part of the configuration.

    Returns:
        It, with the number of devices and the precision that were chosen, and what identifies the data.

    Raises:
        InputError: The folder holds a run of another configuration, or on other data.
    """
    path = folder / CONFIG_FILE
    chosen = {
        "devices": len(distribution.choose_devices(config["devices"], config["logical_processors"])),
        "precision": distribution.choose_precision(config["precision"]),
        "data": {**config["data"], **_data_of(shards)},
    }
    new = json.loads(json.dumps({**config, **chosen}))
    if path.is_file() and checkpoints.any_in(folder):
        differing = sorted(_differences(_read(path), new))
        if differing:
            raise InputError(
                f"{folder} holds a run of another configuration ({'; '.join(differing[:5])}); "
                "give another --workdir, or the same configuration to go on."
            )
    files.write_text(path, json.dumps(new, indent=2, sort_keys=True) + "\n")
    return ml_collections.ConfigDict(new)


def read_config(folder: pathlib.Path, shards: Shards) -> ml_collections.ConfigDict:
    """Reads the resolved configuration of a run.

    Args:
        folder: The workdir.
        shards: What the run is to be held against.

    Raises:
        InputError: There is no run, or it was on other data.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise InputError(f"{folder} holds no run; give the --workdir of one.")
    config = _read(path)
    differing = sorted(_differences(config["data"], {**config["data"], **_data_of(shards)}, "data"))
    if differing:
        raise InputError(
            f"{folder} holds a run on other data than {shards.folder} ({'; '.join(differing)}); "
            "give the --data_dir that it was trained on."
        )
    return ml_collections.ConfigDict(config)


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except ValueError:
        raise InputError(f"{path} is damaged; give another --workdir.") from None


def _data_of(shards: Shards) -> dict[str, Any]:
    """What identifies the data, among the fields of `config.data`."""
    made = shards.manifest
    return {
        "height_px": made.height_px,
        "width_px": made.width_px,
        "encoding": str(made.encoding),
        "manifest_sha256": files.sha256_of(shards.folder / manifests.FILE_NAME),
    }


def _differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            if name or key not in _MAY_DIFFER:
                yield from _differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)
    elif old != new:
        yield f"{name} is {old} there, {new} here"
