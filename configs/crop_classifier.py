"""The classifier of crops, background, benign or cancer, on two cores and nothing else: `--stage=crop_classifier`."""

import ml_collections

from configs import whole_image
from mammo.config.run import CropClassifierConfig


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = whole_image.with_settings_of_two_cores(CropClassifierConfig())
    config.model.standardizes = True

    # A crop has no up and down, and is full of tissue: more may vary than on a whole view.
    config.augmentation.flip_horizontal = 0.5
    config.augmentation.rotation_degrees = 180.0
    config.augmentation.turns_about_frame = True
    config.augmentation.shift_share = 0.0  # the crop was moved already, and stretched

    config.input.batch_size = 32
    config.train_steps = 3600
    config.optimizer.learning_rate = 2e-3
    config.evaluate_every_steps = 600
    return config
