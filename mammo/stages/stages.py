"""All stages, by the names that --stage takes."""

from collections.abc import Callable, Mapping
from typing import Any

from mammo.data.shards import Shards
from mammo.stages import classifier, detector
from mammo.stages.stage import Stage

FROM_CONFIG: Mapping[str, Callable[[Any, Shards], Stage]] = {
    "detector": detector.from_config,
    **dict.fromkeys(classifier.TASKS, classifier.from_config),
}


def from_config(config: Any, shards: Shards) -> Stage:
    """Makes the stage that a configuration is of."""
    return FROM_CONFIG[config.stage](config, shards)
