"""One image file, PNG, JPEG or DICOM: opened once, its content read once, and a DICOM file parsed once."""

import contextlib
import io
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from mammo.common.errors import ImageError
from mammo.imaging import file_kinds, limits, png_jpeg, turns
from mammo.imaging.file_kinds import Format, Kind
from mammo.imaging.turns import UPRIGHT, Turn

if TYPE_CHECKING:
    from mammo.imaging.dicom import DicomFile, DicomTags

MAX_PIXELS = 120_000_000
"""More than any film scanner or detector gives (DDSM's largest scan has 30 million pixels). Past it a file is
refused before it is decoded, so that no file can take the memory of the machine."""

_MAX_FILE_BYTES = 2 * MAX_PIXELS + (64 << 20)  # the largest image uncompressed, with 16 bits and with much beside it
_DICOM_BYTES_PER_PIXEL = 8  # while it is decoded: stored values, their keys, what is displayed


class ImageFile:
    """A file, or the bytes of one, whose tags, size and pixels are asked for in any order.

    The kind of file is told by its content, never by its name. What was read of a file is kept until `release`, so
    that asking for its tags, its size and its pixels opens and parses it once. One thread at a time may use it.

    Attributes:
        path: Of the file; None: its bytes were given.
        name: For people: the path as it was given, or the name that was given with the bytes.
        kind: What it is by its first bytes; None: it was not opened yet, or cannot be, or is empty.
        turn: How the pixels that were read last were turned to stand upright.
    """

    def __init__(self, source: pathlib.Path | bytes, name: str = "image") -> None:
        """Remembers what is meant, and opens nothing yet.

        Args:
            source: A PNG, JPEG or DICOM file, or the content of one.
            name: Of bytes, for messages; a file is called by its path.
        """
        self.path = source if isinstance(source, pathlib.Path) else None
        self.name = str(source) if isinstance(source, pathlib.Path) else name
        self.kind: Kind | None = None
        self._given = source if isinstance(source, bytes) else None
        self._content: bytes | None = None
        self._dicom: DicomFile | None = None
        self._tags: DicomTags | None = None
        self.turn: Turn = UPRIGHT
        self._has_tags = False  # whether `_tags` is known, which is None where the file is no DICOM

    def __repr__(self) -> str:
        return f"ImageFile({self.name!r})"

    @property
    def shown_path(self) -> pathlib.Path:
        """The path that an `ImageError` about this file carries; of bytes, a path that is their name alone."""
        return self.path or pathlib.Path(self.name)

    @property
    def kept_bytes(self) -> int:
        """About how much memory is taken by what was read and is kept until `release`.

        A parsed DICOM file has its pixel data twice: in its content, and as a value.
        """
        return len(self._content or b"") * (2 if self._dicom else 1)

    def read_tags(self, keep_bytes: int = 0) -> "DicomTags | None":
        """Returns what the tags of a DICOM file say; None: it is none.

        Args:
            keep_bytes: Where reading and parsing all of the file takes no more memory than this, its content is kept
                for what is asked next; otherwise no more than its beginning is read, and only the tags are kept.

        Raises:
            ImageError: The file is missing, empty, or may not be read, or its tags are damaged.
        """
        if not self._has_tags:
            with self._opened(keep_bytes // 2) as file:
                dicom = self._dicom_of(file)
                self._tags = dicom.tags() if dicom else None
            self._has_tags = True
        return self._tags

    def read_size(self) -> tuple[int, int]:
        """Returns (height_px, width_px), as stored, from the header; where the content is not kept, only that is read.

        Raises:
            ImageError: As `read_pixels`, so far as the header shows it.
        """
        with self._opened(0) as file:
            dicom = self._dicom_of(file)
            return dicom.size_px(MAX_PIXELS) if dicom else png_jpeg.read_size(self.shown_path, file, MAX_PIXELS)

    def read_pixels(self) -> np.ndarray:
        """Returns the grey levels of the image as they are stored; those of DICOM as they are meant for display.

        A DICOM view that lies on its side or on its head, by its tags, is turned upright; `turn` tells how.

        Returns:
            uint8 or uint16 [H, W], brighter meaning denser tissue.

        Raises:
            ImageError: The file is missing, empty, truncated, corrupt, too large, or no grey image of a kind
                known here.
        """
        content = self.load()
        dicom = self._dicom_of(io.BytesIO(content))
        if dicom is None:
            return png_jpeg.read_pixels(self.shown_path, content, MAX_PIXELS)
        height_px, width_px = dicom.size_px(MAX_PIXELS)
        with limits.decoding(_DICOM_BYTES_PER_PIXEL * height_px * width_px):
            stored = dicom.pixels(MAX_PIXELS)
            self.turn = turns.confirmed(dicom.turn(), stored)
            return self.turn.apply(stored)

    def load(self) -> bytes:
        """Reads all of the file, unless it was read already, and keeps and returns it.

        Raises:
            ImageError: The file is missing, empty, too large, or cannot be read.
        """
        if self._content is None:
            with self._opened(None):
                pass
        assert self._content is not None
        return self._content

    def release(self) -> None:
        """Lets go of what was read; its tags stay known, and a file is opened again when more is asked of it."""
        self._content = None
        self._dicom = None

    @contextlib.contextmanager
    def _opened(self, keep_bytes: int | None) -> Iterator[BinaryIO]:
        """Yields the content, of the file or kept; keeps all of a file of no more bytes than this, None: of any."""
        if self._content is None and self._given is not None:
            if not self._given:
                raise ImageError(self.shown_path, "is empty (0 bytes); copy it again from its source")
            self._content = self._given
            self.kind = file_kinds.kind_of(self._given[: file_kinds.START_BYTES])
        if self._content is not None:
            yield io.BytesIO(self._content)
            return
        with _open(self.shown_path) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if keep_bytes is None and size_bytes > _MAX_FILE_BYTES:
                raise ImageError(self.shown_path, f"has {size_bytes / 1e6:,.0f} MB, more than any mammogram")
            self.kind = file_kinds.kind_of(file.read(file_kinds.START_BYTES))
            file.seek(0)
            is_kept = self.kind.format != Format.OTHER and size_bytes <= (keep_bytes or 0)
            if keep_bytes is None or is_kept:
                self._content = file.read()
                yield io.BytesIO(self._content)
            else:
                yield file

    def _dicom_of(self, file: BinaryIO) -> "DicomFile | None":
        """Parses the content: all of it, and once, where it is kept; its tags alone where it is not."""
        if self._dicom is not None:
            return self._dicom
        if self.kind is None or self.kind.format != Format.DICOM:
            return None
        from mammo.imaging import dicom  # noqa: PLC0415  pydicom takes a while to import, and most files are no DICOM

        if self._content is None:
            return dicom.parse_tags(self.shown_path, file)
        self._dicom = dicom.parse(self.shown_path, self._content)
        return self._dicom


@contextlib.contextmanager
def _open(path: pathlib.Path) -> Iterator[BinaryIO]:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ImageError(path, "is a folder, not an image")
        if not stat.S_ISREG(found.st_mode):  # to open a pipe would wait for ever
            raise ImageError(path, "is no file that holds an image")
        if not found.st_size:
            raise ImageError(path, "is empty (0 bytes); copy it again from its source")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        is_link = path.is_symlink()
        raise ImageError(path, "is a link to a file that is missing" if is_link else "is missing") from None
    except PermissionError:
        raise ImageError(path, "may not be read; change its permissions") from None
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror or error})") from None
