"""The four concepts of the 2022 study, on two cores and nothing else: what `//mammo:compare` takes.

Draws 400 synthetic exams, if no data is given, and trains six models from no weights. Each concept has about the same
time to train, whether it is of one model or of two: see `train_steps`. Cost and result stand in docs/results.md.
"""

import ml_collections

from configs import crop_classifier, detector, malignancy, tumour, whole_image
from mammo.config import conversion
from mammo.config.data import DataConfig


def get_config() -> ml_collections.ConfigDict:
    """Returns the configuration of each model, under `models`, on one and the same data."""
    config = ml_collections.ConfigDict()
    config.data = conversion.to_config_dict(DataConfig())
    config.data.phantom_exams = 400

    config.models = ml_collections.ConfigDict()
    config.models.whole_image = _with_length(whole_image.get_config(), 1300)
    config.models.tumour = _with_length(tumour.get_config(), 750)
    config.models.malignancy = _with_length(malignancy.get_config(), 550)
    config.models.malignancy.model.keeps_statistics = False  # those of another model's backbone, trained on other views
    config.models.detector = _with_length(detector.get_config(), 2800)
    config.models.finder = _with_length(detector.get_config(), 1300)
    config.models.finder.model.is_class_blind = True
    config.models.crop_classifier = _with_length(crop_classifier.get_config(), 1450)

    # Which model begins with the backbone of which other. From no weights, malignancy stays at chance on whole views
    # (0.54 on validation after 500 updates; with the tumour classifier's backbone 0.63 after 150).
    config.backbone_from = ml_collections.ConfigDict({"malignancy": "tumour"})
    return config


def _with_length(config: ml_collections.ConfigDict, train_steps: int) -> ml_collections.ConfigDict:
    """Sets how long a model trains, and has it evaluated four times on the way."""
    config.train_steps = train_steps
    config.evaluate_every_steps = train_steps // 4
    config.save_every_steps = 200
    return config
