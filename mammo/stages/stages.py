"""All stages, by the names that --stage takes."""

from collections.abc import Callable, Mapping
from typing import Any

from mammo.data import shards as shards_lib
from mammo.stages import classifier, detector, stage

FROM_CONFIG: Mapping[str, Callable[[Any, shards_lib.Shards], stage.Stage]] = {
    "detector": detector.from_config,
    **dict.fromkeys(classifier.TASKS, classifier.from_config),
}


def from_config(config: Any, shards: shards_lib.Shards) -> stage.Stage:
    """Makes the stage that a configuration is of."""
    return FROM_CONFIG[config.stage](config, shards)
