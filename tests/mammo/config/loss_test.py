import dataclasses

import pytest

from mammo.config.loss import ClassificationLossConfig, DetectionLossConfig
from tests.mammo.config import rules_of


@pytest.mark.parametrize(
    ("config", "changes", "said"),
    [
        (DetectionLossConfig(), {"box_loss": "smoothl1"}, "smoothl1 is not known; it is smooth_l1 or generalized_iou"),
        (DetectionLossConfig(), {"negative_iou": 0.6}, "negative_iou=0.6 must be at most --config.loss.positive"),
        (DetectionLossConfig(), {"positive_iou": 1.5}, "--config.loss.positive_iou=1.5 must be from 0 to 1"),
        (DetectionLossConfig(), {"alpha": 1.5}, "--config.loss.alpha=1.5 must be from 0 to 1"),
        (DetectionLossConfig(), {"gamma": -1.0}, "--config.loss.gamma=-1.0 must be 0 or more"),
        (DetectionLossConfig(), {"smooth_l1_beta": 0.0}, "--config.loss.smooth_l1_beta=0.0 must be above 0"),
        (ClassificationLossConfig(), {"label_smoothing": 1.0}, "--config.loss.label_smoothing=1.0 must be from 0"),
        (ClassificationLossConfig(), {"focal_gamma": -1.0}, "--config.loss.focal_gamma=-1.0 must be 0 or more"),
        (ClassificationLossConfig(), {"class_weights": (-1.0,)}, "--config.loss.class_weights=(-1.0,) must be above 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_flag(config, changes, said):
    rules_of.refuses(config, changes, said)


def test_the_two_thresholds_may_be_the_same():
    dataclasses.replace(DetectionLossConfig(), negative_iou=0.5)
