"""Builds the network of a model from its plan alone."""

import tensorflow as tf

from mammo.data.tracing import as_written
from mammo.models import classifier, detector
from mammo.models.plans import ClassifierPlan, DetectorPlan, Plan


@as_written
def build(plan: Plan) -> tf.keras.Model:
    """Builds the network of a model, under the current strategy and precision; its weights are drawn at random."""
    class_count = len(plan.classes)
    if isinstance(plan, DetectorPlan):
        return detector.build(plan.network, plan.anchors, class_count, plan.height_px, plan.width_px)
    assert isinstance(plan, ClassifierPlan)
    return classifier.build(plan.network, class_count, plan.height_px, plan.width_px)
