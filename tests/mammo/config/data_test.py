import dataclasses

import pytest

from mammo.config.data import CropConfig, DataConfig, InputConfig
from tests.mammo.config import rules_of


@pytest.mark.parametrize(
    ("config", "changes", "said"),
    [
        (DataConfig(), {"encoding": "png"}, "--config.data.encoding=png is not known; it is one of png16, png8"),
        (DataConfig(), {"height_px": 1000}, "--config.data.height_px=1000: networks halve a view five times"),
        (DataConfig(), {"width_px": 0}, "--config.data.width_px=0: networks halve a view five times"),
        (DataConfig(), {"phantom_exams": 0}, "--config.data.phantom_exams=0 must be 1 or more"),
        (DataConfig(), {"max_rejected": -1}, "--config.data.max_rejected=-1 must be 0 or more"),
        (InputConfig(), {"batch_size": 0}, "--config.input.batch_size=0 must be 1 or more"),
        (InputConfig(), {"shuffle_buffer": 0}, "--config.input.shuffle_buffer=0 must be 1 or more"),
        (InputConfig(), {"parallel_reads": 0}, "--config.input.parallel_reads=0 must be 1 or more"),
        (InputConfig(), {"balance": "wieghts"}, "--config.input.balance=wieghts is not known"),
        (InputConfig(), {"class_weights": (1.0, 0.0, 1.0)}, "three numbers above 0, for normal, benign and cancer"),
        (InputConfig(), {"class_weights": (1.0, 2.0)}, "three numbers above 0, for normal, benign and cancer"),
        (CropConfig(), {"side_px": 100}, "--config.crop.side_px=100 must be a multiple of 32"),
        (CropConfig(), {"side_px": 0}, "--config.crop.side_px=0 must be a multiple of 32"),
        (CropConfig(), {"contexts": ()}, "--config.crop.contexts=() must be 1 to 8 numbers, each 1 or more"),
        (CropConfig(), {"contexts": (1.0,) * 9}, "must be 1 to 8 numbers, each 1 or more"),
        (CropConfig(), {"contexts": (1.5, 0.5)}, "contexts=(1.5, 0.5) must be 1 to 8 numbers, each 1 or more: all of"),
        (CropConfig(), {"min_side_px": -1.0}, "--config.crop.min_side_px=-1.0 must be 0 or more"),
        (CropConfig(), {"shift_share": 2.0}, "--config.crop.shift_share=2.0 must be from 0 to 1"),
        (CropConfig(), {"scale_range": (1.2, 0.8)}, "--config.crop.scale_range=(1.2, 0.8) must be (low, high)"),
        (CropConfig(), {"contexts": (1.0, 3.5)}, "x shift_share is 4.4, but shards hold no more than 4 times a lesion"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_flag(config, changes, said):
    rules_of.refuses(config, changes, said)


def test_the_widest_square_may_reach_as_far_as_shards_do():
    dataclasses.replace(CropConfig(), contexts=(1.0, 3.0, 2.0), scale_range=(1.0, 1.25), shift_share=0.125)
