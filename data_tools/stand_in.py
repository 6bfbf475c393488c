"""Writes a small stand-in at every path of the real Mini-DDSM, to rehearse a conversion without the download.

It takes the published sheets and a listing of the download (one path a line, as `find .` prints it). Paths, names,
splits and counts are then those of the real data set, traps included. The pictures are not: each is a half ellipse, and
each mask an outline drawn at random inside it. Overlays, `.ics` and tape files are left empty.
"""

import gzip
import pathlib
import re
import shutil
import zlib

import cv2
import numpy as np
from absl import flags

from mammo.common import cli, progress
from mammo.common.errors import InputError

_LISTING = flags.DEFINE_string("listing", None, "File of the download's paths, one a line; .gz or not.", required=True)
_SHEETS_DIR = flags.DEFINE_string(
    "sheets_dir", None, "Folder that holds the sheets as the listing has them.", required=True
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the stand-in; new or empty.", required=True)
_TREE = flags.DEFINE_enum("tree", "jpeg8", ["jpeg8", "png16"], "Which of the two trees of images to write.")
_HEIGHT_PX = flags.DEFINE_integer("height_px", 160, "Height of an image.", lower_bound=64)

_TREE_FOLDERS = {"jpeg8": "MINI-DDSM-Complete-JPEG-8", "png16": "MINI-DDSM-Complete-PNG-16"}
_THIRD_MASKS_FOLDER = "Data-MoreThanTwoMasks"
_ALL_FOLDERS = {*_TREE_FOLDERS.values(), _THIRD_MASKS_FOLDER}
_IMAGE = re.compile(
    r"(?P<view>[A-D]_\d{4}_\d\.(?P<side>LEFT|RIGHT)_(?:CC|MLO))(?P<mask>_mask\d?)?\.(?:jpg|png)", re.IGNORECASE
)
_WIDTH_TO_HEIGHT = 0.62  # of the mean Mini-DDSM image, 2533 × 1588


def main() -> None:
    """Writes the tree."""
    output_dir, sheets_dir = cli.user_path(_OUTPUT_DIR.value), cli.user_path(_SHEETS_DIR.value)
    if output_dir.is_dir() and any(output_dir.iterdir()):
        raise InputError(f"{output_dir} already holds files; give another --output_dir or empty it.")
    folders = (_TREE_FOLDERS[_TREE.value], _THIRD_MASKS_FOLDER)
    listed = [
        path for path in _read_listing(cli.user_path(_LISTING.value)) if path.parts[:1] and path.parts[0] in folders
    ]
    paths = [path for path in listed if path.suffix]
    if not paths:
        raise InputError(f"{_LISTING.value} lists nothing below {folders[0]}; is it a listing of the download?")
    sheets = [sheet for sheet in sheets_dir.glob("*/*.xlsx") if sheet.parent.name in _ALL_FOLDERS]
    if not sheets:
        raise InputError(f"{sheets_dir} holds no sheet as */*.xlsx; give the folder above the trees.")
    with progress.bar(len(paths), " file") as bar:
        for path in paths:
            _write(output_dir / path, _HEIGHT_PX.value)
            bar.update()
    for sheet in sheets:
        target = output_dir / sheet.relative_to(sheets_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sheet, target)
    print(f"Wrote {len(paths):,} stand-ins to {output_dir}; nothing may be learnt from them.")


def _read_listing(listing: pathlib.Path) -> list[pathlib.PurePosixPath]:
    try:
        content = listing.read_bytes()
        text = (gzip.decompress(content) if listing.suffix == ".gz" else content).decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        raise InputError(f"{listing} cannot be read as a listing, one path a line.") from None
    return [pathlib.PurePosixPath(line) for line in text.splitlines()]


def _write(path: pathlib.Path, height_px: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = _IMAGE.fullmatch(path.name)
    if image is None:
        path.touch()
    else:
        pixels = _outline(image, height_px) if image["mask"] else _view(image, height_px, path.suffix)
        path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())  # Python's own, so that a full disk raises


def _view(image: re.Match[str], height_px: int, suffix: str) -> np.ndarray:
    """A half ellipse of tissue at the chest wall, of the bit depth of the tree."""
    view = np.full((height_px, round(_WIDTH_TO_HEIGHT * height_px)), 8, np.uint8)
    cv2.ellipse(view, (_chest_wall_x(image, view), height_px // 2), _axes(view), 0, 0, 360, (120,), -1, cv2.LINE_AA)
    return view if suffix == ".jpg" else view.astype(np.uint16) * 257


def _outline(image: re.Match[str], height_px: int) -> np.ndarray:
    """A thin ellipse somewhere inside the breast, the same each time for the same name."""
    mask = np.zeros((height_px, round(_WIDTH_TO_HEIGHT * height_px)), np.uint8)
    random = np.random.default_rng(zlib.crc32(image[0].lower().encode()))
    inward, down = random.uniform([0.2, -0.4], [0.5, 0.4]) * _axes(mask)
    wall_x = _chest_wall_x(image, mask)
    centre = (round(wall_x + (inward if wall_x == 0 else -inward)), round(height_px / 2 + down))
    radii = random.integers(height_px // 32, height_px // 12, 2).tolist()
    cv2.ellipse(mask, centre, radii, 0, 0, 360, (255,), 1)
    return mask


def _chest_wall_x(image: re.Match[str], picture: np.ndarray) -> int:
    """Volume A is stored mirrored: there a right breast has its chest wall at the left."""
    is_left = (image["side"].upper() == "LEFT") != (image["view"][0].upper() == "A")
    return 0 if is_left else picture.shape[1] - 1


def _axes(picture: np.ndarray) -> tuple[int, int]:
    return round(0.6 * picture.shape[1]), round(0.35 * picture.shape[0])


if __name__ == "__main__":
    cli.run(main)
