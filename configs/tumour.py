"""The classifier of whole views, normal or tumour: the hierarchical concept's first half."""

import ml_collections

from configs import whole_image


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = whole_image.get_config()
    config.stage = "tumour"
    config.train_steps = 600
    config.optimizer.learning_rate = 1e-3
    return config
