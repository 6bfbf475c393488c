import dataclasses

import pytest

from mammo.common.errors import InputError
from mammo.config.augmentation import AugmentationConfig


def test_the_defaults_keep_the_chest_wall_at_the_left():
    assert AugmentationConfig().flip_horizontal == 0


def test_off_moves_nothing_and_each_geometric_operation_does():
    off = AugmentationConfig.off()
    assert not off.moves
    for change in (
        {"flip_horizontal": 0.5}, {"flip_vertical": 0.5}, {"rotation_degrees": 1}, {"scale_range": (1, 1.1)},
        {"shear_degrees": 1}, {"shift_share": 0.1},
    ):  # fmt: skip
        assert dataclasses.replace(off, **change).moves, change
    assert not dataclasses.replace(off, gamma_range=(0.5, 2), noise_std=0.1, cutout_count=1).moves


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flip_vertical": 1.5}, "augmentation.flip_vertical=1.5 must be from 0 to 1"),
        ({"blur_sigma_px": 3.0}, "blur_sigma_px=3.0 must be from 0 to 0.7"),
        ({"cutout_count": 9}, "cutout_count=9 must be from 0 to 4"),
        ({"rotation_degrees": -5.0}, "rotation_degrees=-5.0 must be from 0 to 180"),
        ({"scale_range": (1.2, 0.8)}, "scale_range=.1.2, 0.8. must be .low, high."),
        ({"beyond": "white"}, "augmentation.beyond=white is not known; it is black or mirrored"),
        ({"gamma_range": (0.0, 1.0)}, "gamma_range=.0.0, 1.0. must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(change, message):
    with pytest.raises(InputError, match=message):
        AugmentationConfig(**change)
