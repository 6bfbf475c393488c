"""Small files that claim much: each is refused or read within 1 GiB and 10 s, by four threads at a time.

Seconds are those of a processor, for one of the four files: other tests run beside this one.
"""

import functools
import io
import json
import pathlib
import struct
import subprocess
import sys
import zlib

import numpy as np
import PIL.Image
import pydicom
import pydicom.encaps
import pytest

from mammo.imaging import image_file
from tests import dicoms, drawing, programs

_MOST_BYTES, _LONGEST_S = 1 << 30, 10.0
_MOST_PIXELS = (10_000, image_file.MAX_PIXELS // 10_000)  # exactly as many as an image may have

_PROGRAM = """
import concurrent.futures, json, os, pathlib, resource, sys
from mammo.common.errors import ImageError
from mammo.imaging.image_file import ImageFile
def peak_bytes():  # of this process; what getrusage says is at least the peak of the one that started it
    return 1024 * int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
def read(path):
    try:
        return str(ImageFile(path).read_pixels().shape)
    except ImageError as error:
        return error.reason
answers = {}
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        start_s = sum(os.times()[:4])
        said = list(pool.map(read, [path] * 4))[0]
        peak = max(peak_bytes(), 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        answers[path.name] = said, (sum(os.times()[:4]) - start_s) / 4, peak
print(json.dumps(answers))
"""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(size: tuple[int, int], bits: int, colour_type: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", size[1], size[0], bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(chunks) + _chunk(b"IEND", b"")


def _zeros(count: int) -> bytes:
    """So many zeros, deflated, without taking their memory."""
    deflater = zlib.compressobj(1)
    piece = bytes(1 << 20)
    packed = b"".join(deflater.compress(piece[: min(len(piece), count - i)]) for i in range(0, count, len(piece)))
    return packed + deflater.flush()


def _jpeg(pixels: np.ndarray, **options) -> bytes:
    written = io.BytesIO()
    PIL.Image.fromarray(pixels).save(written, **({"format": "JPEG"} | options))
    return written.getvalue()


def _with_size(jpeg: bytes, height_px: int, width_px: int, marker: bytes = b"\xff\xc0") -> bytes:
    place = jpeg.index(marker) + 5
    return jpeg[:place] + struct.pack(">HH", height_px, width_px) + jpeg[place + 4 :]


def _dicom(frame: bytes, syntax: str, **tags) -> bytes:
    dataset = dicoms.make_image(np.zeros((400, 260), np.uint8), 8, **tags)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


@functools.cache
def _bombs() -> dict[str, tuple[bytes, str]]:
    """By name: the content, and what is said of it."""
    view = drawing.draw_view()
    jpeg, progressive = _jpeg(view), _jpeg(np.zeros((4000, 4000), np.uint8), progressive=True)
    last_scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    j2k = _jpeg(view, format="JPEG2000", no_jp2=True)
    j2k_size = j2k.index(b"\xff\x51") + 6
    huge_j2k = j2k[:j2k_size] + struct.pack(">II", 65_500, 65_500) + j2k[j2k_size + 8 : j2k_size + 16]
    huge_j2k += struct.pack(">II", 65_500, 65_500) + j2k[j2k_size + 24 :]
    tiled_j2k = j2k[: j2k_size + 16] + struct.pack(">II", 1, 1) + j2k[j2k_size + 24 :]
    pixels = _chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in view)))
    height_px, width_px = _MOST_PIXELS
    shape = (len(view), len(view[0]))
    largest = _chunk(b"IDAT", _zeros(height_px * (1 + 2 * width_px)))
    noise = np.random.default_rng(0).integers(0, 255, (3000, 6000), np.uint8)
    packed = _zeros(200 << 20)
    mess = [_chunk(kind, b"x\0\0" + packed) for kind in (b"iCCP", b"zTXt")]
    return {
        "jpeg in dicom": (_dicom(_with_size(jpeg, 65_500, 65_500), pydicom.uid.JPEGBaseline8Bit), "where its tags say"),
        "j2k in dicom": (_dicom(huge_j2k, pydicom.uid.JPEG2000Lossless), "frame of 65,500 × 65,500 pixels where"),
        "tiles in dicom": (_dicom(tiled_j2k, pydicom.uid.JPEG2000Lossless), "comes in 104,000 tiles"),
        "rle in dicom": (
            _dicom(struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * 1000, pydicom.uid.RLELossless),
            "that is truncated or cannot be decoded",
        ),
        "jpeg": (_with_size(jpeg, 65_500, 65_500), "65,500 × 65,500 pixels; more than"),
        "jpeg that lacks its pixels": (_with_size(jpeg, *_MOST_PIXELS), "is truncated or corrupt"),
        "progressive jpeg": (_with_size(progressive, *_MOST_PIXELS, b"\xff\xc2"), "MB to decode"),
        "scans": (progressive[:-2] + 2000 * last_scan + b"\xff\xd9", "scans, more than any photograph"),
        "markers": (jpeg[:2] + b"\xff\xfe\0\2" * 65_536 + jpeg[2:], "more than 10,000 segments"),
        "fill bytes": (jpeg[:2] + b"\xff" * 20_000_000 + jpeg[2:], "is damaged"),
        "fill bytes in a scan": (jpeg[:-2] + b"\xff" * 20_000_000 + b"\xd0", "is truncated"),
        "largest png": (_png(_MOST_PIXELS, 16, 0, largest), str(_MOST_PIXELS)),
        "colours": (_png(_MOST_PIXELS, 16, 6, largest), "MB to decode"),
        "one chunk": (_png((3000, 6000), 8, 0, _chunk(b"IDAT", zlib.compress(noise.tobytes(), 0))), "fewer pixels"),
        "more pixels": (_png(shape, 8, 0, largest), "holds more pixels than its header says"),
        "profiles and texts": (_png(shape, 8, 0, *mess, pixels), str(shape)),
        "animation": (_png(shape, 8, 0, _chunk(b"acTL", bytes([0, 1, 0, 0] * 2)), pixels), "65,536 pictures"),
        "chunks": (_png(shape, 8, 0, _chunk(b"tEXt", b"") * 300_000, pixels), "more than 200,000 chunks"),
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, tuple[str, float, int]]:
    folder: pathlib.Path = tmp_path_factory.mktemp("bombs")
    for name, (content, _) in _bombs().items():
        (folder / name).write_bytes(content)
    with (folder / "holes").open("wb") as file:  # a sparse file
        file.write(drawing.write(folder / "view.png", drawing.draw_view()).read_bytes())
        file.truncate(100 << 30)
    command = [sys.executable, "-c", _PROGRAM, str(folder)]
    ended = subprocess.run(command, env=programs.environment(), capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def test_each_is_answered_by_what_it_is(answers):
    expected = {name: said for name, (_, said) in _bombs().items()} | {"holes": "MB, more than any mammogram"}
    assert {name: answers[name][0] for name in expected if expected[name] not in answers[name][0]} == {}


def test_none_takes_more_memory_or_time_than_one_file_may(answers):
    assert {name: answer for name, answer in answers.items() if answer[1] > _LONGEST_S or answer[2] > _MOST_BYTES} == {}
