"""What the configurations of all stages have in common, with the values that most of them take."""

import dataclasses

import ml_collections
from ml_collections import config_dict

from mammo.config.augmentation import AugmentationConfig


def get_config() -> ml_collections.ConfigDict:
    """Returns a configuration that lacks the parts of a stage: `model`, `loss` and what belongs to them."""
    config = ml_collections.ConfigDict()
    config.stage = ""
    config.seed = 0

    # Machine.
    config.devices = 0  # 0: all GPUs there are, or the processor
    config.logical_processors = 1  # parts to divide the processor into, to try several replicas without a GPU
    config.precision = "auto"  # bfloat16 where it is faster: GPUs from Ampere on, processors with AMX
    config.xla = False

    # Length, in updates of the weights.
    config.train_steps = 1000
    config.accumulate = 1  # micro-batches of each replica that one update is made from
    config.log_every_steps = 20
    config.evaluate_every_steps = 250
    config.save_every_steps = 250
    config.histograms_every_steps = 0  # 0: never
    config.profile = ()  # (first step, last step) to profile for TensorBoard

    config.data = ml_collections.ConfigDict()
    config.data.height_px = 384  # of the views that are made, where the data is not in shards yet
    config.data.width_px = 256
    config.data.encoding = "png16"
    config.data.phantom_exams = 240
    config.data.phantom_height_px = 640
    config.data.phantom_seed = 0
    config.data.max_rejected = 0  # views that may be unusable before a conversion fails

    config.augmentation = ml_collections.ConfigDict(dataclasses.asdict(AugmentationConfig()))

    config.input = ml_collections.ConfigDict()
    config.input.seed = config.get_ref("seed")
    config.input.batch_size = 8  # of one replica
    config.input.balance = "weights"  # classes come equally often, no image is left out
    config.input.class_weights = config_dict.placeholder(tuple)  # of normal, benign and cancer, with "weights"
    config.input.shuffle_buffer = 1024
    config.input.parallel_reads = 8
    config.input.max_boxes = config_dict.placeholder(int)  # in an image; as many as the fullest one has

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.kind = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 500
    config.optimizer.final_share = 0.01
    config.optimizer.weight_decay = 1e-4
    config.optimizer.clip_norm = 10.0
    config.optimizer.averages_decay = 0.999
    config.optimizer.normaliser_decay = 0.99  # of the running mean of what a batch's losses are divided by
    return config
