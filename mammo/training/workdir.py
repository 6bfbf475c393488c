"""The folder of a run: one process at a time, and one configuration and one plan for its whole life."""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping

from absl import logging

from mammo.common import errors, files, storage, typed_json
from mammo.common.errors import InputError
from mammo.config import run
from mammo.config.run import RunConfig
from mammo.data.shards import Shards
from mammo.models import plans
from mammo.models.plans import Plan
from mammo.stages import planning, stages
from mammo.training import checkpoints, cluster, distribution

CONFIG_FILE = "config.json"
BACKBONE_FILE = "backbone.h5"  # best weights of the backbone alone, for another run's --config.model.weights
_LOCK_FILE = ".lock"
_WORKERS = "workers"  # how many there are, in config.json beside the configuration

# What may differ when a run goes on: it changes what is watched and how fast it goes, not what is learnt.
# Variables are float32 in any precision: a run goes on where the precision that it began in would be slow.
_MAY_DIFFER = ("log_every_steps", "save_every_steps", "histograms_every_steps", "profile", "precision", _WORKERS)


@contextlib.contextmanager
def claim(folder: pathlib.Path) -> Iterator[None]:
    """Makes the folder, and keeps other runs out of it while the block lasts; of several workers the chief does.

    Raises:
        InputError: Another run is in it, or it is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is not a folder; give another --workdir.") from None
    if not cluster.current().is_chief:
        yield
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(storage.lock(folder / _LOCK_FILE))
        except BlockingIOError:
            raise InputError(f"{folder} is in use by another run; wait, or give another --workdir.") from None
        yield


def settle_config(folder: pathlib.Path, config: RunConfig, shards: Shards) -> RunConfig:
    """Resolves the configuration and writes it, or holds it against that of the run which goes on.

    Args:
        folder: The workdir. Where it has no checkpoint yet, nothing can be lost: a new configuration replaces the old.
        config: As the person gave it.
        shards: What is learnt from: their size and encoding become part of the configuration.

    Returns:
        It, with the number of devices and the precision that were chosen, and with the views as they are.

    Raises:
        InputError: The folder holds a run of another configuration, or one that was made before there were plans; or
            networks cannot take the views.
    """
    height_px, width_px = planning.view_size_px(shards)
    data = dataclasses.replace(
        config.data, height_px=height_px, width_px=width_px, encoding=str(shards.manifest.encoding)
    )
    config = dataclasses.replace(
        config,
        devices=len(distribution.choose_devices(config.devices, config.logical_processors)),
        precision=distribution.choose_precision(config.precision),
        data=data,
    )
    folder.mkdir(parents=True, exist_ok=True)
    count = cluster.current().count
    path, new = folder / CONFIG_FILE, {**to_json(config), **({_WORKERS: count} if count > 1 else {})}
    if path.is_file() and checkpoints.any_in(folder):
        plans.read(folder)  # a run made before there were plans is refused for that, not for what else differs
        known = _read(path)
        _refuse_other(folder, "configuration", known, new)
        _tell_workers(known.get(_WORKERS, 1), count)
    if cluster.current().is_chief:
        files.write_text(path, json.dumps(new, indent=2, sort_keys=True) + "\n")
    return config


def settle_plan(folder: pathlib.Path, config: RunConfig, shards: Shards) -> Plan:
    """Makes the plan of a run and writes it, or reads that of the run which goes on, or that the chief has written.

    Args:
        folder: The workdir. Where it has no checkpoint yet, a new plan replaces the old.
        config: Configuration of the run.
        shards: What is learnt from.

    Raises:
        InputError: The folder holds a run on other data, or one that was made before there were plans; or the data
            cannot be what the model is trained on.
    """
    if not checkpoints.any_in(folder) and cluster.current().is_chief:
        folder.mkdir(parents=True, exist_ok=True)
        made = stages.make_plan(config, shards)
        made.write(folder)
        return made
    known = plans.read(folder)
    _refuse_other(folder, "data", {"data": known.to_json()["data"]}, {"data": _data_of(shards)})
    return known


def read_config(folder: pathlib.Path, shards: Shards) -> RunConfig:
    """Reads the resolved configuration of a run.

    Args:
        folder: The workdir.
        shards: What the run is to be held against: what it was trained on, or the views of it.

    Raises:
        InputError: There is no run, it was on other data, or another version made it.
    """
    fields = read_fields(folder)
    known = plans.read(folder).data
    if known.data_sha256 != shards.data_sha256:
        raise InputError(
            f"{folder} holds a run on other data than {shards.folder} (data.manifest_sha256 is {known.data_sha256} "
            f"there, {shards.data_sha256} here); give the --data_dir that it was trained on."
        )
    fields.pop(_WORKERS, None)
    try:
        return run.from_fields(fields, str(folder / CONFIG_FILE))
    except InputError as error:  # a program wrote it: what does not fit is a setting that came or went
        reason = str(error).rstrip(".")
        raise InputError(f"{reason}; another version made this run: train it again in another --workdir.") from None


def read_fields(folder: pathlib.Path) -> dict[str, object]:
    """Returns config.json of a run, as reports show it.

    Raises:
        InputError: There is no run.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise InputError(f"{folder} holds no run; give the --workdir of one.")
    return _read(path)


def to_json(config: RunConfig) -> dict[str, object]:
    """Returns a configuration as config.json has it."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def _tell_workers(before: object, now: int) -> None:
    if before != now:
        logging.warning(
            "This run was last trained by %s workers and goes on with %d: at the same place in its data, with global "
            "batches of another size.",
            before,
            now,
        )


def _refuse_other(folder: pathlib.Path, what: str, old: Mapping[str, object], new: Mapping[str, object]) -> None:
    differing = sorted(_differences(old, new))
    if differing:
        raise InputError(
            f"{folder} holds a run of another {what} ({'; '.join(differing[:5])}); "
            f"give another --workdir, or the same {what} to go on."
        )


def _read(path: pathlib.Path) -> dict[str, object]:
    try:
        return typed_json.into(typed_json.read(path), dict[str, object])
    except ValueError as error:
        raise InputError(f"{path} is damaged ({errors.in_line(error)}); give another --workdir.") from None


def _data_of(shards: Shards) -> dict[str, object]:
    return dataclasses.asdict(planning.training_data(shards))


def _differences(old: object, new: object, name: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            if name or key not in _MAY_DIFFER:
                yield from _differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)
    elif old != new:
        yield f"{name} is {old} there, {new} here"
