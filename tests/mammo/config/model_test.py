import dataclasses

import pytest

from mammo.config import model
from mammo.config.model import ClassifierModelConfig, DecodingConfig, DetectorModelConfig
from mammo.models import backbones, efficientnet_lite
from tests.mammo.config import rules_of


def test_the_names_are_those_that_can_be_built():
    buildable = {*backbones._EFFICIENTNETS, *efficientnet_lite.NAMES, *backbones._CSP_DARKNETS}
    assert set(model.BACKBONES) == buildable


@pytest.mark.parametrize(
    ("config", "changes", "said"),
    [
        (DetectorModelConfig(), {"backbone": "resnet"}, "--config.model.backbone=resnet is not known; it is one of"),
        (DetectorModelConfig(), {"batch_norm_momentum": 1.0}, "--config.model.batch_norm_momentum=1.0 must be from 0"),
        (DetectorModelConfig(), {"max_levels": 0}, "--config.model.max_levels=0 must be 1 or more"),
        (DetectorModelConfig(), {"pyramid_channels": 0}, "--config.model.pyramid_channels=0 must be from 1 to 4096"),
        (DetectorModelConfig(), {"head_depth": -1}, "--config.model.head_depth=-1 must be from 0 to 64"),
        (
            ClassifierModelConfig(),
            {"head": "odd"},
            "--config.model.head=odd is not known; it is one of study, modern, linear",
        ),
        (ClassifierModelConfig(), {"dropout": 1.0}, "--config.model.dropout=1.0 must be from 0 to below 1"),
        (DecodingConfig(), {"max_detections": 0}, "--config.decoding.max_detections=0 must be from 1 to 10000"),
        (DecodingConfig(), {"overlap_iou": 1.5}, "--config.decoding.overlap_iou=1.5 must be from 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_flag(config, changes, said):
    rules_of.refuses(config, changes, said)


@pytest.mark.parametrize("config", [DetectorModelConfig(), ClassifierModelConfig()])
def test_weights_that_a_backbone_lacks_are_refused_with_the_backbones_that_have_them(config):
    said = (
        "--config.model.weights=imagenet: csp_darknet_nano has no ImageNet weights; give --config.model.weights=none "
        "or a file, or a backbone that has them: efficientnet_b0, efficientnet_b1"
    )
    rules_of.refuses(config, {"weights": "imagenet"}, said)
    assert dataclasses.replace(config, weights="imagenet", backbone="efficientnet_b0").is_pretrained
    assert dataclasses.replace(config, weights="/somewhere/backbone.h5").is_pretrained
