"""Layers that stay in float32 whatever a model computes in."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def single() -> Iterator[None]:
    """Gives the layers that are made in the block the precision float32."""
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
