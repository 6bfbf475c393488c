import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from mammo.config.data import CropConfig
from mammo.data import cropping

FEW = hypothesis.settings(deadline=None, max_examples=40, derandomize=True)
STILL = CropConfig(side_px=64, contexts=(2.0,), shift_share=0.0, scale_range=(1.0, 1.0))


def _disc(height_px, width_px, x, y, radius_px):
    rows, columns = np.mgrid[:height_px, :width_px] + 0.5
    return (((columns - x) ** 2 + (rows - y) ** 2) <= radius_px**2).astype(np.float32)[..., None]


def _extent(image, channel=0):
    """The box around what is brighter than half: xyxy."""
    rows, columns = np.nonzero(np.asarray(image)[..., channel] > 0.5)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@FEW
@hypothesis.given(
    x=st.integers(60, 240), y=st.integers(60, 140), radius_px=st.integers(10, 60), seed=st.integers(0, 10**6)
)
def test_the_focus_is_where_it_is_said_to_be(x, y, radius_px, seed):
    image = _disc(200, 300, x, y, radius_px)
    focus = tf.constant([x - radius_px, y - radius_px, x + radius_px, y + radius_px], tf.float32)
    draws = tf.random.stateless_uniform([cropping.DRAWS], [seed, 0])
    made, box = cropping.cut(tf.constant(image), focus, CropConfig(side_px=64, contexts=(1.5,)), draws)
    assert made.shape == (64, 64, 1)
    # Drawn so that the crop may lose the rim of a disc, never its middle.
    np.testing.assert_allclose(_extent(made), np.clip(box, 0, 64), atol=1.5)


def test_a_disc_in_the_middle_fills_its_share_of_the_crop():
    image = _disc(400, 400, 200, 200, 40)
    made, box = cropping.cut(tf.constant(image), tf.constant([160.0, 160, 240, 240]), STILL)
    np.testing.assert_allclose(box, [16, 16, 48, 48])
    np.testing.assert_allclose(_extent(made), [16, 16, 48, 48], atol=1)


@FEW
@hypothesis.given(
    contexts=st.lists(st.floats(1, 3), min_size=2, max_size=4).map(tuple),
    min_side_px=st.sampled_from([0.0, 70.0]),
    seed=st.none() | st.integers(0, 10**6),
)
def test_each_context_is_a_channel_that_shows_what_it_shows_alone(contexts, min_side_px, seed):
    image = tf.random.stateless_uniform([90, 120, 1], [1, 2])
    focus = tf.constant([70.0, 20, 110, 50])  # so that wide squares reach beyond the image
    draws = None if seed is None else tf.random.stateless_uniform([cropping.DRAWS], [seed, 0])
    options = CropConfig(side_px=32, contexts=contexts, min_side_px=min_side_px)
    made, box = cropping.cut(image, focus, options, draws)
    alone = [
        cropping.cut(image, focus, dataclasses.replace(options, contexts=(context,)), draws) for context in contexts
    ]
    np.testing.assert_array_equal(made, np.concatenate([square for square, _ in alone], axis=-1))
    np.testing.assert_array_equal(box, alone[0][1])


def test_a_disc_in_the_middle_fills_its_share_of_each_square():
    image = _disc(400, 400, 200, 200, 40)
    options = dataclasses.replace(STILL, contexts=(1.0, 2.0, 4.0))
    made, box = cropping.cut(tf.constant(image), tf.constant([160.0, 160, 240, 240]), options)
    np.testing.assert_allclose(box, [0, 0, 64, 64])
    for channel, (low, high) in enumerate([(0, 64), (16, 48), (24, 40)]):
        np.testing.assert_allclose(_extent(made, channel), [low, low, high, high], atol=1)


def test_small_lesions_are_shown_at_their_size():
    options = CropConfig(side_px=64, contexts=(1.5,), min_side_px=128.0)
    for radius_px, shown_px in ((10, 10), (30, 30), (64, 64 / 1.5)):
        _, box = cropping.cut(
            tf.ones([400, 400, 1]), tf.constant([200.0 - radius_px] * 2 + [200.0 + radius_px] * 2), options
        )
        assert float(box[2] - box[0]) == pytest.approx(shown_px, rel=0.02)


def test_what_lies_beyond_the_image_is_black():
    made, _ = cropping.cut(tf.ones([100, 100, 1]), tf.constant([0.0, 40, 20, 60]), STILL)
    np.testing.assert_array_equal(made[:, :15], 0)
    np.testing.assert_array_equal(made[:, 17:], 1)


def test_shrinking_does_not_alias():
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (512, 256))[..., None]
    made, _ = cropping.cut(tf.constant(stripes), tf.constant([128.0, 128, 384, 384]), STILL)
    np.testing.assert_allclose(made[8:-8, 8:-8], 0.5, atol=0.02)
