"""Files of weights as PyTorch's old format has them, written without PyTorch."""

import collections
import pathlib
import pickle
import struct
import sys
import types
from collections.abc import Mapping
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

_MAGIC_NUMBER, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_PICKLE_PROTOCOL = 2


def write(path: pathlib.Path, tensors: Mapping[str, object]) -> None:
    """Writes a file as `torch.save` does.

    Args:
        path: Of the file.
        tensors: float32 or int64 arrays by name, of which views share the values of what they are views of; anything
            else is pickled as it is.
    """
    storages: dict[int, _Storage] = {}
    with mock.patch.dict(sys.modules, _MODULES), path.open("wb") as file:
        for content in (_MAGIC_NUMBER, _VERSION, {"little_endian": True}):
            _Pickler(file, _PICKLE_PROTOCOL).dump(content)
        state = collections.OrderedDict((name, _placed(value, storages)) for name, value in tensors.items())
        _Pickler(file, _PICKLE_PROTOCOL).dump(state)
        _Pickler(file, _PICKLE_PROTOCOL).dump([storage.key for storage in storages.values()])
        for storage in storages.values():
            file.write(struct.pack("<q", storage.values.size) + storage.values.tobytes())


class _Storage(NamedTuple):
    key: str
    values: np.ndarray


def _named(module: str, name: str) -> type:
    """A class that is pickled by a name of PyTorch's."""
    return type(name, (), {"__module__": module, "__qualname__": name})


def _rebuild_tensor_v2() -> None:
    """Is only named."""


_rebuild_tensor_v2.__module__ = "torch._utils"
_KINDS = {"f": _named("torch", "FloatStorage"), "i": _named("torch", "LongStorage")}
_MODULES = {name: types.ModuleType(name) for name in ("torch", "torch._utils")}
vars(_MODULES["torch._utils"])["_rebuild_tensor_v2"] = _rebuild_tensor_v2
vars(_MODULES["torch"]).update({kind.__name__: kind for kind in _KINDS.values()})


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Pickler(pickle.Pickler):
    """Pickles tensors by how they are built again, and names their storages."""

    def persistent_id(self, given: object) -> object:
        if not isinstance(given, _Storage):
            return None
        return "storage", _KINDS[given.values.dtype.kind], given.key, "cpu", given.values.size, None

    def reducer_override(self, given: Any) -> Any:
        if not isinstance(given, _Tensor):
            return NotImplemented
        return _rebuild_tensor_v2, (*given, False, collections.OrderedDict())


def _placed(value: object, storages: dict[int, _Storage]) -> object:
    if not isinstance(value, np.ndarray):
        return value
    base = value
    while isinstance(base.base, np.ndarray):
        base = base.base
    storage = storages.setdefault(id(base), _Storage(str(len(storages)), base.ravel(order="K")))
    offset = (value.ctypes.data - base.ctypes.data) // value.itemsize
    return _Tensor(storage, offset, value.shape, tuple(stride // value.itemsize for stride in value.strides))
