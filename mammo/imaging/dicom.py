"""Reads one mammogram from a DICOM file: the grey levels meant for display, and what its tags say of the view."""

import contextlib
import dataclasses
import io
import logging
import pathlib
import warnings
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pydicom
import pydicom.config
from pydicom import uid
from pydicom.dataset import Dataset

from mammo.clinical import labels
from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.common.errors import ImageError
from mammo.imaging import dicom_decoding, dicom_display
from mammo.imaging.admission import Admission

# pydicom warns of every oddity, and quotes the value at fault, which may be a patient's name. It is silenced once and
# for all, since warnings.catch_warnings is not safe in threads.
warnings.filterwarnings("ignore", module=r"pydicom\b|mammo\.imaging\.dicom")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

_MODALITIES = ("MG", "CR", "DX", "SC", "OT")  # digitised film comes as secondary capture, too
_GREY = ("MONOCHROME1", "MONOCHROME2")
_RAW_CLASSES = (
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalXRayImageStorageForProcessing,
)
_BITS = (8, 16)
_DAMAGED = "is a truncated or damaged DICOM file; copy it again from its source"


@dataclasses.dataclass(frozen=True)
class DicomTags:
    """What the tags say of whom and what a file shows. "" stands for what they do not say.

    Attributes:
        uids: Of the study, the series and the image.
        patient_id: (0010,0020); not printed.
        patient_name: (0010,0010); not printed.
        laterality: From Image Laterality (0020,0062) or Laterality (0020,0060); None: unknown.
        projection: From View Position (0018,5101) or View Code Sequence (0054,0220); None: unknown, or another.
        admission: Whether it is a view to judge.
    """

    uids: Uids
    patient_id: str = dataclasses.field(repr=False)
    patient_name: str = dataclasses.field(repr=False)
    laterality: Laterality | None
    projection: Projection | None
    admission: Admission = dataclasses.field(default_factory=Admission)


@dataclasses.dataclass(frozen=True, eq=False)
class DicomFile:
    """A file that has been parsed; tags, size and pixels come from that one parse.

    Attributes:
        path: For messages.
        dataset: What was parsed.
        content: All of the file; None: only the tags before its pixels were parsed.
    """

    path: pathlib.Path
    dataset: Dataset = dataclasses.field(repr=False)
    content: bytes | None = dataclasses.field(repr=False)

    def tags(self) -> DicomTags:
        """Returns what the tags say of the view.

        Raises:
            ImageError: They are damaged.
        """
        with _refused_as(self.path, _DAMAGED):
            return DicomTags(
                uids=Uids(
                    study=_text(self.dataset, "StudyInstanceUID"),
                    series=_text(self.dataset, "SeriesInstanceUID"),
                    instance=_text(self.dataset, "SOPInstanceUID"),
                ),
                patient_id=_text(self.dataset, "PatientID"),
                patient_name=_text(self.dataset, "PatientName"),
                laterality=_laterality(self.dataset),
                projection=_projection(self.dataset),
            )

    def size_px(self, max_pixels: int) -> tuple[int, int]:
        """Returns (height_px, width_px) once the tags have shown that this is a view.

        Args:
            max_pixels: An image of more is refused.

        Raises:
            ImageError: As `pixels`, so far as the tags show it.
        """
        with _refused_as(self.path, _DAMAGED):
            _check(self.path, self.dataset, max_pixels)
            return int(self.dataset.Rows), int(self.dataset.Columns)

    def pixels(self, max_pixels: int) -> np.ndarray:
        """Decodes one single-frame grey image.

        Modality LUT, then VOI LUT or window (PS3.3, C.11.1 and C.11.2), then MONOCHROME1 turned over, then stretched
        over the 16 bits: what a viewer shows by default. Padding (PS3.3, C.7.5.1.1.2) takes no part in the stretch; it
        is black.

        Args:
            max_pixels: An image of more is refused before it is decoded.

        Returns:
            uint16 [H, W], brighter meaning denser tissue.

        Raises:
            ImageError: It is truncated, holds no pixels or several frames, is raw detector data, of another
                modality, too large, or in a transfer syntax that cannot be decoded.
        """
        if self.content is None:
            raise ImageError(self.path, _DAMAGED)
        self.size_px(max_pixels)
        with _refused_as(self.path, _DAMAGED):
            syntax = dicom_decoding.check(self.path, self.dataset)
        with _refused_as(self.path, f"has pixel data ({syntax.name}) that is truncated or cannot be decoded"):
            stored = dicom_decoding.stored(self.dataset, syntax)
        with _refused_as(self.path, "has a window or a look-up table that cannot be applied; export it again"):
            return dicom_display.displayed(self.dataset, stored)


def parse(path: pathlib.Path, content: bytes) -> DicomFile:
    """Parses a whole file; of one that ends within its pixels, the tags that stand before them.

    Args:
        path: For messages.
        content: Of the file.

    Raises:
        ImageError: It is damaged.
    """
    with contextlib.suppress(ImageError), _refused_as(path, _DAMAGED):
        dataset = pydicom.dcmread(io.BytesIO(content))
        if len(dataset):
            return DicomFile(path, dataset, content)
    # Where a file ends within compressed pixels, pydicom gives no tags at all; they still tell whose the image is.
    return parse_tags(path, io.BytesIO(content))


def parse_tags(path: pathlib.Path, file: BinaryIO) -> DicomFile:
    """Parses the tags of an open file, and reads no further than to its pixels.

    Raises:
        ImageError: They are damaged.
    """
    with _refused_as(path, _DAMAGED):
        return DicomFile(path, pydicom.dcmread(file, stop_before_pixels=True), None)


@contextlib.contextmanager
def _refused_as(path: pathlib.Path, reason: str) -> Iterator[None]:
    """Whatever goes wrong with one file is its own fault: pydicom and its plugins raise errors of any kind."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception:
        # Without its cause, which may quote a value, and so a patient's name.
        raise ImageError(path, reason) from None


def _check(path: pathlib.Path, dataset: Dataset, max_pixels: int) -> None:
    if dataset.get("Rows") is None or dataset.get("Columns") is None:
        raise ImageError(path, "is a DICOM file without an image; it may be truncated" if len(dataset) else _DAMAGED)
    modality = dataset.get("Modality") or "OT"
    if modality not in _MODALITIES:
        raise ImageError(path, f"is of modality {modality}, not a mammogram (MG)")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise ImageError(path, f"has {dataset.NumberOfFrames} frames (tomosynthesis?); one is expected")
    if dataset.get("PresentationIntentType") == "FOR PROCESSING" or dataset.get("SOPClassUID") in _RAW_CLASSES:
        raise ImageError(path, "holds raw detector data (FOR PROCESSING); give the FOR PRESENTATION image")
    if dataset.get("PhotometricInterpretation") not in _GREY or int(dataset.get("SamplesPerPixel") or 1) != 1:
        raise ImageError(path, f"is {dataset.get('PhotometricInterpretation')}, not grey levels")
    if dataset.get("BitsAllocated") not in _BITS:
        raise ImageError(path, f"stores {dataset.get('BitsAllocated')} bits for a pixel; 8 or 16 are expected")
    height_px, width_px = int(dataset.Rows), int(dataset.Columns)
    if not height_px * width_px:
        raise ImageError(path, f"has {height_px} × {width_px} pixels, which is no image")
    if height_px * width_px > max_pixels:
        raise ImageError(path, f"has {height_px:,} × {width_px:,} pixels; more than {max_pixels:,} is no mammogram")


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()


def _laterality(dataset: Dataset) -> Laterality | None:
    return labels.parse_laterality(_text(dataset, "ImageLaterality") or _text(dataset, "Laterality"))


def _projection(dataset: Dataset) -> Projection | None:
    stated = _text(dataset, "ViewPosition")
    if stated:
        return labels.parse_projection(stated)
    codes = dataset.get("ViewCodeSequence") or []
    return labels.projection_of_code(_text(codes[0], "CodeValue")) if codes else None
