import pathlib

import cv2
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_tools.phantoms import cases, files
from data_tools.phantoms.cases import Case, Lesion
from data_tools.phantoms.views import View

# Neighbours in the order of the chain code, clockwise from upwards: as in Mini-DDSM's .OVERLAY files.
STEPS = np.array([(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)])


def _circle(center=(50.0, 60.0), radius=15.0):
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.array(center) + radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _lesion(*, is_malignant=True, has_mass=True, has_calcifications=False):
    return Lesion(is_malignant, has_mass, has_calcifications, 14.0, 0.5, (0.0, 0.0), 3, 4, cases.PROJECTIONS, seed=1)


@hypothesis.given(st.floats(-20, 120), st.floats(-20, 150), st.floats(3, 40))
@hypothesis.settings(deadline=None)
def test_boundary_goes_from_neighbour_to_neighbour_and_stays_on_the_scan(x, y, radius):
    boundary = files.full_scan_boundary(_circle((x, y), radius), height_px=130, width_px=100)
    steps = np.diff(np.vstack([boundary, boundary[:1]]), axis=0)
    assert boundary.min() >= 0
    assert boundary[:, 0].max() < 200
    assert boundary[:, 1].max() < 260
    if len(boundary) > 1:
        assert np.abs(steps).max(1).tolist() == [1] * len(boundary)


def test_boundary_is_twice_the_outline():
    boundary = files.full_scan_boundary(_circle(), 130, 100)
    assert np.allclose(boundary.min(0), [70, 90], atol=1)
    assert np.allclose(boundary.max(0), [130, 150], atol=1)


def test_overlay_tells_each_abnormality_and_its_chain_code_leads_around_it():
    boundaries = [files.full_scan_boundary(_circle((x, 60.0)), 130, 100) for x in (30.0, 60.0)]
    mixed = _lesion(is_malignant=False, has_calcifications=True)
    text = files.overlay_text([(_lesion(), boundaries[0]), (mixed, boundaries[1])])
    lines = text.splitlines()
    assert lines[:7] == [
        "TOTAL_ABNORMALITIES 2",
        "ABNORMALITY 1",
        "LESION_TYPE MASS SHAPE IRREGULAR MARGINS SPICULATED",
        "ASSESSMENT 4",
        "SUBTLETY 3",
        "PATHOLOGY MALIGNANT",
        "TOTAL_OUTLINES 1 ",
    ]
    assert [line.split()[1] for line in lines if line.startswith("LESION_TYPE")] == ["MASS", "CALCIFICATION", "MASS"]
    assert "PATHOLOGY BENIGN" in lines
    codes = [line for line in lines if line.endswith("#")]
    for line, boundary in zip(codes, boundaries, strict=True):
        x, y, *chain = (int(word) for word in line.split()[:-1])
        walked = np.cumsum(np.vstack([(x, y), STEPS[chain]]), axis=0)
        assert np.array_equal(walked[:-1], boundary)
        assert np.array_equal(walked[-1], walked[0])


@pytest.mark.parametrize(
    "status, names",
    [("Benign", ["_Mask", "_MASK2", "_Mask3"]), ("Cancer", ["_Mask", "_Mask2", "_Mask3"])],
)
def test_names_of_masks_on_disk_differ_by_status(status, names):
    assert [files.mask_name(status, number) for number in (1, 2, 3)] == names


def test_masks_are_outlines_one_pixel_wide_and_noisy_in_jpeg(tmp_path: pathlib.Path):
    outline_px = files.full_scan_boundary(_circle(), 130, 100) // 2
    for suffix in (".png", ".jpg"):
        files.write_mask(tmp_path / f"mask{suffix}", outline_px, 130, 100)
    png, jpeg = (cv2.imread(str(tmp_path / f"mask{suffix}"), cv2.IMREAD_UNCHANGED) for suffix in (".png", ".jpg"))
    assert png.shape == jpeg.shape == (130, 100)
    assert set(np.unique(png)) == {0, 255}
    assert 80 < (png > 0).sum() < 140  # about the circumference
    assert len(np.unique(jpeg)) > 10
    assert np.array_equal(jpeg > 127, png > 127)


def test_views_are_8_bit_jpeg_and_16_bit_png(tmp_path: pathlib.Path):
    grey = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    for suffix, kind, levels in ((".jpg", np.uint8, 255), (".png", np.uint16, 65535)):
        files.write_view(tmp_path / f"view{suffix}", grey)
        pixels = cv2.imread(str(tmp_path / f"view{suffix}"), cv2.IMREAD_UNCHANGED)
        assert pixels.dtype == kind
        assert np.abs(pixels / levels - grey).max() < 0.03


def test_ics_gives_size_and_resolution_of_the_full_scan():
    seen = View(np.zeros((300, 170), np.float32), 183.6, ((_lesion(), _circle()),))
    plain = View(np.zeros((310, 180), np.float32), 190.0, ())
    case = Case("C_0236_1", "Benign", "C", "0236", None, 0, {})
    text = files.ics_text(case, {("RIGHT", "CC"): seen, ("RIGHT", "MLO"): plain}, np.random.default_rng(0))
    lines = text.splitlines()
    assert "filename C-0236-1" in lines
    assert "PATIENT_AGE " in lines
    assert "DENSITY 0" in lines
    assert lines[-2:] == [
        "RIGHT_CC LINES 600 PIXELS_PER_LINE 340 BITS_PER_PIXEL 12 RESOLUTION 183.6 OVERLAY",
        "RIGHT_MLO LINES 620 PIXELS_PER_LINE 360 BITS_PER_PIXEL 12 RESOLUTION 190 NON_OVERLAY",
    ]
