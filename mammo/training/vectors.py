"""Many tensors as one vector: one operation where there would be one a weight, and one tensor for the all-reduce."""

import itertools
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

Spans: TypeAlias = Sequence[tuple[int, int]]
"""Parts of a vector: first element, and the one behind the last; ascending, none empty, none touching the next."""


def join(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the elements of some tensors of one type, one after the other: [P]."""
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)


def size_of(tensors: Sequence[tf.Tensor | tf.Variable]) -> int:
    """Returns how many elements `join` makes of tensors of static shapes."""
    return sum(tensor.shape.num_elements() for tensor in tensors)


def split(vector: tf.Tensor, like: Sequence[tf.Tensor | tf.Variable]) -> list[tf.Tensor]:
    """Takes apart what `join` made of tensors with the static shapes of `like`."""
    parts = tf.split(vector, [tensor.shape.num_elements() for tensor in like]) if like else []
    return [tf.reshape(part, tensor.shape) for part, tensor in zip(parts, like, strict=True)]


def spans_of(chosen: Sequence[tf.Variable], of: Sequence[tf.Variable]) -> Spans:
    """Finds where some variables lie in the vector that `join` makes of all; `chosen` is in the order of `of`."""
    ids = {id(variable) for variable in chosen}
    ends = list(itertools.accumulate(variable.shape.num_elements() for variable in of))
    spans: list[tuple[int, int]] = []
    for variable, begin, end in zip(of, [0, *ends], ends, strict=False):
        if id(variable) in ids and begin < end:
            joins = spans and spans[-1][1] == begin
            spans[-1:] = [(spans[-1][0], end)] if joins else [*spans[-1:], (begin, end)]
    return spans


def take(vector: tf.Tensor, spans: Spans) -> tf.Tensor:
    """Returns the parts of a vector that `spans` names, joined."""
    return tf.concat([vector[begin:end] for begin, end in spans], axis=0)


def put(vector: tf.Tensor, spans: Spans, taken: tf.Tensor) -> tf.Tensor:
    """Returns a vector with the parts that `spans` names replaced by `taken`."""
    pieces, done, used = [], 0, 0
    for begin, end in spans:
        pieces += [vector[done:begin], taken[used : used + end - begin]]
        done, used = end, used + end - begin
    return tf.concat([*pieces, vector[done:]], axis=0)
