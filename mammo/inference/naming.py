"""Names of files for what people call their exams and views: close to what was given, and safe on any file system."""

import re
import unicodedata
from collections.abc import Iterable

from mammo.common import plain

EARLIER_FOLDER = "earlier"
"""Of answers of earlier runs, in the folder of the answers."""

_OF_ALL_EXAMS = ("predictions.csv", "report.html", EARLIER_FOLDER)
"""What a run writes beside the files of its exams."""

MOST_BYTES = 120
"""Of a name, in UTF-8. File systems take 255, encrypted ones 143 (eCryptfs), and suffixes are added."""

_NUMBER_BYTES = 8  # what a name with a number after it has room for

_SEPARATORS = frozenset('/\\:*?"<>|')
"""What parts paths, or no file of Windows may have in its name."""

_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(?![^.])", re.IGNORECASE)  # on Windows, whatever the suffix
_IMAGE_SUFFIX = re.compile(r"(?<=.)\.(png|jpe?g|jpe|dcm|dicom|dic|ima)$", re.IGNORECASE | re.DOTALL)


class Names:
    """Gives names, each once, also where upper and lower case are one, and however a letter with an accent is coded.

    Each costs about the same, however many are equal.
    """

    def __init__(self, endings: Iterable[str] = ("",), reserved: Iterable[str] = ()) -> None:
        """No name is given yet.

        Args:
            endings: What is written under a name: `x` and `x.json`, if they are "" and ".json".
            reserved: Names of files that are written beside them.
        """
        self._endings = tuple(endings)
        self._taken = {_key(name) for name in reserved}
        self._numbers: dict[str, int] = {}  # the last one that was given, by what stands before it

    def take(self, text: str, otherwise: str) -> str:
        """Returns a name for `text`, with a number after it where it is taken; `otherwise` where there is no text."""
        name = safe(text) or otherwise
        if self._is_free(name):
            return self._taking(name)
        stem = _end(name, MOST_BYTES - _NUMBER_BYTES)
        number = self._numbers.get(_key(stem), 1) + 1
        while not self._is_free(f"{stem}_{number}"):
            number += 1
        self._numbers[_key(stem)] = number
        return self._taking(f"{stem}_{number}")

    def _is_free(self, name: str) -> bool:
        return not any(_key(name + ending) in self._taken for ending in self._endings)

    def _taking(self, name: str) -> str:
        self._taken.update(_key(name + ending) for ending in self._endings)
        return name


def of_exams() -> Names:
    """Returns what names the exams of a run: exam x is written as the file `x.json` and the folder `x`."""
    return Names(("", ".json"), _OF_ALL_EXAMS)


def of_view(file_name: str) -> str:
    """Returns what a view is called: the file's name without the suffix of an image; `1.2.840.7` is kept whole."""
    return _IMAGE_SUFFIX.sub("", file_name)


def safe(text: str) -> str:
    """Returns text as a file may be called; "" where there is none.

    Letters, digits and signs of any script stay, composed (NFC). "_" stands for what parts words, paths or lines, for
    what cannot be shown (see `plain`), and for what is no name everywhere. Of long text the end stays.
    """
    composed = unicodedata.normalize("NFC", text[-2 * MOST_BYTES :])  # more than what stays
    name = _end("".join(char if char.isalnum() else _sign(char) for char in composed), MOST_BYTES)
    name = re.sub(r"\.$", "_", name)  # Windows cuts it
    return f"_{_end(name, MOST_BYTES - 1)}" if _DEVICE.match(name) else name


def _sign(char: str) -> str:
    is_kept = char not in _SEPARATORS and plain.is_safe(char) and not unicodedata.category(char).startswith("Z")
    return char if is_kept else "_"


def _end(name: str, most_bytes: int) -> str:
    """The end of a name, cut before a character, and not before an accent that belongs to the one before it."""
    kept = name.encode()[-most_bytes:].decode(errors="ignore")
    while len(kept) < len(name) and kept and unicodedata.combining(kept[0]):
        kept = kept[1:]
    return re.sub(r"^\.", "_", kept)  # no hidden file


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
