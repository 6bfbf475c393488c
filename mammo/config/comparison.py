"""The configuration of a comparison: several models on one data set. No TensorFlow."""

import dataclasses
from collections.abc import Mapping

from mammo.common.errors import InputError
from mammo.config import checks, conversion, run
from mammo.config.conversion import Fields
from mammo.config.data import DataConfig
from mammo.config.run import RunConfig


@dataclasses.dataclass(frozen=True)
class ComparisonConfig:
    """Models that are trained on the same data.

    Attributes:
        data: How views are made where the data is not in shards yet; it replaces that of each model.
        models: Configuration of each model, by its name in concepts.
        backbone_from: For some models, the model whose trained backbone they begin with.
    """

    data: DataConfig
    models: Mapping[str, RunConfig]
    backbone_from: Mapping[str, str]

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks which model begins with the backbone of which other.

        Raises:
            InputError: There is no such model, it has another backbone, or it begins with another's itself.
        """
        for name, first in self.backbone_from.items():
            given = f"--config.backbone_from.{name}={first}"
            checks.require(
                {name, first} <= set(self.models) and first not in self.backbone_from,
                f"{given}: it takes a model of the comparison that begins with no other's backbone.",
            )
            backbones = [self.models[model].model.backbone for model in (name, first)]
            checks.require(
                len(set(backbones)) == 1,
                f"{given}: their backbones are {' and '.join(backbones)}; give both the same "
                "--config.models.<model>.model.backbone.",
            )


def from_fields(fields: Fields, where: str = "--config") -> ComparisonConfig:
    """Reads the configuration of a comparison.

    Args:
        fields: As JSON or a `ConfigDict` has them.
        where: What messages call them: a flag or a file.

    Raises:
        InputError: It is not that of a comparison, or a field of it cannot be.
    """
    plain = conversion.to_plain(fields)
    names = [field.name for field in dataclasses.fields(ComparisonConfig)]
    parts = {name: part for name, part in plain.items() if isinstance(part, dict)}
    if set(plain) != set(names) or len(parts) < len(names):
        raise InputError(f"{where} is not that of a comparison; give one like configs/comparison.py.")
    return ComparisonConfig(
        data=conversion.to_dataclass(DataConfig, parts["data"], f"{where}.data"),
        models={name: run.from_fields(model, f"{where}.models.{name}") for name, model in parts["models"].items()},
        backbone_from={name: str(first) for name, first in parts["backbone_from"].items()},
    )
