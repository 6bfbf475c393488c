"""Reads the weights in a file of PyTorch's old format, without PyTorch, and without running what a pickle may call.

The file is five pickles, one after the other: a magic number, the version of the format, a description of the machine,
the tensors by name, and the keys of their storages in order; then each storage, an int64 count and its values, little
endian (`torch.serialization._legacy_save`).
"""

import collections
import os
import pathlib
import pickle
from collections.abc import Callable, Mapping
from typing import BinaryIO, NamedTuple

import numpy as np

from mammo.common.errors import InputError

_MAGIC_NUMBER, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES: dict[str, np.dtype] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_COUNT = np.dtype("<i8")


class _Tensor(NamedTuple):
    """Where a tensor's values lie: in which storage, from where on, and how far apart, in elements."""

    key: str
    dtype: np.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: pathlib.Path) -> Mapping[str, np.ndarray]:
    """Reads all tensors of a file of weights.

    Args:
        path: Of a file that `torch.save` has written of a `state_dict`.

    Returns:
        float32 or int64, by name, in the order in which the network was built.

    Raises:
        InputError: The file is missing, damaged, or asks for more than weights need.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); install the environment anew.") from None
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        reason = str(error) or "it is cut off"
        raise InputError(f"{path} cannot be used as weights: {reason}; install the environment anew.") from None


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    magic_number, version, _ = (_WeightsUnpickler(file).load() for _ in range(3))
    if (magic_number, version) != (_MAGIC_NUMBER, _VERSION):
        raise ValueError("it is not of PyTorch's old format")
    tensors, keys = (_WeightsUnpickler(file).load() for _ in range(2))
    if not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise ValueError("it holds something else than tensors")
    dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
    storages = {key: _read_values(file, dtypes[key]) for key in keys}
    return {name: _placed(tensor, storages[tensor.key]) for name, tensor in tensors.items()}


def _read_values(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    (count,) = np.frombuffer(file.read(_COUNT.itemsize), _COUNT)
    left_bytes = os.fstat(file.fileno()).st_size - file.tell()
    if not 0 <= int(count) * dtype.itemsize <= left_bytes:
        raise ValueError("it is cut off")
    return np.frombuffer(file.read(int(count) * dtype.itemsize), dtype)


def _placed(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    """Returns a copy of a tensor's values out of its storage."""
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.shape, *tensor.strides)) < 0 or last >= len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides).copy()


class _WeightsUnpickler(pickle.Unpickler):
    """Allows the names that a file of weights needs, and no other: whatever a pickle can call, it calls by name."""

    def find_class(self, module: str, name: str) -> Callable[..., object] | str:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no weights need")

    def persistent_load(self, pid: tuple[object, ...]) -> tuple[str, np.dtype]:
        _, kind, key, *_ = pid
        dtype: np.dtype = _DTYPES[str(kind)]
        return str(key), dtype


def _rebuild(
    storage: tuple[str, np.dtype], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    """Stands for `torch._utils._rebuild_tensor_v2`; what follows is about gradients and hooks."""
    return _Tensor(*storage, offset, tuple(shape), tuple(strides))
