"""KerasCV's own RetinaNet, as it comes: what ours is measured against."""

import keras_cv
import tensorflow as tf

from mammo.config.model import DecodingConfig
from mammo.data.batch import Batch, Detections, grey_levels

_FORMAT = "xyxy"


def build(backbone: tf.keras.Model, class_count: int) -> keras_cv.models.RetinaNet:
    """Makes its network on one of our `backbones`: its own pyramid, heads, anchors and targets.

    Its decoder drops all below a score of 0.5, too high for a FROC curve, so that it decodes by our settings.
    """
    options = DecodingConfig()
    return keras_cv.models.RetinaNet(
        backbone=backbone,
        num_classes=class_count,
        bounding_box_format=_FORMAT,
        prediction_decoder=keras_cv.layers.MultiClassNonMaxSuppression(
            bounding_box_format=_FORMAT,
            from_logits=True,
            iou_threshold=options.overlap_iou,
            confidence_threshold=options.min_score,
            max_detections=options.max_detections,
            max_detections_per_class=options.max_detections,
        ),
    )


def compile_with(model: keras_cv.models.RetinaNet, optimizer: tf.keras.optimizers.Optimizer) -> None:
    """Gives it its own losses, the ones its documentation takes."""
    model.compile(classification_loss="focal", box_loss="smoothl1", optimizer=optimizer)


def as_input(batch: Batch) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Turns a batch into what its fit takes."""
    return grey_levels(batch.image), {"boxes": batch.boxes, "classes": tf.cast(batch.classes, tf.float32)}


def predict(model: keras_cv.models.RetinaNet, images: tf.Tensor) -> Detections:
    """Returns what it finds in images, float32 [B, H, W, 1]."""
    found = model.decode_predictions(model(images, training=False), images)
    return Detections(found["boxes"], found["confidence"], tf.cast(found["classes"], tf.int32), found["num_detections"])
