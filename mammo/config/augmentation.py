"""How much images are varied in training: every probability and range, and nothing of TensorFlow."""

import dataclasses
from typing import Literal

from mammo.config import checks

Range = tuple[float, float]

_AUGMENTATION = "--config.augmentation."

MAX_BLUR_SIGMA_PX = 0.7
"""The kernel is mixed from no blur and [1, 2, 1] / 4 along each axis, of variance 1/2: σ cannot be above √(1/2)."""

MAX_CUTOUT_COUNT = 4
"""As many as the draws of one operation have room for, see `seeds.DRAWS_PER_OPERATION`."""


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """Ranges to draw from, for each image anew. The defaults are about half of those of Shen et al. 2019.

    Shen et al., "Deep Learning to Improve Breast Cancer Detection on Screening Mammography", Scientific Reports 2019:
    both flips, rotation by 25 degrees, shear by 0.2 radians, zoom by 0.8 to 1.2, grey levels shifted by 20 of 255. They
    classify whole images; a detector's boxes loosen with rotation and shear.

    Attributes:
        flip_horizontal: Probability. 0, as the pixel path turns every chest wall to the left.
        flip_vertical: Probability.
        rotation_degrees: By at most so much, either way.
        scale_range: Lowest and highest magnification; its logarithm is drawn evenly.
        shear_degrees: Vertical lines lean by at most so much, either way.
        beyond: What turning and shrinking bring into the frame from beyond it: "black", as of views, or "mirrored", the
            image again, so that a crop full of tissue stays so.
        turns_about_frame: Whether images turn and are mirrored about the middle of the frame: for crops, whose focus is
            there. Views do about the middle of the tissue, which may fill a corner of the frame.
        shift_share: Of the height and of the width, at most, either way.
        min_visible_share: Of a lesion's box, by area: a lesion of which less is left is dropped.
        gamma_range: Lowest and highest exponent; its logarithm is drawn evenly.
        contrast_range: Lowest and highest factor, about the breast's mean; its logarithm is drawn evenly.
        brightness: Of the full scale, added to the breast, at most, either way.
        blur_sigma_px: Standard deviation of the blur, at most; up to `MAX_BLUR_SIGMA_PX`.
        noise_std: Of the full scale, at most.
        cutout_count: Rectangles that are blacked out (DeVries and Taylor 2017); up to `MAX_CUTOUT_COUNT`. 0, as a
            lesion is a hundredth of the image: half of one that is hidden may be all that told benign from cancer.
        cutout_share: Sides of a rectangle, of the height and of the width, at most.
    """

    flip_horizontal: float = 0.0
    flip_vertical: float = 0.5
    rotation_degrees: float = 12.0
    scale_range: Range = (0.9, 1.1)
    shear_degrees: float = 5.0
    beyond: Literal["black", "mirrored"] = "black"
    turns_about_frame: bool = False
    shift_share: float = 0.05
    min_visible_share: float = 0.5
    gamma_range: Range = (0.8, 1.25)
    contrast_range: Range = (0.85, 1.18)
    brightness: float = 0.05
    blur_sigma_px: float = 0.5
    noise_std: float = 0.01
    cutout_count: int = 0
    cutout_share: float = 0.2

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A probability or a range cannot be.
        """
        checks.choices(_AUGMENTATION, self)
        shares = ("flip_horizontal", "flip_vertical", "shift_share", "min_visible_share", "cutout_share")
        checks.between(_AUGMENTATION, self, 0, 1, *shares, "brightness", "noise_std")
        checks.between(_AUGMENTATION, self, 0, 180, "rotation_degrees")
        checks.between(_AUGMENTATION, self, 0, 45, "shear_degrees")
        checks.between(_AUGMENTATION, self, 0, MAX_BLUR_SIGMA_PX, "blur_sigma_px")
        checks.between(_AUGMENTATION, self, 0, MAX_CUTOUT_COUNT, "cutout_count")
        checks.interval(_AUGMENTATION, self, "scale_range", "gamma_range", "contrast_range")

    @classmethod
    def off(cls) -> "AugmentationConfig":
        """Returns options under which nothing is varied, to switch single operations on with `dataclasses.replace`."""
        return cls(
            flip_vertical=0,
            rotation_degrees=0,
            scale_range=(1, 1),
            shear_degrees=0,
            shift_share=0,
            gamma_range=(1, 1),
            contrast_range=(1, 1),
            brightness=0,
            blur_sigma_px=0,
            noise_std=0,
        )

    @property
    def moves(self) -> bool:
        """Whether any pixel moves."""
        shares = (self.flip_horizontal, self.flip_vertical, self.rotation_degrees, self.shear_degrees, self.shift_share)
        return any(shares) or set(self.scale_range) != {1}
