"""Errors that a person can correct: each has one sentence that says what is wrong and what to do."""

import pathlib
import re

_MOST_CHARACTERS = 300  # of what is quoted in a sentence


class InputError(Exception):
    """An input cannot be used. Programs print the message, without a traceback, and exit with status 1."""


class StoppedError(Exception):
    """A signal asked the program to stop, and it has saved its state; `signal_number` is that of the signal."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message, signal_number)  # both in args, so that it crosses process boundaries by pickle
        self.signal_number = signal_number

    def __str__(self) -> str:
        return str(self.args[0])


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


def in_line(error: Exception) -> str:
    """Returns a message that quotes what came from outside as one line, shortened, without control characters."""
    text = " ".join(str(error).split())
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return shown if len(shown) <= _MOST_CHARACTERS else f"{shown[:_MOST_CHARACTERS]} …"


def reason_of(error: Exception) -> str:
    """Returns the reason in an error of TensorFlow, without the path before it and the operation after it."""
    message = getattr(error, "message", None) or str(error)
    return re.sub(r"\s*\[Op:\w+\]\s*$", "", message.rpartition("; ")[2])
