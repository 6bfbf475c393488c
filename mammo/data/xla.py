"""Compilation by XLA, where a configuration asks for it."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Arguments, _Result], *, xla: bool) -> Callable[_Arguments, _Result]:
    """Returns a function compiled by XLA as a whole, or as it is.

    Args:
        function: Of tensors of static shapes, and of other values by which it is compiled anew. It may read and assign
            variables of its device.
        xla: Whether it is compiled.
    """
    # AutoGraph would convert the source of all that it calls, which takes longer than to trace it.
    return tf.function(function, jit_compile=True, autograph=False) if xla else function
