import hypothesis
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from mammo.concepts import mirroring


def _view(height_px=12, width_px=8, content_height_px=9):
    """A prepared view with padding below its tissue."""
    image = np.random.default_rng(0).uniform(0.1, 1, (height_px, width_px)).astype(np.float32)
    image[content_height_px:] = 0
    return image


def test_tissue_is_mirrored_and_padding_stays_below_it():
    image = _view()
    mirrored = mirroring.mirror_image(image, 9)
    np.testing.assert_array_equal(mirrored[:9], image[8::-1])
    np.testing.assert_array_equal(mirrored[9:], 0)
    np.testing.assert_array_equal(mirroring.mirror_image(mirrored, 9), image)


def test_the_graph_does_the_same():
    image = _view()[..., None]
    mirrored = tf.function(mirroring.mirror_tensor)(tf.constant(image), tf.constant(9))
    np.testing.assert_array_equal(mirrored, mirroring.mirror_image(image, 9))


@hypothesis.given(st.integers(0, 6), st.integers(1, 3))
def test_a_box_moves_with_what_it_encloses(top, height_px):
    image = np.zeros((12, 8), np.float32)
    image[top : top + height_px, 2:5] = 1
    (box,) = mirroring.mirror_boxes(np.array([[2.0, top, 5, top + height_px]]), 9)
    rows, columns = np.nonzero(mirroring.mirror_image(image, 9))
    np.testing.assert_array_equal(box, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
