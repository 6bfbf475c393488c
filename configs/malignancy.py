"""The classifier of views with a lesion, benign or cancer: the hierarchical concept's second half.

From no weights it stays at chance on phantoms; `configs/comparison.py` has it begin with the backbone of the tumour
classifier.
"""

import ml_collections

from configs import whole_image


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = whole_image.get_config()
    config.stage = "malignancy"
    config.train_steps = 600
    config.optimizer.learning_rate = 1e-3
    return config
