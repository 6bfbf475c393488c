"""Builds the network of a model from its plan alone."""

import tensorflow as tf

from mammo.config.model import NO_WEIGHTS
from mammo.data.tracing import as_written
from mammo.models import classifier, detector
from mammo.models.plans import ClassifierPlan, DetectorPlan, Plan


@as_written
def build(plan: Plan, weights: str = NO_WEIGHTS) -> tf.keras.Model:
    """Builds the network of a model, under the current strategy and precision; its weights are drawn at random.

    Args:
        plan: What the model is.
        weights: Of its backbone, see `backbones.build`.

    Raises:
        mammo.common.errors.InputError: The weights cannot be read, fetched, or do not fit.
    """
    class_count = len(plan.classes)
    if isinstance(plan, DetectorPlan):
        return detector.build(plan.network, plan.anchors, class_count, plan.height_px, plan.width_px, weights)
    assert isinstance(plan, ClassifierPlan)
    return classifier.build(plan.network, class_count, plan.image_shape, weights)
