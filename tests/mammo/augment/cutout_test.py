import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mammo.augment import cutout, seeds
from mammo.config.augmentation import AugmentationConfig
from tests.mammo.augment import discs


def _batch(count=1):
    return discs.batch(np.ones((count, 20, 30, 1)), [[[10, 5, 20, 15], [-1] * 4]] * count, [[1, -1]] * count)


@pytest.mark.parametrize(
    ("rectangles", "stays"),
    [
        ([[0, 0, 15, 20], [0, 0, 15, 20]], True),  # one half, hidden twice
        ([[0, 0, 16, 20], [0, 0, 0, 0]], False),
        ([[10, 5, 13, 15], [17, 5, 20, 15]], False),  # three tenths at either side
        ([[-9, -9, 5, 40], [25, 0, 90, 20]], True),
    ],
)
def test_a_lesion_with_more_than_half_hidden_is_dropped(rectangles, stays):
    hidden = cutout.hide(_batch(), tf.constant([rectangles], tf.float32), min_visible_share=0.5)
    assert hidden.classes.numpy().tolist() == [[1 if stays else -1, -1]]
    assert hidden.boxes.numpy()[0, 0].tolist() == ([10, 5, 20, 15] if stays else [-1] * 4)
    assert hidden.label.numpy().tolist() == [2 if stays else 0]
    expected = np.ones((20, 30))
    for x_min, y_min, x_max, y_max in np.maximum(rectangles, 0):
        expected[y_min:y_max, x_min:x_max] = 0
    np.testing.assert_array_equal(hidden.image[0, ..., 0], expected)


def test_rectangles_are_no_larger_than_allowed_and_differ_from_image_to_image():
    chosen = dataclasses.replace(AugmentationConfig.off(), cutout_count=1, cutout_share=0.3)
    batch = _batch(40)
    hidden = cutout.vary(batch, seeds.uniform(tf.constant([1, 2]), batch.position), chosen).image.numpy() == 0
    assert hidden.any(2).sum(1).max() <= 0.3 * 20 + 1
    assert hidden.any(1).sum(1).max() <= 0.3 * 30 + 1
    assert len({one.tobytes() for one in hidden}) > 20
