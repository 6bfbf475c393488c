"""Reads and prepares the views of an exam, in parallel; a file that cannot be read is told, and the others go on."""

import concurrent.futures
import dataclasses
import functools
import hashlib
import pathlib
import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from mammo.common.errors import ImageError
from mammo.imaging import pixel_path
from mammo.imaging.breasts import Breast
from mammo.imaging.image_file import ImageFile
from mammo.imaging.pixel_path import PreparedImage
from mammo.imaging.turns import UPRIGHT, Turn
from mammo.inference.exam_files import ViewFile

_THUMB_PX = 32
_SAME_CORRELATION = 0.999  # of thumbnails: what compression with loss changes is far finer than their pixels


@dataclasses.dataclass(frozen=True, eq=False)
class ReadView:
    """What was read of one file.

    Attributes:
        file: Which was given.
        reason: Why it could not be read, as a clause without the path; None: it was, and what follows is there.
        pixels: uint8 or uint16 [H, W], upright.
        breast: Where the breast is.
        prepared: What a model sees of it; None: it is shown apart, and no model sees it.
        decoding_s: What reading the file took; all that was done, where it could not be read.
        preparing_s: What finding the breast and preparing the view took.
        turn: How the pixels of the file were turned to be upright.
    """

    file: ViewFile
    reason: str | None = None
    pixels: np.ndarray | None = None
    breast: Breast | None = None
    prepared: PreparedImage | None = None
    decoding_s: float = 0.0
    preparing_s: float = 0.0
    turn: Turn = UPRIGHT


class Seen:
    """The images of one exam that were read so far, so that none counts twice."""

    def __init__(self) -> None:
        self._by_digest: dict[bytes, str] = {}
        self._by_instance: dict[str, tuple[str, np.ndarray]] = {}

    def same_as(self, file: ViewFile, pixels: np.ndarray, digest: bytes) -> str | None:
        """Returns the name of the file that holds the same image, or remembers this one.

        An image is the same where its pixels are, or where it is the same DICOM instance and looks alike: it was sent
        twice, once compressed with loss. Instances that do not look alike have one UID by an anonymiser's carelessness.

        Args:
            file: That was read.
            pixels: uint8 or uint16 [H, W].
            digest: Of the pixels.
        """
        name = pathlib.Path(file.name).name
        if digest in self._by_digest:
            return self._by_digest[digest]
        self._by_digest[digest] = name
        if not file.uids.instance:
            return None
        thumb = _thumb(pixels)
        if file.uids.instance not in self._by_instance:
            self._by_instance[file.uids.instance] = name, thumb
            return None
        same, other = self._by_instance[file.uids.instance]
        return same if np.corrcoef(other, thumb)[0, 1] > _SAME_CORRELATION else None


def read(
    files: Sequence[ViewFile],
    height_px: int,
    width_px: int,
    pool: concurrent.futures.Executor,
    seen: Seen | None = None,
) -> list[ReadView]:
    """Reads the files of one exam, or a part of them.

    Args:
        files: Those with a reason are not opened. What was read of a file is released once it is prepared.
        height_px: Of the prepared views.
        width_px: Of the prepared views.
        pool: Runs one task a file; threads suffice, since decoders let go of the interpreter.
        seen: What was read of the exam before; what is read here is added. None where all of the exam is read at once.

    Returns:
        A view for each file, in order.
    """
    return end(begin(files, height_px, width_px, pool), Seen() if seen is None else seen)


def begin(
    files: Sequence[ViewFile], height_px: int, width_px: int, pool: concurrent.futures.Executor
) -> Iterator[tuple[ReadView, bytes]]:
    """Begins to do as `read`; `end` gives the views. So parts of several exams are read at the same time."""
    return pool.map(functools.partial(_read_one, height_px=height_px, width_px=width_px), files)


def end(begun: Iterator[tuple[ReadView, bytes]], seen: Seen) -> list[ReadView]:
    """Waits for what `begin` began; parts of one exam are ended in their order."""
    views = []
    for view, digest in begun:
        same = None if view.pixels is None else seen.same_as(view.file, view.pixels, digest)
        if same is not None:
            reason = f"is the same image as {same}"
            views.append(ReadView(view.file, reason, decoding_s=view.decoding_s, preparing_s=view.preparing_s))
            continue
        views.append(view)
    return views


def _thumb(pixels: np.ndarray) -> np.ndarray:
    """The image shrunk to a small square: float32 [N]."""
    return cv2.resize(pixels, (_THUMB_PX, _THUMB_PX), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


def _read_one(file: ViewFile, height_px: int, width_px: int) -> tuple[ReadView, bytes]:
    """Returns the view of one file, and a digest of its pixels, empty where it could not be read."""
    start_s = time.perf_counter()
    try:
        if file.reason is not None:
            return ReadView(file, file.reason), b""
        if file.apart:
            file.image.read_size()  # a volume is refused by its tags, before all of it is read
        pixels = _decode(file.image)
        digest = hashlib.blake2b(np.ascontiguousarray(pixels).data).digest()
        decoded_s = time.perf_counter()
        breast = pixel_path.find_breast(file.image.shown_path, pixels)
        prepared = None if file.apart else pixel_path.prepare_view(pixels, breast, height_px, width_px)
    except (ImageError, OSError, MemoryError, cv2.error) as error:
        return ReadView(file, _reason_of(error), decoding_s=time.perf_counter() - start_s), b""
    finally:
        file.image.release()
    preparing_s = time.perf_counter() - decoded_s
    read = ReadView(file, None, pixels, breast, prepared, decoded_s - start_s, preparing_s, file.image.turn)
    return read, digest


def _decode(image: ImageFile) -> np.ndarray:
    """Decodes the pixels once the header has shown that they may be of a mammogram."""
    image.load()
    pixel_path.check_shape(image.shown_path, *image.read_size())
    return image.read_pixels()


def _reason_of(error: Exception) -> str:
    """Decoders and the system fail in ways that no check foresees; one file's failure is told as any other reason."""
    if isinstance(error, ImageError):
        return error.reason
    if isinstance(error, MemoryError) or getattr(error, "code", 0) == cv2.Error.STS_NO_MEM:
        return "does not fit into the memory of this machine"
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or 'unknown fault'})"
    return "is corrupt or of an unknown kind and cannot be decoded; export it again as a grey PNG"
