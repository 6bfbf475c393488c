"""Decodes a frame of a DICOM file in a process of its own, which may take so much memory and time and no more.

On some damaged frames GDCM aborts the process that it runs in, of others it only warns, on standard error. Nothing of
mammo is imported here, and pydicom only where it decodes, so that the process starts fast.
"""

import dataclasses
import json
import os
import resource
import subprocess
import sys
import warnings

import numpy as np

_PROGRAM = "from mammo.imaging import decoding_apart; decoding_apart.main()"
_LONGEST_S = 120.0  # of wall clock, where the machine is busy
_SECONDS, _SECONDS_PER_MB = 10, 0.5  # of a processor: a small file is decoded soon, or has more pixels than it should
_MEMORY_BYTES = 900 << 20
_HARMLESS = b"Unsupported JPEG data precision"  # GDCM tries its decoder for 8 bits, then that for 12


@dataclasses.dataclass(frozen=True)
class Coding:
    """How a frame of one channel is coded.

    Attributes:
        syntax_uid: Its transfer syntax.
        rows: Of the image.
        columns: Of the image.
        bits_allocated: 8 or 16, of each value that comes out.
        bits_stored: Of them, those that are used.
        is_signed: Whether values are.
        photometric_interpretation: MONOCHROME1 or MONOCHROME2.
        is_for_gdcm: Whether GDCM decodes it; otherwise pydicom and Pillow do.
    """

    syntax_uid: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    photometric_interpretation: str
    is_for_gdcm: bool

    @property
    def dtype(self) -> np.dtype:
        """Of the values that come out."""
        return np.dtype(f"<{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")


def decode(frame: bytes, coding: Coding) -> np.ndarray:
    """Returns the stored values of a frame, [H, W].

    Args:
        frame: As it is encapsulated.
        coding: Of it; its size has been found to be that of the frame.

    Raises:
        ValueError: It cannot be decoded, or its decoder warned of something. Why is not told: a decoder may quote what
            it reads.
        subprocess.TimeoutExpired: The decoder hangs.
    """
    command = [sys.executable, "-P", "-W", "ignore", "-c", _PROGRAM]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OPENBLAS_NUM_THREADS": "1",  # its threads would take memory
    }
    given = json.dumps(dataclasses.asdict(coding)).encode() + b"\n" + frame
    ended = subprocess.run(command, input=given, capture_output=True, env=environment, check=False, timeout=_LONGEST_S)
    if ended.returncode:
        raise ValueError(f"the decoder ended with {ended.returncode}")
    if any(line and not line.startswith(_HARMLESS) for line in ended.stderr.splitlines()):
        raise ValueError("the decoder warned of damaged data")
    return np.frombuffer(ended.stdout, coding.dtype).reshape(coding.rows, coding.columns)


def main() -> None:
    """Reads a coding and a frame from standard input, writes its values to standard output."""
    given = sys.stdin.buffer
    coding = Coding(**json.loads(given.readline()))
    frame = given.read()
    seconds = _SECONDS + int(_SECONDS_PER_MB * len(frame) / 1e6)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write((_by_gdcm if coding.is_for_gdcm else _by_pydicom)(frame, coding))


def _by_pydicom(frame: bytes, coding: Coding) -> memoryview:
    import pydicom  # noqa: PLC0415
    import pydicom.encaps  # noqa: PLC0415
    import pydicom.pixels.decoders.base  # noqa: PLC0415

    dataset = pydicom.Dataset()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = coding.rows, coding.columns, 1
    dataset.BitsAllocated, dataset.BitsStored = coding.bits_allocated, coding.bits_stored
    dataset.PixelRepresentation = int(coding.is_signed)
    dataset.PhotometricInterpretation = coding.photometric_interpretation
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    meta = dataset.file_meta = pydicom.dataset.FileMetaDataset()
    syntax = meta.TransferSyntaxUID = pydicom.uid.UID(coding.syntax_uid)
    is_rle = syntax == pydicom.uid.RLELossless
    with warnings.catch_warnings(action="error" if is_rle else "ignore"):  # of RLE, it warns of too many pixels
        plugin = "pydicom" if is_rle else "pillow"
        values, _ = pydicom.pixels.decoders.base.get_decoder(syntax).as_array(dataset, decoding_plugin=plugin)
    return np.ascontiguousarray(values, coding.dtype).data


def _by_gdcm(frame: bytes, coding: Coding) -> bytes:
    """Decodes as pydicom's plugin for GDCM does, but 12 bit JPEG, too."""
    import gdcm  # noqa: PLC0415

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((coding.columns, coding.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(coding.photometric_interpretation)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(coding.syntax_uid)))
    stored = coding.bits_stored
    image.SetPixelFormat(gdcm.PixelFormat(1, coding.bits_allocated, stored, stored - 1, int(coding.is_signed)))
    return image.GetBuffer().encode("utf-8", "surrogateescape")  # GDCM gives its bytes as text
