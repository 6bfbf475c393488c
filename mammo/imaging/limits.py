"""What an image may cost. It is told from what its decoder will see, before the decoder takes any memory."""

_MAX_BYTES_PER_PIXEL = 2  # of the largest image: grey, 16 bit


class UnusableError(ValueError):
    """What was read is damaged, or no image that is read here; the message is a clause: "is truncated"."""


class DamagedError(UnusableError):
    """A part of it is missing or was changed; the message adds what to do."""

    def __init__(self, clause: str) -> None:
        super().__init__(f"{clause}; copy it again from its source")


def check(height_px: int, width_px: int, working_bytes: int, max_pixels: int) -> None:
    """Refuses an image that is larger than any mammogram.

    Args:
        height_px: Of the image.
        width_px: Of the image.
        working_bytes: What its decoder takes: for all channels, and for coefficients where it keeps them.
        max_pixels: How many pixels an image may have, were it grey of 16 bits.

    Raises:
        UnusableError: It is larger.
    """
    if height_px * width_px > max_pixels:
        raise UnusableError(
            f"has {height_px:,} × {width_px:,} pixels; more than {max_pixels:,} is more than any mammogram"
        )
    if working_bytes > _MAX_BYTES_PER_PIXEL * max_pixels:
        raise UnusableError(
            f"has {height_px:,} × {width_px:,} pixels and takes {working_bytes / 1e6:,.0f} MB to decode, more than any "
            "mammogram; export it as a grey PNG"
        )
