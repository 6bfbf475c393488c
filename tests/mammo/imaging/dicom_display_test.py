import numpy as np
import pydicom
import pydicom.dataset
import pydicom.sequence
import pytest

from mammo.imaging.image_file import ImageFile
from tests import dicoms, drawing

STORED = (drawing.draw_view(120, 80, is_16_bit=True) // 16).astype(np.uint16)  # 12 bits, as detectors give


def read(tmp_path, stored=STORED, bits=12, **tags) -> np.ndarray:
    return ImageFile(dicoms.write(tmp_path / "view.dcm", dicoms.make_image(stored, bits, **tags))).read_pixels()


def table(descriptor, data, vr="US") -> pydicom.dataset.Dataset:
    made = pydicom.dataset.Dataset()
    made.LUTDescriptor = descriptor
    made.LUTData = data
    made["LUTData"].VR = vr
    return made


def stretched(levels) -> np.ndarray:
    levels = np.asarray(levels, np.float64)
    return (levels - levels.min()) / (levels.max() - levels.min())


def assert_shows(pixels, levels):
    np.testing.assert_allclose(pixels / 65535, stretched(levels), atol=2e-4)


def test_monochrome1_is_turned_over_once_and_nothing_else_turns(tmp_path):
    upright = read(tmp_path).astype(int)
    for shape in (None, "IDENTITY", "INVERSE"):
        turned = read(tmp_path, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape=shape).astype(int)
        np.testing.assert_allclose(turned, 65535 - upright, atol=1)
        np.testing.assert_array_equal(read(tmp_path, PresentationLUTShape=shape), upright)


def test_the_voi_window_is_applied(tmp_path):
    pixels = read(tmp_path, WindowCenter=1000, WindowWidth=400)
    assert (pixels[STORED < 790] == 0).all()
    assert (pixels[STORED > 1210] >= 65534).all()
    assert_shows(pixels, np.clip(STORED, 999.5 - 199.5, 999.5 + 199.5))


@pytest.mark.parametrize("function", ["", " ", "LINEAR", "linear ", "SAMPLED_SIGMOID", None])
def test_a_window_is_linear_unless_it_says_otherwise(tmp_path, function):
    expected = read(tmp_path, WindowCenter=1000, WindowWidth=400)
    pixels = read(tmp_path, WindowCenter=1000, WindowWidth=400, VOILUTFunction=function)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("function", ["SIGMOID", "sigmoid ", "Sigmoid"])
def test_a_sigmoid_window_has_no_corners(tmp_path, function):
    center, width = 1000.0, 400.0
    pixels = read(tmp_path, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    assert_shows(pixels, 1 / (1 + np.exp(-4 * (STORED - center) / width)))  # PS3.3, C.11.2.1.3.1


def test_an_exact_window_may_be_narrower_than_1(tmp_path):
    window = {"WindowCenter": 0.5, "WindowWidth": 0.8, "RescaleSlope": "0.000244", "RescaleIntercept": 0}
    pixels = read(tmp_path, VOILUTFunction="LINEAR_EXACT", **window)
    assert_shows(pixels, np.clip(STORED * 0.000244, 0.1, 0.9))
    np.testing.assert_array_equal(read(tmp_path, VOILUTFunction="LINEAR", **window), read(tmp_path))


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": 1000, "WindowWidth": 0},
        {"WindowCenter": 1000, "WindowWidth": -400},
        {"WindowCenter": 1000},
        {"WindowWidth": 400},
        {"WindowCenter": "", "WindowWidth": "", "VOILUTSequence": []},
        {"RescaleSlope": None, "RescaleIntercept": ""},
        {"RescaleSlope": "", "RescaleIntercept": ""},
        {"RescaleSlope": 0, "RescaleIntercept": 0},
        {"PixelPaddingValue": ""},
        {"HighBit": None},
        {"PixelRepresentation": None},
        {"HighBit": 99},
    ],
)
def test_what_is_empty_or_impossible_is_as_if_it_were_missing(tmp_path, tags):
    np.testing.assert_array_equal(read(tmp_path, **tags), read(tmp_path))


def test_where_the_number_of_bits_is_missing_all_are_used(tmp_path):
    np.testing.assert_array_equal(read(tmp_path, BitsStored=None, HighBit=None), read(tmp_path))


def test_of_several_windows_the_first_counts(tmp_path):
    first = read(tmp_path, WindowCenter=1000, WindowWidth=400)
    np.testing.assert_array_equal(read(tmp_path, WindowCenter=[1000, 50], WindowWidth=[400, 10]), first)


def test_a_decimal_comma_is_read(tmp_path):
    path = dicoms.write(tmp_path / "a.dcm", dicoms.make_image(STORED, 12, WindowCenter="1000.5", WindowWidth=400))
    expected = ImageFile(path).read_pixels()
    path.write_bytes(path.read_bytes().replace(b"1000.5", b"1000,5"))
    np.testing.assert_array_equal(ImageFile(path).read_pixels(), expected)


def test_a_look_up_table_is_applied_behind_the_rescaling_and_before_a_window(tmp_path):
    rising = table([3, 2001, 16], [0, 1000, 4000])  # what is 2001 after the rescaling is the first of 3 entries
    pixels = read(tmp_path, RescaleSlope=2, RescaleIntercept=1, VOILUTSequence=[rising], WindowCenter=1, WindowWidth=2)
    assert (pixels[STORED <= 1000] == 0).all()  # at most 2001
    assert (pixels[STORED > 1000] >= 65534).all()  # at least 2003


def test_an_empty_look_up_table_leaves_it_to_the_window(tmp_path):
    empty = pydicom.dataset.Dataset()
    empty.LUTExplanation = "NORMAL"
    window = {"WindowCenter": 1000, "WindowWidth": 400}
    np.testing.assert_array_equal(read(tmp_path, VOILUTSequence=[empty], **window), read(tmp_path, **window))


def test_a_look_up_table_of_bytes_is_read_from_words(tmp_path):
    stored = (STORED >> 4).astype(np.uint8)
    squares = (np.arange(256) ** 2 // 255).astype(np.uint8)
    pixels = read(tmp_path, stored, 8, VOILUTSequence=[table([256, 0, 8], squares.tobytes(), "OW")])
    assert_shows(pixels, squares[stored])
    words = table([256, 0, 8], squares.astype("<u2").tobytes(), "OW")
    np.testing.assert_array_equal(read(tmp_path, stored, 8, VOILUTSequence=[words]), pixels)


@pytest.mark.parametrize("bits", [9, 10, 16])
def test_entries_may_have_any_number_of_bits(tmp_path, bits):
    entries = (np.arange(4096) * (2**bits - 1) // 4095).tolist()
    assert_shows(read(tmp_path, VOILUTSequence=[table([4096, 0, bits], entries)]), np.array(entries)[STORED])


def test_values_below_zero_find_their_place_in_a_table(tmp_path):
    signed = STORED.astype(np.int16) - 2048
    entries = np.arange(4096) ** 2 // 300
    for first in (-2048, 63488):  # as the file may have it, too
        descriptor = pydicom.dataset.Dataset()
        descriptor.add_new("LUTDescriptor", "SS" if first < 0 else "US", [4096, first, 16])
        descriptor.add_new("LUTData", "US", entries.tolist())
        pixels = read(tmp_path, signed.view(np.uint16), 16, PixelRepresentation=1, VOILUTSequence=[descriptor])
        assert_shows(pixels, entries[STORED])


def test_a_modality_table_stands_for_the_rescaling(tmp_path):
    entries = 4095 - np.arange(4096)
    sequence = [table([4096, 0, 12], entries.tolist())]
    pixels = read(tmp_path, ModalityLUTSequence=sequence, WindowCenter=2048, WindowWidth=2000)
    assert_shows(pixels, np.clip(entries[STORED], 2047.5 - 999.5, 2047.5 + 999.5))


def test_the_window_of_a_frame_stands_in_the_functional_groups(tmp_path):
    window, rescale, groups = (pydicom.dataset.Dataset() for _ in range(3))
    window.WindowCenter, window.WindowWidth = 1000, 400
    rescale.RescaleSlope, rescale.RescaleIntercept = 2, 1
    groups.FrameVOILUTSequence, groups.PixelValueTransformationSequence = [window], [rescale]
    expected = read(tmp_path, WindowCenter=1000, WindowWidth=400, RescaleSlope=2, RescaleIntercept=1)
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        np.testing.assert_array_equal(read(tmp_path, **{sequence: [groups]}), expected)


def test_values_below_zero_keep_their_order(tmp_path):
    signed = STORED.astype(np.int16) - 2048
    np.testing.assert_array_equal(read(tmp_path, signed.view(np.uint16), 16, PixelRepresentation=1), read(tmp_path))
    unextended = (signed & 0xFFF).astype(np.uint16)  # the upper bits hold no copies of the sign
    np.testing.assert_array_equal(read(tmp_path, unextended, 12, PixelRepresentation=1), read(tmp_path))


def test_values_at_the_upper_end_of_their_words_are_shifted_before_the_window(tmp_path):
    window = {"WindowCenter": 1000, "WindowWidth": 400}
    pixels = read(tmp_path, (STORED << 4).astype(np.uint16), 12, HighBit=15, **window)
    np.testing.assert_array_equal(pixels, read(tmp_path, **window))


@pytest.mark.parametrize("syntax", [None, pydicom.uid.RLELossless])
def test_bits_that_are_no_pixels_are_not_shown(tmp_path, syntax):
    written_over = STORED.copy()
    written_over[20:40, 20:60] |= 0x9000  # an overlay, as old files keep it
    dataset = dicoms.make_image(written_over, 12)
    if syntax:
        dataset.compress(syntax, generate_instance_uid=False)
    pixels = ImageFile(dicoms.write(tmp_path / "view.dcm", dataset)).read_pixels()
    np.testing.assert_array_equal(pixels, read(tmp_path))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "tags", [{"PixelPaddingValue": 3990}, {"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 3990}]
)
def test_padding_is_black_and_leaves_the_stretch_alone(tmp_path, photometric, tags):
    plain = read(tmp_path, PhotometricInterpretation=photometric)[20:]
    padded = STORED.copy()
    padded[:20] = 3990
    pixels = read(tmp_path, padded, PhotometricInterpretation=photometric, **tags)
    assert (pixels[:20] == 0).all()
    np.testing.assert_allclose(pixels[20:].astype(int), plain, atol=300)  # the rows left out had some of the extremes
    assert (read(tmp_path, np.full_like(STORED, 3990), **tags) == 0).all()


def test_padding_below_zero_means_the_upper_half_of_unsigned_values(tmp_path):
    padded = STORED.copy()
    padded[:20] = 65536 - 2000
    dataset = dicoms.make_image(padded, 16)
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    pixels = ImageFile(dicoms.write(tmp_path / "view.dcm", dataset)).read_pixels()
    assert (pixels[:20] == 0).all()
    assert_shows(pixels[20:], STORED[20:])
