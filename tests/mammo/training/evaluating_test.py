"""Batches are predicted, and taken beside that in their order."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mammo.data.batch import Batch
from mammo.training import distribution
from mammo.training.evaluating import Evaluation

_COUNTS = {"validation": 5, "test": 3}


class _Means:
    """A stage whose model is a factor, and whose images are of one grey level, that of their key."""

    shards = None

    def build_dataset(self, split, context):
        keys = tf.data.Dataset.range(2 * _COUNTS[split]).batch(2, drop_remainder=True)
        return keys.map(self._batch)

    def _batch(self, keys):
        images = tf.ones([2, 4, 4, 1], tf.uint8) * tf.cast(keys, tf.uint8)[:, None, None, None]
        real = tf.constant([True, True])
        return Batch(images, tf.zeros([2, 1, 4]), tf.zeros([2, 1], tf.int32), tf.zeros([2], tf.int32), real, keys, keys)

    def predict(self, network, images):
        return tf.reduce_mean(network(images, training=False), axis=[1, 2, 3])


_STAGE: Any = _Means()  # of a stage, what an evaluation asks for


class _Model:
    def __init__(self):
        self.traced = 0

    def __call__(self, images, training):
        self.traced += 1
        assert not training
        return 255 * images


class _Sink:
    image_count = 10

    def __init__(self, fails_at=None):
        self.keys, self.values, self._fails_at = [], [], fails_at

    def update(self, batch, predictions):
        if len(self.keys) == self._fails_at:
            raise ValueError("cannot take this one")
        self.keys.append(batch.key)
        self.values.append(predictions)


@pytest.mark.parametrize("xla", [False, True])
def test_each_batch_is_taken_once_in_order_and_another_split_is_not_traced_again(xla):
    model = _Model()
    evaluation = Evaluation(_STAGE, model, distribution.make_strategy(0), "validation", xla=xla)
    for one, count in ((evaluation, 5), (evaluation.on("test"), 3), (evaluation, 5)):
        sink = _Sink()
        one.run_into(sink)
        np.testing.assert_array_equal(np.concatenate(sink.keys), np.arange(2 * count))
        np.testing.assert_allclose(np.concatenate(sink.values), np.arange(2 * count), atol=1e-4)
    assert evaluation.split == "validation"
    assert model.traced == 1


def test_what_cannot_be_taken_ends_the_evaluation():
    evaluation = Evaluation(_STAGE, _Model(), distribution.make_strategy(0), "validation")
    sink = _Sink(fails_at=1)
    with pytest.raises(ValueError, match="cannot take this one"):
        evaluation.run_into(sink)
    assert len(sink.keys) == 1
