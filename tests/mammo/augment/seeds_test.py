import numpy as np
import tensorflow as tf

from mammo.augment import seeds
from mammo.augment.seeds import Operation
from mammo.config import augmentation


def _seed(*values):
    return tf.constant(values, tf.int32)


def _positions(*values):
    return tf.constant(values, tf.int64)


def test_the_numbers_of_an_image_depend_on_its_position_alone():
    together = seeds.uniform(_seed(1, 2), _positions(5, 6, 2**40)).numpy()
    assert together.shape == (3, len(Operation), seeds.DRAWS_PER_OPERATION)
    for row, position in enumerate((5, 6, 2**40)):
        np.testing.assert_array_equal(seeds.uniform(_seed(1, 2), _positions(position))[0], together[row])
    noise = seeds.noise(_seed(1, 2), _positions(5, 6), (4, 4)).numpy()
    np.testing.assert_array_equal(seeds.noise(_seed(1, 2), _positions(6), (4, 4))[0], noise[1])


def test_other_positions_and_other_seeds_draw_other_numbers():
    draws = [
        seeds.uniform(_seed(*seed), _positions(position)).numpy().ravel()
        for seed in ((0, 0), (0, 1), (1, 0))
        for position in (0, 1, 2**32)
    ]
    assert len({first.tobytes() for first in draws}) == len(draws)
    correlations = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlations).max() < 0.35  # of 176 numbers: five standard errors are 0.38


def test_the_noise_is_white_with_variance_one():
    noise = seeds.noise(_seed(3, 4), _positions(0, 1), (200, 200)).numpy()
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.01
    for shifted in (noise[:, 1:] * noise[:, :-1], noise[..., 1:] * noise[..., :-1], noise[0] * noise[1]):
        assert abs(shifted.mean()) < 0.03


def test_the_order_of_the_operations_is_part_of_what_a_seed_means():
    names = "FLIP ROTATION SCALE SHEAR SHIFT GAMMA CONTRAST BRIGHTNESS BLUR NOISE CUTOUT"
    assert [operation.name for operation in Operation][:11] == names.split()
    # A run that newer code resumes goes on as it was.
    first = seeds.uniform(_seed(0, 0), _positions(0)).numpy()[0, 0, :3]
    np.testing.assert_allclose(first, [0.30509007, 0.3763808, 0.36966884], atol=1e-6)


def test_there_are_numbers_enough_for_the_most_cutouts():
    assert 4 * augmentation.MAX_CUTOUT_COUNT <= seeds.DRAWS_PER_OPERATION


def test_draws_are_carried_to_their_ranges():
    draws = tf.constant([0.0, 0.5, 1.0])
    np.testing.assert_allclose(seeds.symmetric(draws), [-1, 0, 1])
    np.testing.assert_allclose(seeds.log_between(draws, (0.5, 2)), [0.5, 1, 2], rtol=1e-6)
