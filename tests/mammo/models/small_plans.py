"""Plans of small networks, one of each kind."""

from mammo.config.data import CropConfig
from mammo.config.model import ClassifierNetwork, DecodingConfig, DetectorNetwork
from mammo.models.anchor_grid import Anchors
from mammo.models.plans import ClassifierPlan, DetectorPlan, TrainingData

_DATA = TrainingData(manifest_sha256="0" * 64, source="phantom", is_phantom=True)
DETECTOR = DetectorPlan(
    stage="detector",
    classes=("benign", "cancer"),
    height_px=64,
    width_px=96,
    data=_DATA,
    network=DetectorNetwork("csp_darknet_nano", pyramid_channels=8, head_depth=1),
    anchors=Anchors((3, 4), (11.8, 20.1), (0.8, 1.0, 1.3)),
    decoding=DecodingConfig(max_detections=7),
)
CLASSIFIER = ClassifierPlan(
    stage="crop_classifier",
    classes=("background", "benign", "cancer"),
    height_px=32,
    width_px=32,
    data=_DATA,
    network=ClassifierNetwork("csp_darknet_nano", "modern", dropout=0.2, standardizes=True),
    crop=CropConfig(side_px=32),
    averaged_looks=4,
)
