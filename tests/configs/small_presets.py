"""Presets as they are but for their size, and files of weights in place of those that they would fetch."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from mammo import presets
from mammo.config import run
from mammo.config.run import RunConfig
from mammo.models import backbones
from tests.mammo.training import disc_shards

TRAINED_COMPILED = (
    ("cloud/detector_1_gpu", "detector"),
    ("cloud/whole_image_1_gpu", "whole_image"),
    ("cloud/comparison_1_gpu", "malignancy"),
    ("cloud/comparison_1_gpu", "crop_classifier"),
    ("cloud/detector_8_gpus", "detector"),
)
"""One model of each kind that presets for GPUs have; the others differ from these in what they tell apart alone."""

_SIZE = {
    "input.batch_size": 2,
    "input.shuffle_buffer": 8,
    "log_every_steps": 1,
    "evaluate_every_steps": 2,
    "save_every_steps": 1,
    "optimizer.warmup_steps": 1,
    "train_steps": 2,
}
_DETECTOR_SIZE = {"model.pyramid_channels": 8, "model.max_levels": 2, "model.head_depth": 1}


def names() -> Iterator[tuple[str, str]]:
    """Yields each preset with each model of it; a preset of one model has its stage for the model's name."""
    for name, preset in presets.PRESETS.items():
        config = preset.get_config()
        for model in config.models if "models" in config else [config.stage]:
            yield name, model


def config(name: str, model: str, weights: Mapping[str, pathlib.Path], **changes: Any) -> RunConfig:
    """Returns the configuration of a preset's model with small sizes.

    Args:
        name: The preset.
        model: As `names` yields it.
        weights: Files of weights by backbone, for a model that begins with weights, fetched or another model's.
        **changes: Fields to set besides, such as `xla`.
    """
    preset = presets.PRESETS[name].get_config()
    made = preset.models[model] if "models" in preset else preset
    small: dict[str, Any] = {**_SIZE, **(_DETECTOR_SIZE if made.stage == "detector" else {})}
    if made.model.weights != "none" or model in preset.get("backbone_from", {}):
        small["model.weights"] = str(weights[made.model.backbone])
    if "crop" in made:
        small["crop.side_px"] = 32
    if "transfer" in made and made.transfer.frozen_steps:
        small["transfer.frozen_steps"] = 1
    made.update_from_flattened_dict({**small, **changes})
    return run.from_fields(made)


class WeightFiles(dict[str, pathlib.Path]):
    """Files of weights by backbone, each written into a folder when it is first asked for."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> pathlib.Path:
        self[name] = self._folder / f"{name}.h5"
        levels = [*backbones.PYRAMID, backbones.TOP]
        backbone = backbones.build(name, "none", disc_shards.SIDE_PX, disc_shards.SIDE_PX, 0.9, levels)
        backbones.save(backbone, self[name])
        return self[name]
