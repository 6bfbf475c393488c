"""Layers that compute in float32 whatever the precision of the model."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def single() -> Iterator[None]:
    """Makes the layers that are built inside the block compute in float32."""
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
