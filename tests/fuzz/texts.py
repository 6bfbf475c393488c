"""Readers of tables, JSON and the text files of data sets."""

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data_tools.sources import ddsm_files
from data_tools.sources.coco import Coco
from mammo.common.errors import InputError
from mammo.data import manifests
from mammo.imaging import pixel_path
from mammo.inference import exam_table, signing
from mammo.writers import journal
from tests.data_tools.sources.mini_ddsm_tree import Tree
from tests.fuzz.reader import Reader

_COCO_SHEET = "file_name,patient_id,laterality,view,density,pathology\na.png,P1,LEFT,CC,2,BENIGN\n"
_COCO_BOXES = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 120}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 30.5, 40]}],
    }
)
_OVERLAY = (
    "TOTAL_ABNORMALITIES 1\nABNORMALITY 1\nLESION_TYPE MASS SHAPE OVAL MARGINS ILL_DEFINED\nASSESSMENT 4\nSUBTLETY 3\n"
    "PATHOLOGY MALIGNANT\nTOTAL_OUTLINES 1\nBOUNDARY\n 40 30 0 0 2 2 4 4 6 6 #\n"
)
_ICS = (
    "ics_version 1.0\nfilename C-0007-1\nDATE_OF_STUDY 1 2 1993\nPATIENT_AGE 67\nFILM_TYPE REGULAR\nDENSITY 2\n"
    "DATE_DIGITIZED 1 2 1997\nDIGITIZER LUMISYS LASER\nSEQUENCE\n"
    "LEFT_CC LINES 4000 PIXELS_PER_LINE 3000 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY\n"
)


def _written(name: str, read: Callable[[pathlib.Path], object]) -> Callable[[pathlib.Path, bytes], object]:
    """Writes the bytes as a file of that name in the folder, and reads the file."""

    def read_bytes(folder: pathlib.Path, content: bytes) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return read_bytes


def read_coco(folder: pathlib.Path, sheet: bytes, boxes: bytes) -> None:
    """Lists a COCO data set and annotates all of its views."""
    (folder / "cases.csv").write_bytes(sheet)
    (folder / "_annotations.coco.json").write_bytes(boxes)
    source = Coco(folder)
    for exam in source.list_exams():
        for view in exam.views:
            source.annotate(exam, view, 120, 100)


def read_sheet(folder: pathlib.Path, content: bytes) -> None:
    """Lists a Mini-DDSM of one case, whose spreadsheet the bytes are."""
    path = folder / "Data-MoreThanTwoMasks" / "Data-MoreThanTwoMasks.xlsx"
    if not path.exists():
        Tree(folder).case().sheet()
    path.write_bytes(content)
    Tree(folder).source().list_exams()


def sheet_seeds() -> Iterator[bytes]:
    """The spreadsheet of one case."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        Tree(root).case().sheet()
        yield (root / "Data-MoreThanTwoMasks" / "Data-MoreThanTwoMasks.xlsx").read_bytes()


def manifest_seeds() -> Iterator[bytes]:
    """A manifest of one shard in each split."""
    fields = {
        "format_version": manifests.FORMAT_VERSION, "source": "phantom", "labels": "overlay",
        "pixel_path_version": pixel_path.PIXEL_PATH_VERSION,
        "height": 64, "width": 40, "encoding": "png16", "seed": 0, "rejected": 0, "widened": 0,
        "splits": {name: _split(name) for name in manifests.SPLITS},
    }  # fmt: skip
    yield json.dumps(fields).encode()


def _split(name: str) -> dict[str, object]:
    file = {"content": "views", "records": 1, "bytes": 1000, "sha256": "0" * 64}
    return {
        "patients": 1,
        "exams": 1,
        "images": {"normal": 1, "benign": 0, "cancer": 0},
        "lesions": {"benign": 0, "cancer": 0},
        "crops": {"background": 1, "benign": 0, "cancer": 0},
        "shards": [file | {"name": f"{name}.tfrecord"}],
        "indexes": [file | {"name": f"{name}.jsonl"}],
    }


def key_seeds() -> Iterator[bytes]:
    """The public key that a person trusts."""
    public = Ed25519PrivateKey.generate().public_key()
    yield public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_keys(path: pathlib.Path) -> None:
    """Reads a file as a private key, and then as one to trust."""
    with contextlib.suppress(InputError):
        signing.read_private_key(path)
    signing.read_trusted(path)


READERS: Mapping[str, Reader] = {
    "exam_table": Reader(
        _written("exams.csv", exam_table.read),
        lambda: [b"exam_id,path,laterality,projection\n17,a/b.png,L,CC\n", "\ufeffexam_id;path\r\n1;a\r\n".encode()],
    ),
    "coco_sheet": Reader(
        lambda folder, content: read_coco(folder, content, _COCO_BOXES.encode()), lambda: [_COCO_SHEET.encode()]
    ),
    "coco_boxes": Reader(
        lambda folder, content: read_coco(folder, _COCO_SHEET.encode(), content), lambda: [_COCO_BOXES.encode()]
    ),
    "overlay": Reader(_written("a.OVERLAY", ddsm_files.read_overlay), lambda: [_OVERLAY.encode()]),
    "ics": Reader(_written("a.ics", lambda path: ddsm_files.read_scan(path, "LEFT_CC")), lambda: [_ICS.encode()]),
    "sheet": Reader(read_sheet, sheet_seeds),
    "journal": Reader(
        _written(journal.NAME, lambda path: journal.read(path.parent)),
        lambda: [b'{"exam_id": "a", "files": "b", "written": {"a.json": 3}, "result": null}\n'],
    ),
    "key": Reader(_written("key.pem", read_keys), key_seeds),
    "manifest": Reader(_written(manifests.FILE_NAME, lambda path: manifests.read(path.parent)), manifest_seeds),
}
"""By name."""
