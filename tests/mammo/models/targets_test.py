import numpy as np
import tensorflow as tf

from mammo.models import targets

_ANCHORS = tf.constant([[0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60], [0, 0, 10, 22]], tf.float32)
_PADDING = [-1.0] * 4


def _match(boxes, classes):
    return targets.match(tf.constant([boxes]), tf.constant([classes]), _ANCHORS, positive_iou=0.6, negative_iou=0.4)


def test_anchors_are_lesion_ignored_or_background_by_overlap():
    # IoU with the lesion: 1, 1/2, 0 and 10/22.
    assert _match([[0.0, 0, 10, 10], _PADDING], [1, -1]).classes.numpy().tolist() == [
        [1, targets.IGNORED, targets.BACKGROUND, targets.IGNORED]
    ]


def test_a_lesion_that_no_anchor_fits_is_taught_by_the_best_one():
    small = _match([[2.0, 2, 5, 5], _PADDING], [0, -1])
    assert small.classes.numpy().tolist() == [[0, -1, -1, -1]]
    np.testing.assert_array_equal(small.boxes_xyxy_px[0, 0], [2, 2, 5, 5])


def test_where_two_lesions_share_their_best_anchor_the_better_fit_takes_it():
    # Anchor 0 fits the first lesion entirely, and is the only one that touches the second.
    first, second = [0.0, 0, 10, 10], [9.0, 0, 18, 3]
    made = targets.match(
        tf.constant([[first, second]]), tf.constant([[0, 1]]), _ANCHORS[:1], positive_iou=0.6, negative_iou=0.4
    )
    assert made.classes.numpy().tolist() == [[0]]
    made = _match([first, second], [0, 1])
    assert 0 in made.classes.numpy()


def test_without_a_lesion_all_is_background_and_nothing_is_nan():
    made = _match([_PADDING, _PADDING], [-1, -1])
    assert (made.classes.numpy() == targets.BACKGROUND).all()
    assert np.isfinite(made.deltas.numpy()).all()
