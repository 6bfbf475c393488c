import dataclasses
import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from mammo.augment import geometric, seeds
from mammo.augment.geometric import Affine
from mammo.config.augmentation import AugmentationConfig
from tests.mammo.augment import discs

OFF = AugmentationConfig.off()
FEW = hypothesis.settings(deadline=None, max_examples=25, derandomize=True)


def _varied(batch, seed=0, **changes):
    chosen = dataclasses.replace(OFF, **changes)
    draws = seeds.uniform(tf.constant([seed, 0]), batch.position)
    return _moved(batch, geometric.draw(batch.image, draws, chosen), chosen.min_visible_share)


def _moved(batch, affine, min_visible_share):
    placed, transforms = geometric.place(batch, affine, min_visible_share)
    return placed._replace(image=geometric.resample(placed.image, transforms))


def _disc(center=(28.3, 52.6), radius=9.0):
    """One disc on tissue that fills the frame."""
    image = discs.draw(center, radius, background=discs.TISSUE)
    return discs.batch([image], [[discs.box_of(center, radius)]], [[1]])


@pytest.mark.parametrize(
    "changes",
    [
        {"flip_horizontal": 1.0},
        {"flip_vertical": 1.0},
        {"rotation_degrees": 40.0},
        {"scale_range": (0.7, 1.4)},
        {"shift_share": 0.15},
        {"shear_degrees": 25.0},
        {
            "flip_horizontal": 0.5, "flip_vertical": 0.5, "rotation_degrees": 20.0, "scale_range": (0.8, 1.25),
            "shift_share": 0.1, "shear_degrees": 10.0,
        },
    ],
    ids="+".join,
)  # fmt: skip
def test_a_disc_is_found_where_its_box_says(changes):
    for seed in range(6):
        before = _disc()
        after = _varied(before, seed, **changes)
        assert not np.allclose(after.image, before.image)
        np.testing.assert_allclose(discs.find(after.image[0], 0.65), after.boxes[0, 0], atol=1)
        assert after.label.numpy().tolist() == [2]


@hypothesis.given(
    st.tuples(st.floats(20, 44), st.floats(30, 66)), st.floats(4, 10), st.floats(-180, 180), st.floats(0.7, 1.4),
    st.floats(-30, 30), st.sampled_from([-1.0, 1.0]), st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
)  # fmt: skip
@FEW
def test_a_disc_is_found_where_its_box_says_under_any_transform(center, radius, degrees, scale, shear, flip, shift):
    angle, lean = math.radians(degrees), math.tan(math.radians(shear))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = scale * turn @ [[1, lean], [0, 1]] @ [[1, 0], [0, flip]]
    middle = np.array([discs.WIDTH_PX, discs.HEIGHT_PX]) / 2
    offset = middle + shift - linear @ middle
    affine = Affine(
        tf.constant(linear[None], tf.float32),
        tf.constant(offset[None], tf.float32),
    )
    after = _moved(_disc(center, radius), affine, min_visible_share=1.0)
    hypothesis.assume(after.classes[0, 0] == 1)  # all of it is in view
    np.testing.assert_allclose(discs.find(after.image[0], 0.65), after.boxes[0, 0], atol=1)


def test_a_flip_mirrors_pixels_exactly():
    batch = discs.breasts(2)._replace(image=tf.constant(np.random.default_rng(0).random((2, 96, 64, 1)), tf.float32))
    flipped = _varied(batch, flip_vertical=1.0)
    np.testing.assert_allclose(flipped.image, batch.image[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(flipped.boxes[:, 0, 1], 96 - batch.boxes[:, 0, 3], atol=1e-4)
    mirrored = _varied(batch, flip_horizontal=1.0)
    np.testing.assert_allclose(mirrored.image, batch.image[:, :, ::-1], atol=1e-4)


def test_half_of_the_images_are_flipped_at_a_probability_of_a_half():
    batch = discs.breasts(1)
    many = type(batch)(*(tf.repeat(field, 200, axis=0) for field in batch))._replace(
        position=tf.range(200, dtype=tf.int64)
    )
    y_min = _varied(many, flip_vertical=0.5).boxes[:, 0, 1].numpy()
    assert 70 < np.isclose(y_min, batch.boxes[0, 0, 1], atol=1e-3).sum() < 130  # four standard deviations


@hypothesis.given(st.floats(0, 180), st.integers(0, 1000))
@FEW
def test_a_disc_stays_as_large_as_it_is_when_turned(degrees, seed):
    x_min, y_min, x_max, y_max = _varied(_disc(), seed, rotation_degrees=degrees).boxes[0, 0].numpy()
    hypothesis.assume(x_min > 0 and y_min > 0 and x_max < discs.WIDTH_PX and y_max < discs.HEIGHT_PX)
    assert abs(x_max - x_min - 18) < 1e-3
    assert abs(y_max - y_min - 18) < 1e-3


def test_a_breast_in_a_corner_of_the_frame_stays_in_view():
    image = np.zeros((1, 96, 64, 1))
    image[:, :40, :24] = 1
    batch = discs.batch(image, [[[4, 4, 20, 36]]], [[0]])
    for seed in range(10):
        wild = _varied(batch, seed, flip_vertical=0.5, rotation_degrees=30, scale_range=(0.8, 1.25), shear_degrees=10)
        in_view = wild.image.numpy().sum()
        assert in_view > 0.75 * 40 * 24 * 0.8**2
        assert wild.classes.numpy().tolist() == [[0]]
    np.testing.assert_allclose(_varied(batch, flip_vertical=1.0).image, image, atol=1e-4)


def test_beyond_the_image_it_is_black_or_the_image_mirrored():
    image = tf.random.stateless_uniform([1, 96, 64, 1], [1, 2], minval=0.5)
    still = discs.batch(image, [[[4, 4, 20, 36]]], [[0]])
    _, transforms = geometric.place(still, Affine(tf.eye(2)[None], tf.constant([[7.0, -5.0]])), min_visible_share=0.5)
    black, mirrored = (geometric.resample(image, transforms, beyond).numpy() for beyond in ("black", "mirrored"))
    np.testing.assert_allclose(black[:, :-5, 7:], image[:, 5:, :-7], atol=1e-5)
    assert not black[:, :, :7].any() and not black[:, -5:].any()
    expected = np.pad(image, [[0, 0], [0, 5], [7, 0], [0, 0]], "symmetric")[:, 5:, :64]
    np.testing.assert_allclose(mirrored, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("box", "expected"),
    [((0, 0, 64, 96), (32, 48)), ((0, 0, 10, 20), (5, 10)), ((3, 90, 5, 91), (4, 90.5))],
)
def test_the_middle_of_what_is_shown(box, expected):
    image = np.zeros((1, 96, 64, 1), np.float32)
    image[:, box[1] : box[3], box[0] : box[2]] = 0.2
    np.testing.assert_array_equal(geometric.content_center(tf.constant(image))[0], expected)


def test_the_middle_of_an_image_without_tissue_is_that_of_the_frame():
    np.testing.assert_array_equal(geometric.content_center(tf.fill([2, 96, 64, 1], 0.02)), [[32, 48]] * 2)


@pytest.mark.parametrize(("right_px", "classes", "box"), [(9, [1], [55, 40, 64, 60]), (11, [-1], [-1] * 4)])
def test_a_lesion_with_less_than_half_in_view_is_dropped(right_px, classes, box):
    batch = discs.batch(np.ones((1, 96, 64, 1)), [[[44, 40, 64, 60]]], [[1]])
    affine = Affine(tf.eye(2)[None], tf.constant([[float(right_px), 0]]))
    moved = _moved(batch, affine, min_visible_share=0.5)
    assert moved.classes.numpy().tolist() == [classes]
    np.testing.assert_allclose(moved.boxes[0, 0], box if classes == [-1] else [44 + right_px, 40, 64, 60], atol=1e-5)
    assert moved.label.numpy().tolist() == [2 if classes == [1] else 0]
