"""Errors that a person can correct: each has one sentence that says what is wrong and what to do."""

import pathlib
import re


class InputError(Exception):
    """An input cannot be used. Programs print the message, without a traceback, and exit with status 1."""


class StoppedError(Exception):
    """A signal asked the program to stop, and it has saved its state; `signal_number` is that of the signal."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


class ImageError(InputError):
    """One image, or a file that belongs to it, cannot be used; other images still can.

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
    """Returns the reason in an error of TensorFlow, without the path before it and the operation after it."""
    message = getattr(error, "message", None) or str(error)
    return re.sub(r"\s*\[Op:\w+\]\s*$", "", message.rpartition("; ")[2])
