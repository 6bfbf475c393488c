"""The detector on two cores and nothing else: what `--stage=detector` takes.

Draws 240 synthetic exams, if no data is given, and trains from no weights. Cost and result stand in docs/results.md.
"""

import ml_collections

from mammo.config import conversion
from mammo.config.run import DetectorConfig


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = conversion.to_config_dict(DetectorConfig())
    config.train_steps = 1300
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup_steps = 50
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 650
    config.save_every_steps = 200
    return config
