"""A bundle whose networks find what is brightest: what they must say of a phantom is known to the pixel."""

import pathlib
from typing import Any

import tensorflow as tf

from mammo.clinical.calibration import Calibration
from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import MissingProjection
from mammo.common.json_types import Interval
from mammo.config.data import CropConfig
from mammo.config.model import ClassifierNetwork, DecodingConfig, DetectorNetwork
from mammo.inference import bundles
from mammo.inference.bundles import Bundle, Facts
from mammo.models.anchor_grid import Anchors
from mammo.models.plans import ClassifierPlan, DetectorPlan, TrainingData

HEIGHT_PX, WIDTH_PX = 256, 160
CROP = CropConfig(side_px=64, context=1.5)
MOST = 0.1  # of the image, that a lesion takes
LEAST = 0.9  # how bright a lesion is, where the densest tissue is 1


_DATA = TrainingData(manifest_sha256="0" * 64, source="phantom", is_phantom=True)
_FINDER_PLAN = DetectorPlan(
    stage="detector",
    classes=("lesion",),
    height_px=HEIGHT_PX,
    width_px=WIDTH_PX,
    data=_DATA,
    network=DetectorNetwork("csp_darknet_nano", 8, 1),
    anchors=Anchors((3,), (16.0,), (1.0,)),
    decoding=DecodingConfig(),
)
_JUDGE_PLAN = ClassifierPlan(
    stage="crop_classifier",
    classes=("background", "benign", "cancer"),
    height_px=CROP.side_px,
    width_px=CROP.side_px,
    data=_DATA,
    network=ClassifierNetwork("csp_darknet_nano", "modern", 0.0, standardizes=False),
    crop=CROP,
    flip_averaging=False,
)


class Finder(tf.Module):
    """The box of all that is bright in an image, with the score 0.8; nothing where nothing is."""

    @tf.function(input_signature=[tf.TensorSpec([None, HEIGHT_PX, WIDTH_PX, 1], tf.float32)])
    def call(self, image):
        is_bright = image[..., 0] >= LEAST
        rows, columns = tf.reduce_any(is_bright, 2), tf.reduce_any(is_bright, 1)
        # Where no lesion is brighter than the breast, all of the breast is as bright as can be.
        share = tf.reduce_mean(tf.cast(is_bright, tf.float32), [1, 2])
        is_there = (share > 0) & (share < MOST)
        spans = []
        for lines, count in ((columns, WIDTH_PX), (rows, HEIGHT_PX)):
            numbers = tf.range(count)
            spans.append(
                (
                    tf.reduce_min(tf.where(lines, numbers, count), 1),
                    tf.reduce_max(tf.where(lines, numbers + 1, 0), 1),
                )
            )
        (left, right), (top, bottom) = spans
        boxes = tf.cast(tf.stack([left, top, right, bottom], 1)[:, None], tf.float32)
        return {
            "boxes_xyxy_px": boxes,
            "scores": tf.fill([tf.shape(image)[0], 1], 0.8),
            "classes": tf.zeros([tf.shape(image)[0], 1], tf.int32),
            "num_valid": tf.cast(is_there, tf.int32),
        }


class _Judge(tf.Module):
    """Says cancer of a crop whose middle is bright."""

    @tf.function(input_signature=[tf.TensorSpec([None, CROP.side_px, CROP.side_px, 1], tf.float32)])
    def call(self, image):
        middle = CROP.side_px // 2
        bright = tf.reduce_mean(image[:, middle - 4 : middle + 4, middle - 4 : middle + 4], [1, 2, 3])
        cancer = tf.where(bright >= LEAST, 0.9, 0.05)
        return {"probabilities": tf.stack([0.95 - cancer, tf.fill(tf.shape(cancer), 0.05), cancer], 1)}


def write(folder: pathlib.Path, finder: tf.Module | None = None, **facts) -> Bundle:
    """Writes the bundle of a multi-stage concept, with some facts of its own, and perhaps another finder."""
    for name, module, signature in (
        ("finder", finder or Finder(), "detect"),
        ("crop_classifier", _Judge(), "classify"),
    ):
        path = folder / bundles.NETWORKS_FOLDER / name
        tf.saved_model.save(module, str(path), signatures={signature: module.call})
    (folder / bundles.CARD_FILE).write_text("# bright disc\n")
    bundles.seal(folder, make_facts(**facts))
    return bundles.open_bundle(folder)


def make_facts(**facts) -> Facts:
    """Returns what such a bundle says of itself."""
    networks = {"finder": _FINDER_PLAN, "crop_classifier": _JUDGE_PLAN}
    certain: Interval = {"value": 0.9, "low": 0.8, "high": 1.0}
    fields: dict[str, Any] = {
        "name": "bright disc",
        "created": "2026-01-01T00:00:00+00:00",
        "concept": "multi_stage",
        "title": "multi-stage detector",
        "rule": "What is bright is a lesion.",
        "height_px": HEIGHT_PX,
        "width_px": WIDTH_PX,
        "networks": networks,
        "flips": False,
        "calibration": Calibration(),
        "missing_projection": MissingProjection(),
        "operating_points": {"screening": OperatingPoint("screening", 0.3, certain, certain, positive=10, negative=20)},
        "finding_threshold": 0.25,
        "false_findings_per_image": 0.25,
        "data": {"source": "phantom", "is_phantom": True},
        "figures": {},
    }
    return Facts(**fields | facts)
