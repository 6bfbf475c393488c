import numpy as np
import pytest
import tensorflow as tf

from mammo.augment import lesions
from tests.mammo.augment import discs

IMAGE = np.zeros((2, 8, 8, 1))
BOXES = [[[0, 0, 4, 4], [4, 4, 8, 8]], [[1, 1, 2, 2], [-1] * 4]]


def _kept(shares, min_visible_share=0.5):
    return lesions.keep_visible(
        discs.batch(IMAGE, BOXES, [[1, 0], [0, -1]]), tf.constant(shares, tf.float32), min_visible_share
    )


def test_lesions_in_view_stay():
    discs.assert_same(_kept([[1, 0.5], [0.6, 0]]), discs.batch(IMAGE, BOXES, [[1, 0], [0, -1]]))


def test_a_lesion_out_of_view_becomes_padding_and_the_label_is_that_of_the_worst_one_left():
    kept = _kept([[0.49, 1], [0, 0]])
    assert kept.classes.numpy().tolist() == [[-1, 0], [-1, -1]]
    assert kept.boxes.numpy().tolist() == [[[-1] * 4, [4, 4, 8, 8]], [[-1] * 4, [-1] * 4]]
    assert kept.label.numpy().tolist() == [1, 0]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_padding_stays_padding_whatever_its_share(share):
    assert _kept([[1, 1], [1, share]]).classes.numpy().tolist() == [[1, 0], [0, -1]]


def test_a_lesion_of_which_nothing_is_left_is_dropped_under_any_rule():
    assert _kept([[0, 1], [1, 0]], min_visible_share=0).classes.numpy().tolist() == [[-1, 0], [0, -1]]


def test_the_label_of_an_image_that_lost_none_is_not_touched():
    batch = discs.batch(IMAGE, BOXES, [[1, 0], [0, -1]])._replace(label=tf.constant([2, 2]))
    kept = lesions.keep_visible(batch, tf.constant([[1.0, 0], [1, 0]]), 0.5)
    assert kept.label.numpy().tolist() == [2, 2]
