import dataclasses

import pytest

from mammo.config import run
from mammo.config.loss import ClassificationLossConfig
from mammo.config.model import ClassifierModelConfig
from mammo.config.optimizer import OptimizerConfig
from mammo.config.run import ClassifierConfig, CropClassifierConfig, DetectorConfig, TransferConfig
from tests.mammo.config import rules_of

_FROZEN = TransferConfig(frozen_steps=5)
_TWO_WEIGHTS = ClassificationLossConfig(class_weights=(1.0, 2.0))
_PRETRAINED = ClassifierModelConfig(backbone="efficientnet_b0", weights="imagenet")


@pytest.mark.parametrize(
    ("config", "changes", "said"),
    [
        (DetectorConfig(), {"train_steps": 0}, "--config.train_steps=0 must be 1 or more"),
        (DetectorConfig(), {"accumulate": 0}, "--config.accumulate=0 must be 1 or more"),
        (DetectorConfig(), {"devices": -1}, "--config.devices=-1 must be 0 or more"),
        (DetectorConfig(), {"logical_processors": 0}, "--config.logical_processors=0 must be 1 or more"),
        (DetectorConfig(), {"save_every_steps": -1}, "--config.save_every_steps=-1 must be 0 or more"),
        (DetectorConfig(), {"precision": "int8"}, "--config.precision=int8 is not known; it is one of auto, float32"),
        (DetectorConfig(), {"profile": (5,)}, "--config.profile=(5,) must be (first step, last step), or ()"),
        (DetectorConfig(), {"train_steps": 499}, "warmup_steps=500 must be within the run of --config.train_steps=499"),
        (DetectorConfig(), {"stage": "tumour"}, "--config.stage=tumour is not known; it is one of detector"),
        (TransferConfig(), {"frozen_steps": -1}, "--config.transfer.frozen_steps=-1 must be 0 or more"),
        (TransferConfig(), {"unfrozen_layers": -2}, "--config.transfer.unfrozen_layers=-2 must be -1 or more"),
        (TransferConfig(), {"depth_share": 1.5}, "--config.transfer.depth_share=1.5 must be from 0 to 1"),
        (TransferConfig(), {"rate_share": 0.0}, "--config.transfer.rate_share=0.0 must be above 0"),
        (ClassifierConfig(), {"transfer": _FROZEN}, "freeze a backbone, which takes --config.model.weights"),
        (ClassifierConfig(), {"transfer": TransferConfig(unfrozen_layers=3)}, "unfrozen_layers=3 freeze a backbone"),
        (ClassifierConfig(), {"averaged_looks": 4}, "--config.averaged_looks=4 is not known; it is 1 or 2"),
        (CropClassifierConfig(), {"averaged_looks": 3}, "averaged_looks=3 is not known; it is one of 1, 2, 4, 8"),
        (TransferConfig(), {"head_c": -0.1}, "--config.transfer.head_c=-0.1 must be 0 or more"),
        (ClassifierConfig(), {"loss": _TWO_WEIGHTS}, "must be one number for each of ('normal', 'benign', 'cancer')"),
        (CropClassifierConfig(), {"loss": _TWO_WEIGHTS}, "each of ('background', 'benign', 'cancer')"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_flag(config, changes, said):
    rules_of.refuses(config, changes, said)


def test_a_warm_up_may_fill_the_run():
    dataclasses.replace(DetectorConfig(), train_steps=3, optimizer=OptimizerConfig(warmup_steps=3))


def test_a_pretrained_backbone_may_be_frozen_if_it_keeps_its_statistics():
    config = ClassifierConfig(model=_PRETRAINED, transfer=TransferConfig(frozen_steps=5))
    model = dataclasses.replace(_PRETRAINED, keeps_statistics=False)
    rules_of.refuses(config, {"model": model}, "and --config.model.keeps_statistics=true")


@pytest.mark.parametrize(
    "lacking",
    [{"weights": "none"}, {"keeps_statistics": False}, {"head": "modern"}],
    ids=lambda lacking: next(iter(lacking)),
)
def test_a_linear_head_alone_is_solved_over_a_pretrained_backbone_that_keeps_its_statistics(lacking):
    model = dataclasses.replace(_PRETRAINED, head="linear")
    config = ClassifierConfig(model=model, transfer=TransferConfig(head_c=0.5))
    said = (
        "--config.transfer.head_c=0.5 solves a head, which takes --config.model.weights, "
        "--config.model.keeps_statistics=true and --config.model.head=linear."
    )
    rules_of.refuses(config, {"model": dataclasses.replace(model, **lacking)}, said)


def test_what_a_stage_tells_apart_is_part_of_its_configuration():
    assert ClassifierConfig(stage="tumour").classes.names == ("normal", "tumour")
    assert CropClassifierConfig().classes.names == ("background", "benign", "cancer")
    assert CropClassifierConfig(with_background=False).classes.names == ("benign", "cancer")


def test_the_defaults_of_each_stage_are_a_configuration_of_it():
    for stage, kind in run.CONFIGS.items():
        assert kind(stage=stage).stage == stage
