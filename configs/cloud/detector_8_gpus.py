"""The detector on eight GPUs of one machine: a global batch of 64, the rate raised with it (Goyal et al. 2017).

Not yet measured on GPUs: what it costs and reaches is not known.
"""

import ml_collections

from configs.cloud import detector_1_gpu


def get_config() -> ml_collections.ConfigDict:
    """Returns it."""
    config = detector_1_gpu.get_config()
    config.devices = 8
    config.model.batch_norm = "replica"  # of the 8 images of each GPU; what replicas share cannot be compiled
    config.train_steps = 6_000
    config.optimizer.learning_rate = 2e-3
    config.optimizer.averages_decay = 0.999
    config.evaluate_every_steps = 250
    config.save_every_steps = 250
    return config
