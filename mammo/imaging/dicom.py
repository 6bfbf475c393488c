"""Reads one mammogram from a DICOM file: the grey levels meant for display, and what its tags say of the view."""

import contextlib
import dataclasses
import functools
import io
import logging
import pathlib
import warnings
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pydicom.config
from pydicom import uid
from pydicom.dataset import Dataset

from mammo.clinical.exams import Uids
from mammo.clinical.labels import Laterality, Projection
from mammo.common.errors import ImageError
from mammo.imaging import (
    admission,
    dicom_decoding,
    dicom_display,
    dicom_facts,
    dicom_parsing,
    dicom_values,
    polarity,
    turns,
)
from mammo.imaging.admission import Admission, ObjectFacts
from mammo.imaging.dicom_display import Bits
from mammo.imaging.dicom_parsing import DAMAGED, Parsed
from mammo.imaging.turns import Turn

# pydicom warns of every oddity, and quotes the value at fault, which may be a patient's name. It is silenced once and
# for all, since warnings.catch_warnings is not safe in threads.
warnings.filterwarnings("ignore", module=r"pydicom\b|mammo\.imaging\.dicom")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "HSV", "CMYK")
_RAW_CLASSES = (
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalXRayImageStorageForProcessing,
    uid.BreastProjectionXRayImageStorageForProcessing,
)
_BITS = (8, 16)
_UNDEFINED_LENGTH = 0xFFFFFFFF


@dataclasses.dataclass(frozen=True)
class DicomTags:
    """What the tags say of whom and what a file shows. "" stands for what they do not say.

    Attributes:
        uids: Of the study, the series and the image.
        patient_id: (0010,0020); not printed.
        patient_name: (0010,0010); not printed.
        laterality: Which breast; None: unknown.
        projection: None: unknown, or another than these two.
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
        parsed: What was parsed.
    """

    path: pathlib.Path
    parsed: Parsed = dataclasses.field(repr=False)

    def tags(self) -> DicomTags:
        """Returns what the tags say of the view.

        Raises:
            ImageError: They are damaged.
        """
        dataset = self.parsed.dataset
        with _refused_as(self.path, DAMAGED):
            facts = self._facts
            return DicomTags(
                uids=Uids(
                    study=dicom_values.text(dataset, "StudyInstanceUID"),
                    series=dicom_values.text(dataset, "SeriesInstanceUID"),
                    instance=dicom_values.text(dataset, "SOPInstanceUID"),
                ),
                patient_id=dicom_values.text(dataset, "PatientID"),
                patient_name=dicom_values.text(dataset, "PatientName"),
                laterality=facts.view.laterality,
                projection=facts.view.projection,
                admission=admission.admit(facts),
            )

    def size_px(self, max_pixels: int) -> tuple[int, int]:
        """Returns (height_px, width_px), as stored, once the tags have shown that this is an image of a breast.

        Args:
            max_pixels: An image of more is refused.

        Raises:
            ImageError: As `pixels`, so far as the tags show it.
        """
        with _refused_as(self.path, DAMAGED):
            reason = admission.refusal(self._facts)
            if reason:
                raise ImageError(self.path, DAMAGED if not len(self.parsed.dataset) else reason)
            return _size_px(self.path, self.parsed.dataset, max_pixels)

    def turn(self) -> Turn:
        """Returns how the stored pixels must be turned to stand upright, by what the tags say.

        Raises:
            ImageError: They are damaged.
        """
        with _refused_as(self.path, DAMAGED):
            view = self._facts.view
            directions = dicom_values.texts(self.parsed.dataset, "PatientOrientation")
            return turns.of_patient_orientation(directions, view.laterality, view.projection)

    def pixels(self, max_pixels: int) -> np.ndarray:
        """Decodes one single-frame grey image.

        Modality LUT, then VOI LUT or window (PS3.3, C.11.1 and C.11.2), then MONOCHROME1 turned over, then stretched
        over the 16 bits: what a viewer shows by default. Padding (PS3.3, C.7.5.1.1.2) takes no part in the stretch; it
        is black.

        Args:
            max_pixels: An image of more is refused before it is decoded.

        Returns:
            uint16 [H, W], brighter meaning denser tissue, as it is stored.

        Raises:
            ImageError: It is truncated, holds no pixels or several frames, is raw detector data, of another
                modality or body part, too large, shown inverted, or in a transfer syntax that cannot be decoded.
        """
        height_px, width_px = self.size_px(max_pixels)
        parsed = self.parsed
        with _refused_as(self.path, DAMAGED):
            bits = Bits.of(parsed.dataset)
            if parsed.deflated is not None:
                parsed = dicom_parsing.inflated(self.path, parsed, height_px * width_px * bits.allocated // 8)
            if not parsed.is_whole:
                raise ImageError(self.path, DAMAGED)
            dataset = parsed.dataset
            _prepare(self.path, dataset, bits)
            syntax = dicom_decoding.check(self.path, dataset)
        with _refused_as(self.path, f"has pixel data ({syntax.name}) that is truncated or cannot be decoded"):
            stored = dicom_decoding.stored(dataset, syntax)
        with _refused_as(self.path, "has a window or a look-up table that cannot be applied; export it again"):
            shown = dicom_display.displayed(dataset, stored, bits)
        if polarity.is_inverted(shown):
            raise ImageError(self.path, "shows dark tissue on a bright background; export it as viewers show it")
        return shown

    @functools.cached_property
    def _facts(self) -> ObjectFacts:
        return dicom_facts.of(self.parsed.dataset, self.parsed.is_cut)


def parse(path: pathlib.Path, content: bytes) -> DicomFile:
    """Parses a whole file; of one that ends within its pixels, the tags that stand before them.

    Args:
        path: For messages.
        content: Of the file.

    Raises:
        ImageError: It is damaged.
    """
    with contextlib.suppress(ImageError), _refused_as(path, DAMAGED):
        parsed = dicom_parsing.whole(path, content)
        if len(parsed.dataset):
            return DicomFile(path, parsed)
    # Where a file ends within compressed pixels, pydicom gives no tags at all; they still tell whose the image is.
    return parse_tags(path, io.BytesIO(content))


def parse_tags(path: pathlib.Path, file: BinaryIO) -> DicomFile:
    """Parses the tags of an open file, and reads no further than to its pixels.

    Raises:
        ImageError: They are damaged.
    """
    with _refused_as(path, DAMAGED):
        return DicomFile(path, dicom_parsing.header(path, file))


@contextlib.contextmanager
def _refused_as(path: pathlib.Path, reason: str) -> Iterator[None]:
    """Whatever goes wrong with one file is its own fault: pydicom and its plugins raise errors of any kind."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(path, "does not fit into the memory of this machine") from None
    except Exception:
        # Without its cause, which may quote a value, and so a patient's name.
        raise ImageError(path, reason) from None


def _size_px(path: pathlib.Path, dataset: Dataset, max_pixels: int) -> tuple[int, int]:
    """Refuses by its tags what is no single grey image of a size and kind that can be decoded; returns its size."""
    frames = dicom_values.whole(dataset, "NumberOfFrames") or 1
    if frames > 1:
        raise ImageError(path, f"has {frames:,} frames (tomosynthesis?); one is expected")
    is_raw = dicom_values.text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING"
    if is_raw or dicom_values.text(dataset, "SOPClassUID") in _RAW_CLASSES:
        raise ImageError(path, "holds raw detector data (FOR PROCESSING); give the FOR PRESENTATION image")
    colours = dicom_values.text(dataset, "PhotometricInterpretation")
    if colours not in _GREY or (dicom_values.whole(dataset, "SamplesPerPixel") or 1) != 1:
        known = colours if colours in (*_GREY, *_COLOURS) else "of unknown colours"
        raise ImageError(
            path, f"is {known}, not grey levels" if known not in _GREY else "has several colours, not grey levels"
        )
    allocated = dicom_values.whole(dataset, "BitsAllocated")
    if allocated not in _BITS:
        raise ImageError(path, f"stores {allocated or 'no'} bits for a pixel; 8 or 16 are expected")
    height_px, width_px = dicom_values.whole(dataset, "Rows") or 0, dicom_values.whole(dataset, "Columns") or 0
    if height_px <= 0 or width_px <= 0:
        raise ImageError(path, f"has {height_px} × {width_px} pixels, which is no image")
    if height_px * width_px > max_pixels:
        raise ImageError(path, f"has {height_px:,} × {width_px:,} pixels; more than {max_pixels:,} is no mammogram")
    return height_px, width_px


def _prepare(path: pathlib.Path, dataset: Dataset, bits: Bits) -> None:
    """Writes into the tags what a decoder needs and a file may lack, and refuses pixels that are not as they say."""
    pixels = dataset.get_item("PixelData") if "PixelData" in dataset else None
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if getattr(pixels, "length", 0) == _UNDEFINED_LENGTH and syntax and not syntax.is_compressed:
        raise ImageError(path, "says that its pixels are uncompressed, and they are not; export it again")
    if syntax and not uid.UID(syntax).type:  # it may hold anything, and is not repeated
        raise ImageError(path, "is coded in a way that is not known (Transfer Syntax UID); export it uncompressed")
    if bits.are_low:
        dataset.BitsStored, dataset.HighBit = bits.stored, bits.high
        dataset.PixelRepresentation = int(bits.is_signed)
        return
    # A decoder keeps the bits at the lower end alone, unless it is told that all are in use.
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits.allocated, bits.allocated - 1, 0
