import math

import numpy as np
import tensorflow as tf

from mammo.data.batch import Batch
from mammo.losses import detection
from mammo.models.targets import BACKGROUND, IGNORED, Targets

_ZERO_BOXES = tf.zeros([1, 1, 4])


def _targets(classes, deltas=None, boxes=None):
    count = len(classes[0])
    zeros = tf.zeros([len(classes), count, 4])
    deltas = zeros if deltas is None else tf.constant(deltas, tf.float32)
    return Targets(tf.constant(classes), deltas, zeros if boxes is None else tf.constant(boxes, tf.float32))


def test_focal_loss_is_that_of_the_paper_for_one_anchor():
    # Lin et al. 2017, equation 5: -alpha (1 - p)^gamma log p for the lesion's class, and for the other class
    # -(1 - alpha) p^gamma log(1 - p).
    lesion, other = 0.7, 0.2
    logits = tf.constant([[[math.log(lesion / (1 - lesion)), math.log(other / (1 - other))]]])
    loss = detection.focal(logits, tf.constant([[0]]), alpha=0.25, gamma=2.0)
    expected = -0.25 * 0.3**2 * math.log(0.7) - 0.75 * 0.2**2 * math.log(0.8)
    np.testing.assert_allclose(loss, [expected], rtol=1e-5)


def test_ignored_anchors_add_nothing_and_have_no_gradient():
    logits = tf.Variable([[[1.0], [2.0]]])
    with tf.GradientTape() as tape:
        loss = detection.focal(logits, tf.constant([[IGNORED, BACKGROUND]]), 0.25, 2.0)
    gradient = tape.gradient(loss, logits).numpy()
    assert gradient[0, 0, 0] == 0
    assert gradient[0, 1, 0] > 0


def test_a_batch_without_a_lesion_has_a_gradient():
    logits = tf.Variable(tf.zeros([2, 5, 2]))
    with tf.GradientTape() as tape:
        loss = detection.focal(logits, tf.fill([2, 5], BACKGROUND), 0.25, 2.0)
    assert (tape.gradient(loss, logits).numpy() > 0).all()


def test_extreme_logits_give_a_finite_loss_and_gradient():
    logits = tf.Variable([[[-200.0], [200.0]]])
    with tf.GradientTape() as tape:
        loss = detection.focal(logits, tf.constant([[0, BACKGROUND]]), 0.25, 2.0)
    assert np.isfinite(loss.numpy()).all()
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_smooth_l1_bends_at_beta_and_counts_only_lesions():
    made = _targets([[1, BACKGROUND]])
    deltas = tf.constant([[[0.05, 0, 0, -1.0], [9.0, 9, 9, 9]]])
    beta = 0.1
    expected = 0.5 * 0.05**2 / beta + (1 - beta / 2)
    np.testing.assert_allclose(detection.smooth_l1(deltas, made, beta), [expected], rtol=1e-5)


def test_generalized_iou_of_known_boxes():
    # Rezatofighi et al. 2019: equal boxes give 0; boxes of 1x1 with a gap of 1 between them share nothing and fill 2/3
    # of their hull: 1 - (0 - 1/3).
    truth = [[[0.0, 0, 1, 1], [0.0, 0, 1, 1]]]
    found = tf.constant([[[0.0, 0, 1, 1], [2.0, 0, 3, 1]]])
    np.testing.assert_allclose(detection.generalized_iou(found, _targets([[0, 0]], boxes=truth)), [4 / 3], rtol=1e-5)


def test_positives_leave_out_what_pads_a_batch():
    made = _targets([[0, 1, IGNORED], [1, 1, 1]])
    batch = Batch(*[None] * 7)._replace(is_real=tf.constant([True, False]))
    assert float(detection.positives(made, batch)) == 2
