import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from mammo.data import box_ops

PADDING: list[float] = [-1.0] * 4
EXAMPLES = hypothesis.settings(deadline=None, max_examples=30)


@st.composite
def some_boxes(draw, max_count=6):
    corners = draw(hnp.arrays(np.float32, (draw(st.integers(1, max_count)), 2, 2), elements=st.integers(-50, 150)))
    low, high = corners.min(1), corners.max(1)
    return np.concatenate([low, high + 1], axis=1)


def _area_by_counting(box, other=None):
    """Of whole pixels, as box coordinates here are whole numbers."""

    def inside(box):
        y, x = np.mgrid[-50:152, -50:152]
        return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])

    return (inside(box) & (True if other is None else inside(other))).sum()


def test_padding_and_degenerate_boxes_are_no_boxes():
    listed = tf.constant([[0.0, 0, 1, 1], PADDING, [3, 3, 3, 9], [5, 5, 4, 6], [-4, -4, -1, -1]])
    assert box_ops.is_box(listed).numpy().tolist() == [True, False, False, False, True]
    assert box_ops.area(listed).numpy().tolist() == [1, 0, 0, 0, 9]


def test_a_center_by_hand():
    np.testing.assert_array_equal(box_ops.center(tf.constant([[[2.0, 10, 6, 13]]])), [[[4, 11.5]]])


@hypothesis.given(some_boxes())
@EXAMPLES
def test_clipping_leaves_what_lies_in_the_image(listed):
    clipped = box_ops.clip(tf.constant(listed), 100, 80).numpy()
    frame = [0, 0, 80, 100]
    for box, inside in zip(listed, clipped, strict=True):
        assert box_ops.area(tf.constant(inside)) == _area_by_counting(box, frame)
    np.testing.assert_array_equal(box_ops.clip(tf.constant(clipped), 100, 80), clipped)


@hypothesis.given(some_boxes(4), some_boxes(4))
@EXAMPLES
def test_overlaps_are_those_counted_by_pixels(first, second):
    found = box_ops.pairwise_iou(tf.constant(first), tf.constant(second)).numpy()
    assert found.shape == (len(first), len(second))
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            shared = _area_by_counting(one, other)
            union = _area_by_counting(one) + _area_by_counting(other) - shared
            np.testing.assert_allclose(found[row, column], shared / union, rtol=1e-5)


def test_padding_overlaps_nothing_itself_included():
    listed = tf.constant([[[0.0, 0, 10, 10], PADDING], [PADDING, PADDING]])
    found = box_ops.pairwise_iou(listed, listed).numpy()
    np.testing.assert_array_equal(found, [[[1, 0], [0, 0]], [[0, 0], [0, 0]]])


@hypothesis.given(some_boxes(3), hnp.arrays(np.float32, (2, 2), elements=st.floats(-2, 2, width=32)))
@EXAMPLES
def test_a_transformed_ellipse_touches_its_box_on_every_side(listed, linear):
    offset = np.array([7, -3], np.float32)
    hypothesis.assume(abs(np.linalg.det(linear)) > 0.05)
    found = box_ops.transform_ellipses(tf.constant(listed), tf.constant(linear), tf.constant(offset)).numpy()
    turn = np.linspace(0, 2 * np.pi, 2000)
    for box, transformed in zip(listed, found, strict=True):
        middle, halves = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        points = (middle + halves * np.stack([np.cos(turn), np.sin(turn)], -1)) @ linear.T + offset
        np.testing.assert_allclose(transformed, [*points.min(0), *points.max(0)], atol=2e-3 * (1 + halves.max()))


@hypothesis.given(some_boxes())
@EXAMPLES
def test_a_map_that_keeps_the_axes_carries_boxes_exactly(listed):
    linear = tf.constant([[-2.0, 0], [0, 0.5]])
    found = box_ops.transform_ellipses(tf.constant(listed), linear, tf.constant([10.0, 1])).numpy()
    x_min, y_min, x_max, y_max = listed.T
    expected = np.stack([10 - 2 * x_max, 1 + y_min / 2, 10 - 2 * x_min, 1 + y_max / 2], -1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_each_image_of_a_batch_has_its_own_map_and_padding_stays():
    listed = tf.constant([[[0.0, 0, 2, 4], PADDING]] * 2)
    linear = tf.stack([tf.eye(2), 3 * tf.eye(2)])
    found = box_ops.transform_ellipses(listed, linear, tf.constant([[1.0, 0], [0, 0]])).numpy()
    np.testing.assert_allclose(found, np.array([[[1, 0, 3, 4], PADDING], [[0, 0, 6, 12], PADDING]]), atol=1e-6)


def test_the_cover_of_pixels_by_hand():
    down, across = box_ops.pixel_cover(tf.constant([[0.5, 1.0, 2.25, 9.0], PADDING]), 3, 4)
    np.testing.assert_array_equal(down, [[0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(across, np.array([[0.5, 1, 0.25, 0], [0, 0, 0, 0]]))


@hypothesis.given(some_boxes())
@EXAMPLES
def test_the_cover_adds_up_to_the_area_in_the_image(listed):
    down, across = box_ops.pixel_cover(tf.constant(listed), 100, 80)
    area = box_ops.area(box_ops.clip(tf.constant(listed), 100, 80))
    np.testing.assert_allclose(tf.reduce_sum(down, -1) * tf.reduce_sum(across, -1), area, rtol=1e-5)
