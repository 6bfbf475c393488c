import numpy as np
import tensorflow as tf

from mammo.config.model import DecodingConfig
from mammo.models import anchor_boxes, decoding

_ANCHORS = tf.constant([[0, 0, 40, 40], [2, 2, 42, 42], [60, 60, 90, 90], [80, 80, 120, 120]], tf.float32)


def _decode(probabilities, boxes=_ANCHORS, **options):
    probabilities = tf.constant([probabilities], tf.float32)
    logits = tf.math.log(probabilities / (1 - probabilities))
    deltas = anchor_boxes.encode(boxes, _ANCHORS)[None]
    return decoding.decode(logits, deltas, _ANCHORS, 100, 100, DecodingConfig(**options))


def test_the_surest_comes_first_and_what_overlaps_it_is_dropped():
    found = _decode([[0.5, 0.01], [0.8, 0.01], [0.01, 0.6], [0.02, 0.02]], min_score=0.05)
    assert found.num_valid.numpy().tolist() == [2]
    np.testing.assert_allclose(found.scores[0, :2], [0.8, 0.6], atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy_px[0, :2], [[2, 2, 42, 42], [60, 60, 90, 90]], atol=1e-3)
    assert found.classes[0, :2].numpy().tolist() == [0, 1]


def test_a_known_box_comes_back_through_encoding_and_decoding():
    disc = tf.constant([35.0, 55, 45, 65])  # at (40, 60)
    found = _decode([[0.01], [0.01], [0.9], [0.01]], tf.tensor_scatter_nd_update(_ANCHORS, [[2]], [disc]))
    np.testing.assert_allclose(found.boxes_xyxy_px[0, 0], disc, atol=1e-3)


def test_boxes_end_at_the_borders_of_the_image():
    found = _decode([[0.01], [0.01], [0.01], [0.9]])
    np.testing.assert_allclose(found.boxes_xyxy_px[0, 0], [80, 80, 100, 100], atol=1e-3)


def test_a_low_score_is_kept_for_the_froc_curve_and_one_below_the_least_is_not():
    found = _decode([[0.006], [0.001], [0.001], [0.001]])
    assert found.num_valid.numpy().tolist() == [1]


def test_no_more_than_asked_for():
    assert _decode([[0.9], [0.1], [0.8], [0.7]], max_detections=2).num_valid.numpy().tolist() == [2]
    assert _decode([[0.9], [0.1], [0.8], [0.7]], max_candidates=1).num_valid.numpy().tolist() == [1]
