"""Configurations by name: which file of `configs/` a command line means."""

import pathlib
import types
from collections.abc import Mapping, Sequence

from configs import (
    cbis_ddsm_breasts,
    cbis_ddsm_crops,
    cbis_ddsm_detector,
    comparison,
    crop_classifier,
    detector,
    malignancy,
    tumour,
    whole_image,
)
from configs.cloud import comparison_1_gpu, detector_1_gpu, detector_8_gpus, whole_image_1_gpu
from mammo.common import cli
from mammo.common.errors import InputError

PRESETS: Mapping[str, types.ModuleType] = {
    "detector": detector,
    "whole_image": whole_image,
    "tumour": tumour,
    "malignancy": malignancy,
    "crop_classifier": crop_classifier,
    "comparison": comparison,
    "cbis_ddsm_detector": cbis_ddsm_detector,
    "cbis_ddsm_crops": cbis_ddsm_crops,
    "cbis_ddsm_breasts": cbis_ddsm_breasts,
    "cloud/comparison_1_gpu": comparison_1_gpu,
    "cloud/whole_image_1_gpu": whole_image_1_gpu,
    "cloud/detector_1_gpu": detector_1_gpu,
    "cloud/detector_8_gpus": detector_8_gpus,
}
"""By the names that --config takes."""

STAGES = tuple(name for name, preset in PRESETS.items() if preset.get_config().get("stage") == name)
"""Those that --stage takes."""


def with_config(arguments: Sequence[str], default_stage: str) -> list[str]:
    """Completes a command line for `ml_collections.config_flags`.

    `--config` may be a name in `configs/`, a file of the person's own, or left out: then it is that of `--stage`.

    Args:
        arguments: As of sys.argv.
        default_stage: Of a command line that names none; or the configuration that it takes.

    Returns:
        The same with `--config=<path>` right behind the program, where the overrides (`--config.seed=1`) find it.

    Raises:
        InputError: There is no such configuration.
    """
    chosen, stage, rest = None, default_stage, []
    given = iter(arguments[1:])
    for argument in given:
        name, separator, value = argument.partition("=")
        is_config, is_stage = name in ("--config", "-config"), name in ("--stage", "-stage")
        if (is_config or is_stage) and not separator:
            value = next(given, "")  # as absl has it: the value may be an argument of its own
        if is_config:
            chosen = value
        elif is_stage:
            stage = value
            rest.append(f"--stage={value}")
        else:
            rest.append(argument)
    # A stage that there is none of is for the flags to refuse.
    path = _find(chosen) if chosen else _find(stage if stage in PRESETS else default_stage)
    return [arguments[0], f"--config={path}", *rest]


def _find(name: str) -> pathlib.Path:
    if name in PRESETS:
        return pathlib.Path(str(PRESETS[name].__file__))
    path = cli.user_path(name)
    if path.suffix == ".py" and path.is_file():
        return path
    raise InputError(f"there is no configuration {name!r}; give a Python file, or one of {', '.join(PRESETS)}.")
