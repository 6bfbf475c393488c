"""How functions become TensorFlow's graphs: without AutoGraph, and compiled by XLA where a configuration asks for it.

AutoGraph converts the source of all that a function calls, layer by layer, which takes longer than to trace it. The one
function that needs it is the loop over steps, in `mammo.training.steps`.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def as_written(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Returns a function that is traced as it is written, and with it the datasets, layers and functions made in it.

    Args:
        function: Without a loop or condition in Python over a tensor's value.
    """
    unconverted: Callable[_Arguments, _Result] = tf.autograph.experimental.do_not_convert(function)
    return unconverted


def compiled(function: Callable[_Arguments, _Result], *, xla: bool) -> Callable[_Arguments, _Result]:
    """Returns a function compiled by XLA as a whole, or as it is.

    Args:
        function: Of tensors of static shapes, and of other values by which it is compiled anew. It may read and assign
            variables of its device.
        xla: Whether it is compiled.
    """
    return tf.function(function, jit_compile=True, autograph=False) if xla else function
