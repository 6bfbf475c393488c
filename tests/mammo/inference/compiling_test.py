"""Compiled networks say what they say as they are; the processor compiles as a GPU does."""

import numpy as np
import pytest
import tensorflow as tf

from mammo.config.model import DecodingConfig
from mammo.data.batch import Detections
from mammo.inference import compiling, freezing, graphs
from mammo.inference.compiling import Batches
from mammo.models import decoding
from tests.mammo.inference import bright_disc

SIDE_PX = 32
SIZE_PX = bright_disc.HEIGHT_PX, bright_disc.WIDTH_PX
_KERNEL = np.random.default_rng(0).normal(size=(3, 3, 1, 6)).astype(np.float32)


def _detect(image):
    """A network of one convolution, whose boxes go through non-maximum suppression."""
    features = tf.nn.conv2d(image, _KERNEL, 8, "SAME")
    cells = tf.reshape(features, [-1, (SIDE_PX // 8) ** 2, 6])
    anchors = tf.constant([[4.0 * cell, 4.0, 4.0 * cell + 9, 15.0] for cell in range(16)])
    found = decoding.decode(cells[..., :2], cells[..., 2:], anchors, SIDE_PX, SIDE_PX, DecodingConfig())
    return found._asdict()


def _classify(image):
    return {"probabilities": tf.nn.softmax(tf.reduce_mean(tf.nn.conv2d(image, _KERNEL, 2, "SAME"), [1, 2]))}


def _made(network, outputs, **options):
    graph = freezing.freeze(network, (SIDE_PX, SIDE_PX, 1))
    shape = [None, SIDE_PX, SIDE_PX, 1]
    plain = graphs.build(graph, shape, outputs)
    return plain, compiling.compiled(graph, shape, outputs, **options)


@pytest.mark.parametrize(("network", "outputs"), [(_detect, Detections._fields), (_classify, ("probabilities",))])
@pytest.mark.parametrize(("is_halved", "tolerance"), [(False, 1e-4), (True, 0.02)])
def test_any_number_of_images_in_batches_of_one_size_gets_the_answers_of_the_plain_network(
    network, outputs, is_halved, tolerance
):
    images = np.random.default_rng(1).random((7, SIDE_PX, SIDE_PX, 1)).astype(np.float32)
    plain, run = _made(network, outputs, is_halved=is_halved)
    sizes = []

    def watched(image):
        sizes.append(len(image))
        return run(image)

    made = Batches(watched, plain, 4)(images)
    assert sizes == [4, 4]
    expected = plain(tf.constant(images))
    assert set(made) == set(outputs)
    for name in set(outputs) - {"boxes_xyxy_px", "classes", "num_valid"}:
        np.testing.assert_allclose(made[name], expected[name], atol=tolerance)
    if not is_halved:
        for name in outputs:
            np.testing.assert_allclose(made[name], expected[name], atol=0.01)
    elif network is _classify:  # or the rewriting did nothing
        assert np.abs(made["probabilities"] - expected["probabilities"]).max() > 1e-6


def test_a_device_without_memory_for_a_batch_gets_smaller_ones():
    sizes = []

    def run(image):
        sizes.append(len(image))
        if len(image) > 2:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return {"mean": tf.reduce_mean(image, [1, 2, 3])}

    images = np.arange(5, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 1), np.float32)
    np.testing.assert_array_equal(Batches(run, run, 8)(images)["mean"], range(5))
    assert sizes == [8, 4, 2, 2, 2]


def test_a_device_without_memory_for_one_image_says_so():
    def run(image):
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")

    with pytest.raises(tf.errors.ResourceExhaustedError):
        Batches(run, run, 2)(np.zeros((1, 2, 2, 1), np.float32))


def test_a_network_that_cannot_be_compiled_runs_as_it_is():
    graph = freezing.freeze(bright_disc.find, (*SIZE_PX, 1))
    outputs = Detections._fields
    plain = graphs.build(graph, [None, *SIZE_PX, 1], outputs)

    @tf.function(jit_compile=True)
    def cannot(image):
        tf.print(tf.strings.as_string(image))  # XLA knows no text
        return plain(image)

    images = np.random.default_rng(1).random((3, *SIZE_PX, 1)).astype(np.float32)
    made = Batches(cannot, plain, 2)(images)
    np.testing.assert_array_equal(made["boxes_xyxy_px"], plain(tf.constant(images))["boxes_xyxy_px"])
