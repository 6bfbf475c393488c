"""Writes what belongs to one exam in Mini-DDSM: views, outlines, `.OVERLAY` and `.ics` files."""

import pathlib

import cv2
import numpy as np

from data_tools.phantoms import film
from data_tools.phantoms.cases import Case, Lesion
from data_tools.phantoms.views import View

_JPEG_QUALITY = 90  # by the quantisation tables of Mini-DDSM's own files
_PNG_COMPRESSION = 1
# Chain code of .OVERLAY files, clockwise from upwards: Heath et al. 2001, "The Digital Database for Screening
# Mammography", and checked against Mini-DDSM's masks.
_CODES = {(0, -1): 0, (1, -1): 1, (1, 0): 2, (1, 1): 3, (0, 1): 4, (-1, 1): 5, (-1, 0): 6, (-1, -1): 7}


def mask_name(status: str, number: int) -> str:
    """Returns what follows the view's name in that of its n-th outline on disk, where case differs by status."""
    names = {1: "_Mask", 2: "_MASK2" if status == "Benign" else "_Mask2"}
    return names.get(number, f"_Mask{number}")


def write_view(path: pathlib.Path, grey: np.ndarray) -> None:
    """Writes float [H, W] in [0, 1] as 8-bit JPEG or 16-bit PNG, by the suffix."""
    levels = 65535 if path.suffix == ".png" else 255
    _write_image(path, np.round(grey * levels).astype(np.uint16 if path.suffix == ".png" else np.uint8))


def write_mask(path: pathlib.Path, outline_px: np.ndarray, height_px: int, width_px: int) -> None:
    """Writes an outline one pixel wide, white on black, as 8-bit JPEG (which makes it noisy) or 8-bit PNG."""
    canvas = np.zeros((height_px, width_px), np.uint8)
    cv2.polylines(canvas, [outline_px], True, (255,), 1)
    _write_image(path, canvas)


def _write_image(path: pathlib.Path, pixels: np.ndarray) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]
    _, encoded = cv2.imencode(path.suffix, pixels, options)
    path.write_bytes(encoded.tobytes())  # Python's own, so that a full disk raises


def full_scan_boundary(outline_px: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Follows an outline pixel by pixel on the full scan, which has twice the view's rows and columns.

    Args:
        outline_px: float [N, 2], a closed polygon x, y in pixels of the view; what leaves the view is cut off.
        height_px: Of the view.
        width_px: Of the view.

    Returns:
        int32 [M, 2]: x, y of neighbouring pixels, all on the full scan.
    """
    corners = np.clip(np.round(outline_px * 2), 2, (2 * width_px - 3, 2 * height_px - 3)).astype(np.int32)
    x, y, width, height = cv2.boundingRect(corners)
    filled = np.zeros((height + 2, width + 2), np.uint8)
    cv2.fillPoly(filled, [corners - np.array([x - 1, y - 1])], (255,))
    contours, _ = cv2.findContours(filled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(contours, key=len)[:, 0]
    return longest + np.array([x - 1, y - 1], np.int32)


def overlay_text(abnormalities: list[tuple[Lesion, np.ndarray]]) -> str:
    """Returns an `.OVERLAY` file.

    Args:
        abnormalities: Each with its boundary, int [M, 2], on the full scan.
    """
    lines = [f"TOTAL_ABNORMALITIES {len(abnormalities)}"]
    for number, (lesion, boundary) in enumerate(abnormalities, 1):
        steps = np.diff(np.vstack([boundary, boundary[:1]]), axis=0)
        codes = " ".join(str(_CODES[dx, dy]) for dx, dy in steps.tolist())
        lines += [
            f"ABNORMALITY {number}",
            *_lesion_types(lesion),
            f"ASSESSMENT {lesion.assessment}",
            f"SUBTLETY {lesion.subtlety}",
            f"PATHOLOGY {'MALIGNANT' if lesion.is_malignant else 'BENIGN'}",
            "TOTAL_OUTLINES 1 ",
            "BOUNDARY",
            f"{boundary[0, 0]} {boundary[0, 1]} {codes} #",
        ]
    return "\n".join(lines) + "\n"


def _lesion_types(lesion: Lesion) -> list[str]:
    types = []
    if lesion.has_calcifications:
        kind = "PLEOMORPHIC" if lesion.is_malignant else "PUNCTATE"
        types.append(f"LESION_TYPE CALCIFICATION TYPE {kind} DISTRIBUTION CLUSTERED")
    if lesion.has_mass:
        outward = "IRREGULAR MARGINS SPICULATED" if lesion.is_malignant else "OVAL MARGINS CIRCUMSCRIBED"
        types.append(f"LESION_TYPE MASS SHAPE {outward}")
    return types


def ics_text(case: Case, drawn: dict[tuple[str, str], View], rng: np.random.Generator) -> str:
    """Returns an `.ics` file: the patient, the film and the size of each full scan."""
    year = int(rng.integers(1989, 1997))
    lines = [
        " ",
        "ics_version 1.0",
        f"filename {case.case_id.replace('_', '-')}",
        f"DATE_OF_STUDY {rng.integers(1, 29)} {rng.integers(1, 13)} {year}",
        f"PATIENT_AGE {'' if case.age_years is None else case.age_years}",
        "FILM ",
        "FILM_TYPE REGULAR",
        f"DENSITY {case.density}",
        f"DATE_DIGITIZED {rng.integers(1, 29)} {rng.integers(1, 13)} {year + 2} ",
        f"DIGITIZER {film.SCANNERS[case.volume].digitizer}",
        "SEQUENCE",
    ]
    for (side, projection), view in drawn.items():
        height_px, width_px = view.grey.shape
        lines.append(
            f"{side}_{projection} LINES {2 * height_px} PIXELS_PER_LINE {2 * width_px} BITS_PER_PIXEL 12 "
            f"RESOLUTION {view.resolution_um:g} {'OVERLAY' if view.abnormalities else 'NON_OVERLAY'}"
        )
    return "\n".join(lines) + "\n"
