"""A bundle whose networks find what is brightest: what they must say of a phantom is known to the pixel."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mammo.clinical.calibration import Calibration
from mammo.clinical.operating_points import OperatingPoint
from mammo.clinical.rules import MissingProjection
from mammo.common.json_types import Interval
from mammo.config.data import CropConfig
from mammo.config.model import ClassifierNetwork, DecodingConfig, DetectorNetwork
from mammo.inference import bundles, freezing
from mammo.inference.bundle_facts import Facts
from mammo.inference.bundles import Bundle
from mammo.inference.sealing import CARD_FILE, NETWORKS_FOLDER
from mammo.models.anchor_grid import Anchors
from mammo.models.plans import ClassifierPlan, DetectorPlan, TrainingData

HEIGHT_PX, WIDTH_PX = 256, 160
CROP = CropConfig(side_px=64, contexts=(1.5,))
MOST = 0.1  # of the image, that a lesion takes
LEAST = 0.9  # how bright a lesion is, where the densest tissue is 1

Network = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]

_BELOW = np.nextafter(np.float32(LEAST), np.float32(0))  # graphs of bundles can ask for more, not for as much


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
    averaged_looks=1,
)


def find(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Finds the box of all that is bright in an image, with the score 0.8; nothing where nothing is."""
    is_bright = tf.cast(image[..., 0] > _BELOW, tf.float32)
    # Where no lesion is brighter than the breast, all of the breast is as bright as can be.
    share = tf.reduce_mean(is_bright, [1, 2])
    is_there = tf.cast(share > 0, tf.int32) * tf.cast(tf.constant(MOST) > share, tf.int32)
    spans = []
    for lines, count in ((tf.reduce_max(is_bright, 1), WIDTH_PX), (tf.reduce_max(is_bright, 2), HEIGHT_PX)):
        numbers = tf.range(count, dtype=tf.float32)
        spans.append((count - tf.reduce_max(lines * (count - numbers), 1), tf.reduce_max(lines * (numbers + 1), 1)))
    (left, right), (top, bottom) = spans
    return {
        "boxes_xyxy_px": tf.stack([left, top, right, bottom], 1)[:, None],
        "scores": tf.fill([tf.shape(image)[0], 1], 0.8),
        "classes": tf.fill([tf.shape(image)[0], 1], 0),
        "num_valid": is_there,
    }


def _judge(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Says cancer of a crop whose middle is bright."""
    middle = CROP.side_px // 2
    bright = tf.reduce_mean(image[:, middle - 4 : middle + 4, middle - 4 : middle + 4], [1, 2, 3])
    is_bright = tf.cast(bright > _BELOW, tf.float32)
    cancer = is_bright * 0.9 + (1 - is_bright) * 0.05
    return {"probabilities": tf.stack([0.95 - cancer, tf.fill([tf.shape(image)[0]], 0.05), cancer], 1)}


BREAST_PLAN = dataclasses.replace(
    _JUDGE_PLAN,
    stage="malignancy",
    classes=("benign", "cancer"),
    height_px=2 * HEIGHT_PX,
    width_px=WIDTH_PX,
    crop=None,
    shows="breasts",
)


def weigh(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Says cancer of a breast by 0.1, by 0.5 more where CC shows a lesion, and by 0.25 more where MLO does."""
    cc, mlo = (tf.cast(find(half)["num_valid"], tf.float32) for half in tf.split(image, 2, axis=1))
    cancer = 0.1 + 0.5 * cc + 0.25 * mlo
    return {"probabilities": tf.stack([1 - cancer, cancer], 1)}


def write_joint(folder: pathlib.Path) -> Bundle:
    """Writes the bundle of the joint concept, with a network that looks at breasts."""
    networks = {**make_facts().networks, "breast": BREAST_PLAN}
    freezing.write(weigh, BREAST_PLAN.image_shape, folder / NETWORKS_FOLDER / "breast")
    return write(folder, concept="joint", networks=networks)


def write(folder: pathlib.Path, finder: Network = find, key: Ed25519PrivateKey | None = None, **facts) -> Bundle:
    """Writes the bundle of a multi-stage concept, with some facts of its own, and perhaps another finder or a key."""
    networks = folder / NETWORKS_FOLDER
    freezing.write(finder, (HEIGHT_PX, WIDTH_PX, 1), networks / "finder")
    freezing.write(_judge, _JUDGE_PLAN.image_shape, networks / "crop_classifier")
    (folder / CARD_FILE).write_text("# bright disc\n")
    bundles.seal(folder, make_facts(**facts), key)
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
        "trained_on": "phantoms",
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
