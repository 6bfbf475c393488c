"""The classifier of views with a lesion, benign or cancer: the hierarchical concept's second half."""

import ml_collections

from configs import whole_image


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = whole_image.get_config()
    config.stage = "malignancy"
    config.train_steps = 600
    config.optimizer.learning_rate = 1e-3  # from no weights it stays at chance, with twice as much, too
    return config
