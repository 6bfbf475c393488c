"""The classifier of crops, background, benign or cancer, on two cores and nothing else: `--stage=crop_classifier`."""

import ml_collections

from configs import whole_image


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = whole_image.get_config()
    config.stage = "crop_classifier"
    config.with_background = True  # whether it rejects false alarms, too

    config.model.standardizes = True

    config.crop = ml_collections.ConfigDict()
    config.crop.side_px = 96
    config.crop.context = 1.5
    config.crop.min_side_px = 0.0  # of the source: what is smaller is shown at its size
    config.crop.shift_share = 0.1
    config.crop.scale_range = (0.8, 1.2)

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
