"""Builds the network of a model from its plan alone."""

import tensorflow as tf

from mammo.models import classifier, detector
from mammo.models.plans import ClassifierPlan, DetectorPlan, Plan


def build(plan: Plan) -> tf.keras.Model:
    """Builds the network of a model, under the current strategy and precision; its weights are drawn at random."""
    # Keras has AutoGraph convert the source of every layer, for control flow that none has: a third of the time.
    return tf.autograph.experimental.do_not_convert(_build)(plan)


def _build(plan: Plan) -> tf.keras.Model:
    class_count = len(plan.classes)
    if isinstance(plan, DetectorPlan):
        return detector.build(plan.network, plan.anchors, class_count, plan.height_px, plan.width_px)
    assert isinstance(plan, ClassifierPlan)
    return classifier.build(plan.network, class_count, plan.height_px, plan.width_px)
