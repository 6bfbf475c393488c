"""Where images come from, how they are stored, cut and batched. No TensorFlow."""

import dataclasses
import enum
from typing import Literal

from mammo.config import checks

SIDE_MULTIPLE_PX = 32
"""Height and width of an image are multiples of it: networks halve an image five times, and double it back."""

CROP_CONTEXT = 4.0
"""Shards hold each lesion with its surroundings, a square this many times as long as the lesion."""

LABEL_COUNT = 3
"""Labels of an image: normal, benign, cancer."""

_MOST_CONTEXTS = 8
_ROUNDING = 1e-6
_DATA, _INPUT, _CROP = "--config.data.", "--config.input.", "--config.crop."


class Encoding(enum.StrEnum):
    """How an image is stored in a record. Time to decode 1024×640 on one core, and size, relative to png16."""

    PNG16 = "png16"  # lossless; 1, 1
    PNG8 = "png8"  # 8 bit, lossless; 0.6, 0.4
    JPEG = "jpeg"  # 8 bit, quality 95; 0.2, 0.1
    RAW = "raw"  # 16 bit, lossless; 0.07, 2


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """How views are drawn and converted where the data is not in shards yet.

    Attributes:
        height_px: Height of a converted view.
        width_px: Width of a converted view.
        encoding: How images are stored, an `Encoding`.
        phantom_exams: Number of synthetic exams to draw where no data is given.
        phantom_height_px: Height of a drawn view, before conversion.
        phantom_seed: Seed of the drawing.
        max_rejected: Number of unusable views above which a conversion fails.
    """

    height_px: int = 384
    width_px: int = 256
    encoding: str = Encoding.PNG16.value
    phantom_exams: int = 240
    phantom_height_px: int = 640
    phantom_seed: int = 0
    max_rejected: int = 0

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: The encoding is not known, or networks cannot halve a side five times.
        """
        checks.choice(f"{_DATA}encoding", self.encoding, Encoding)
        for name in ("height_px", "width_px"):
            side_px = getattr(self, name)
            checks.require(
                side_px >= 1 and side_px % SIDE_MULTIPLE_PX == 0,
                f"{_DATA}{name}={side_px}: networks halve a view five times, so that it must be a multiple of "
                f"{SIDE_MULTIPLE_PX}.",
            )
        checks.at_least(_DATA, self, 1, "phantom_exams", "phantom_height_px")
        checks.at_least(_DATA, self, 0, "phantom_seed", "max_rejected")


@dataclasses.dataclass(frozen=True)
class InputConfig:
    """How training data is drawn and batched.

    Attributes:
        batch_size: Images in a batch of one replica.
        balance: What an epoch holds. "none": each image once. "weights": each image at least once, the rarer classes
            more often, no image left out. "study": one in four of the normal images, always the same, and each other
            one once, as the 2022 study did.
        class_weights: With "weights": how often images of (normal, benign, cancer) come, relative to each other; the
            least is once an epoch. None: so that all classes have the same share.
        shuffle_buffer: How many images, as stored, wait to be drawn from.
        parallel_reads: How many files are open at a time.
        max_boxes: Room for boxes in an image; None: as many as the fullest image of the split has.
    """

    batch_size: int = 8
    balance: Literal["none", "weights", "study"] = "weights"
    class_weights: tuple[float, ...] | None = None
    shuffle_buffer: int = 1024
    parallel_reads: int = 8
    max_boxes: int | None = None

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A field has a value that cannot be.
        """
        checks.choices(_INPUT, self)
        checks.at_least(_INPUT, self, 1, "batch_size", "shuffle_buffer", "parallel_reads")
        weights = self.class_weights
        checks.require(
            weights is None or (len(weights) == LABEL_COUNT and min(weights) > 0),
            f"{_INPUT}class_weights={weights} must be three numbers above 0, for normal, benign and cancer.",
        )


@dataclasses.dataclass(frozen=True)
class CropConfig:
    """How a square is laid about a focus, for a network that judges crops.

    Attributes:
        side_px: Side of the image that is made.
        contexts: Sides of the squares about one middle, each a channel of the image, as multiples of the longer side of
            the focus: the lesion alone shows its grain and its margin, a wider square the tissue that it pulls at.
        min_side_px: No square is smaller, in pixels of the source file. Small lesions keep their true size, which
            helps since cancers tend to be larger.
        shift_share: In training, the squares are moved by at most so much of the longer side of the focus, either way.
        scale_range: In training, the size is multiplied by a number between these, whose logarithm is drawn evenly.
            Both are bounded by what shards hold around a lesion: `CROP_CONTEXT`.
    """

    side_px: int = 96
    contexts: tuple[float, ...] = (1.5,)
    min_side_px: float = 0.0
    shift_share: float = 0.1
    scale_range: tuple[float, float] = (0.8, 1.2)

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            InputError: A field has a value that cannot be, or crops would reach beyond what shards hold.
        """
        checks.require(
            self.side_px >= 1 and self.side_px % SIDE_MULTIPLE_PX == 0,
            f"{_CROP}side_px={self.side_px} must be a multiple of {SIDE_MULTIPLE_PX}.",
        )
        contexts = tuple(self.contexts)
        checks.require(
            0 < len(contexts) <= _MOST_CONTEXTS and all(context >= 1 for context in contexts),
            f"{_CROP}contexts={contexts} must be 1 to {_MOST_CONTEXTS} numbers, each 1 or more: all of the lesion.",
        )
        checks.at_least(_CROP, self, 0, "min_side_px")
        checks.between(_CROP, self, 0, 1, "shift_share")
        checks.interval(_CROP, self, "scale_range")
        reach = max(contexts) * self.scale_range[1] + 2 * self.shift_share
        checks.require(
            reach <= CROP_CONTEXT + _ROUNDING,
            f"{_CROP.removesuffix('.')}: the widest context x the highest scale + 2 x shift_share is {reach:.3g}, but "
            f"shards hold no more than {CROP_CONTEXT:g} times a lesion.",
        )
