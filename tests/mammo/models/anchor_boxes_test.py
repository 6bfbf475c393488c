import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from mammo.models import anchor_boxes
from mammo.models.anchor_grid import Anchors

_ANCHORS = Anchors((3, 4), (16.0, 32.0), (0.5, 1.0, 2.0))


def test_anchors_are_centred_in_the_cells_of_each_level():
    boxes = anchor_boxes.all_boxes(_ANCHORS, 64, 32).numpy()
    assert boxes.shape == ((8 * 4 + 4 * 2) * 9, 4)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    np.testing.assert_allclose(centers[0], [4, 4], atol=1e-4)
    np.testing.assert_allclose(centers[-1], [24, 56], atol=1e-4)


def test_an_anchor_has_the_area_and_the_ratio_that_it_says():
    first = anchor_boxes.all_boxes(_ANCHORS, 64, 32).numpy()[:9]
    width, height = first[:, 2] - first[:, 0], first[:, 3] - first[:, 1]
    assert sorted(set(np.round(width / height, 3))) == [0.5, 1, 2]
    np.testing.assert_allclose(sorted(set(np.round(np.sqrt(width * height), 2))), [16, 20.16, 25.4], atol=0.01)


def test_under_mixed_precision_anchors_are_exact():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        boxes = anchor_boxes.all_boxes(_ANCHORS, 64, 32)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert boxes.dtype == tf.float32
    np.testing.assert_array_equal(boxes, anchor_boxes.all_boxes(_ANCHORS, 64, 32))


def test_fitted_anchors_cover_the_lesions_better_than_those_for_photographs():
    random = np.random.default_rng(0)
    sizes = np.exp(random.normal(np.log(24), 0.5, (200, 1))) * np.exp(random.normal(0.3, 0.2, (200, 2)) * [1, -1])
    corners = random.uniform(0, 1, (200, 2)) * ([320, 512] - sizes)
    lesions = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)

    fitted = anchor_boxes.fit(lesions, 512, 320, max_levels=4)
    photographs = anchor_boxes.fit(lesions[:0], 512, 320, max_levels=4)
    assert anchor_boxes.mean_best_iou(fitted, lesions, 512, 320) > 0.6
    assert anchor_boxes.mean_best_iou(photographs, lesions, 512, 320) < 0.55


def test_a_level_without_a_size_is_refused():
    with pytest.raises(ValueError, match=r"a size for each of the levels \(3, 4\)"):
        Anchors((3, 4), (16.0,), (1.0,))


_SIDES = st.floats(2, 300)
_PLACES = st.floats(0, 500)


@hypothesis.given(_PLACES, _PLACES, _SIDES, _SIDES, _PLACES, _PLACES, _SIDES, _SIDES)
def test_what_is_encoded_decodes_to_the_same_box(x, y, width, height, anchor_x, anchor_y, anchor_width, anchor_height):
    hypothesis.assume(max(width / anchor_width, height / anchor_height) < 50)  # decoding ends at e**4
    box = tf.constant([x, y, x + width, y + height])
    anchor = tf.constant([anchor_x, anchor_y, anchor_x + anchor_width, anchor_y + anchor_height])
    decoded = anchor_boxes.decode(anchor_boxes.encode(box, anchor), anchor)
    np.testing.assert_allclose(decoded, box, atol=0.02)
