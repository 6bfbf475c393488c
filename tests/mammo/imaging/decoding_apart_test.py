import pathlib

import gdcm
import numpy as np
import pytest

from mammo.common.errors import ImageError
from mammo.imaging import decoding_apart
from mammo.imaging.image_file import ImageFile
from tests import dicoms, drawing

STORED = (drawing.draw_view(120, 80, is_16_bit=True) // 16).astype(np.uint16)  # 12 bits, as detectors give
SYNTAXES = (gdcm.TransferSyntax.JPEGLosslessProcess14_1, gdcm.TransferSyntax.JPEGLSLossless)


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


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_compressed_pixels_are_those_that_were_compressed(tmp_path, syntax):
    path = compress(tmp_path, syntax)
    np.testing.assert_array_equal(decoding_apart.decode(path.read_bytes()), STORED)
    np.testing.assert_array_equal(ImageFile(path).read_pixels(), ImageFile(tmp_path / "plain.dcm").read_pixels())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_cut_off_is_refused(tmp_path, syntax):
    path = compress(tmp_path, syntax)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ImageError, match="truncated"):
        ImageFile(path).read_pixels()


def test_a_file_that_makes_the_decoder_abort_is_refused_and_this_process_lives(tmp_path):
    content = compress(tmp_path, SYNTAXES[0]).read_bytes()
    damaged = content.replace(b"\xff\xc4", b"\x27\xc4", 1)  # the mark before the Huffman tables
    with pytest.raises(ValueError, match="-6"):  # SIGABRT
        decoding_apart.decode(damaged)
    (tmp_path / "compressed.dcm").write_bytes(damaged)
    with pytest.raises(ImageError, match="that is truncated or cannot be decoded") as caught:
        ImageFile(tmp_path / "compressed.dcm").read_pixels()
    assert "Doe" not in str(caught.value)
