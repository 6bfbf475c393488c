"""The classifier of whole views, normal, benign or cancer, on two cores and nothing else: `--stage=whole_image`.

Draws 240 synthetic exams, if no data is given, and trains from no weights. On 400 exams 1,600 updates reached an area
of 0.70 (0.58 to 0.80) for cancer, by image, and a balanced accuracy of 0.58 (0.50 to 0.66): see docs/results.md.
"""

import ml_collections

from mammo.config import conversion
from mammo.config.run import ClassifierConfig


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    return with_settings_of_two_cores(ClassifierConfig())


def with_settings_of_two_cores(defaults: ClassifierConfig) -> ml_collections.ConfigDict:
    """Returns the configuration of a classifier with the settings that suit all of them, trained on two cores."""
    config = conversion.to_config_dict(defaults)
    config.input.batch_size = 16
    config.train_steps = 1200
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup_steps = 50
    config.optimizer.weight_decay = 0.02
    config.optimizer.averages_decay = 0.99
    config.evaluate_every_steps = 300
    config.save_every_steps = 200
    return config
