"""Errors a person can put right: each carries one sentence that says what is wrong and what to do."""

import pathlib
import re


class InputError(Exception):
    """What was given cannot be used. Programs print it as one sentence, without a traceback, and exit with 1."""


class StoppedError(Exception):
    """Work was asked to stop, and has saved where it stands; `signal_number` tells by which signal."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


class ImageError(InputError):
    """One image, or what belongs to it, cannot be used; the others may.

    Attributes:
        path: The file at fault.
        reason: Why, as a clause without the path: "is truncated", "has 4 channels (CMYK?)".
    """

    def __init__(self, path: pathlib.Path, reason: str) -> None:
        super().__init__(path, reason)  # both in args, so that it crosses process boundaries by pickle
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


def reason_of(error: Exception) -> str:
    """Returns what an error of TensorFlow comes to, without the path before it and the operation behind it."""
    message = getattr(error, "message", None) or str(error)
    return re.sub(r"\s*\[Op:\w+\]\s*$", "", message.rpartition("; ")[2])
