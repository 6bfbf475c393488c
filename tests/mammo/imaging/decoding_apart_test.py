import io
import pathlib
import struct
from collections.abc import Callable

import gdcm
import numpy as np
import PIL.Image
import pydicom
import pydicom.encaps
import pytest

from mammo.common.errors import ImageError
from mammo.imaging import decoding_apart
from mammo.imaging.decoding_apart import Coding
from mammo.imaging.image_file import ImageFile
from tests import dicoms, drawing

STORED = (drawing.draw_view(120, 80, is_16_bit=True) // 16).astype(np.uint16)  # 12 bits, as detectors give
LOSSLESS, LS, EXTENDED, J2K = (
    gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    gdcm.TransferSyntax.JPEGLSLossless,
    gdcm.TransferSyntax.JPEGExtendedProcess2_4,
    gdcm.TransferSyntax.JPEG2000Lossless,
)


def compress(folder: pathlib.Path, syntax: int) -> pathlib.Path:
    """Writes the view as archives keep most mammograms: compressed without loss."""
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(dicoms.write(folder / "plain.dcm", dicoms.make_image(STORED, 12, PatientName="Doe^Jane"))))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    path = folder / "compressed.dcm"
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return path


_SIZE: tuple[int, int] = (len(STORED), len(STORED[0]))


def rewritten(path: pathlib.Path, change: Callable[[bytes], bytes]) -> pathlib.Path:
    """Changes the frame of a file."""
    dataset = pydicom.dcmread(path)
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = pydicom.encaps.encapsulate([change(frame)])
    return dicoms.write(path, dataset)


def decode(path: pathlib.Path) -> np.ndarray:
    """Decodes as `dicom_decoding` does, but for its checks."""
    dataset = pydicom.dcmread(path)
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    syntax = dataset.file_meta.TransferSyntaxUID
    is_for_gdcm = syntax not in pydicom.uid.JPEG2000TransferSyntaxes
    return decoding_apart.decode(frame, Coding(str(syntax), *_SIZE, 16, 12, False, "MONOCHROME2", is_for_gdcm))


@pytest.mark.parametrize("syntax", [LOSSLESS, LS, J2K])
def test_compressed_pixels_are_those_that_were_compressed(tmp_path, syntax):
    path = compress(tmp_path, syntax)
    np.testing.assert_array_equal(decode(path), STORED)
    np.testing.assert_array_equal(ImageFile(path).read_pixels(), ImageFile(tmp_path / "plain.dcm").read_pixels())


def test_a_jpeg_of_12_bits_is_near_what_was_compressed(tmp_path):
    path = compress(tmp_path, EXTENDED)
    assert np.abs(decode(path).astype(int) - STORED).max() < 64
    assert ImageFile(path).read_pixels().shape == STORED.shape


@pytest.mark.parametrize("syntax", [LOSSLESS, LS, EXTENDED, J2K])
def test_a_file_cut_off_is_refused(tmp_path, syntax):
    path = compress(tmp_path, syntax)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ImageError, match="truncated"):
        ImageFile(path).read_pixels()


@pytest.mark.parametrize("syntax", [LOSSLESS, LS, EXTENDED, J2K])
def test_a_frame_with_a_hole_and_an_end_is_refused(tmp_path, syntax):
    path = rewritten(compress(tmp_path, syntax), lambda frame: frame[: len(frame) // 2] + b"\xff\xd9")
    with pytest.raises(ImageError, match="truncated"):
        ImageFile(path).read_pixels()


@pytest.mark.parametrize("syntax", [LOSSLESS, EXTENDED])
def test_what_a_decoder_only_warns_of_is_an_error(tmp_path, syntax):
    path = compress(tmp_path, syntax)
    rewritten(path, lambda frame: frame[: len(frame) // 2] + b"\xff\xd9")
    with pytest.raises(ValueError, match="warned of damaged data"):
        decode(path)


def test_a_file_that_makes_the_decoder_abort_is_refused_and_this_process_lives(tmp_path):
    path = compress(tmp_path, LOSSLESS)
    rewritten(path, lambda frame: frame.replace(b"\xff\xc4", b"\x27\xc4", 1))  # the mark before the Huffman tables
    with pytest.raises(ValueError, match="-6"):  # SIGABRT
        decode(path)
    with pytest.raises(ImageError, match="bytes are missing or were added") as caught:
        ImageFile(path).read_pixels()
    assert "Doe" not in str(caught.value)


def test_a_decoder_that_wants_too_much_memory_is_stopped():
    """The size in the frame is far beyond what the checks before would let pass."""
    encoded = io.BytesIO()
    PIL.Image.fromarray(STORED).save(encoded, "JPEG2000", no_jp2=True)
    frame = encoded.getvalue()
    size = struct.pack(">II", 30_000, 30_000)
    frame = (
        frame[: (place := frame.index(b"\xff\x51") + 6)]
        + size
        + frame[place + 8 : place + 16]
        + size
        + frame[place + 24 :]
    )
    coding = Coding(pydicom.uid.JPEG2000Lossless, 30_000, 30_000, 16, 12, False, "MONOCHROME2", is_for_gdcm=False)
    with pytest.raises(ValueError, match="the decoder ended with"):
        decoding_apart.decode(frame, coding)
