"""What decides the bytes of a record beside its source: the decoders' releases, the project's code, the processor.

A machine on which they differ would give other bytes, and nothing later would tell: it is refused before its first
view.
"""

import functools
import hashlib
import importlib.metadata
import pathlib
import platform
import socket
from collections.abc import Mapping

import cv2

from mammo.common.errors import InputError

_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "simplejpeg", "pydicom", "python-gdcm", "tensorflow")
_OF_PROJECT = ("data_tools", "mammo/clinical", "mammo/common", "mammo/config", "mammo/data", "mammo/imaging")
_DIGITS = 12  # of a hash, as a person reads it


@functools.cache
def versions() -> Mapping[str, str]:
    """Returns the releases of Python and the decoders here, a hash of the project's code and AVX2, by their names."""
    releases = {name: importlib.metadata.version(name) for name in _PACKAGES}
    # With AVX2, which AVX-512 changes nothing of, OpenCV resizes to other last bits than without.
    has_avx2 = "*AVX2?" not in cv2.getCPUFeaturesLine()
    return {
        "Python": platform.python_version(),
        **releases,
        "mammo's code": _hash_of_code(),
        "a processor with AVX2": "yes" if has_avx2 else "no",
    }


def check_same(expected: Mapping[str, str]) -> None:
    """Refuses to work beside a process that has others.

    Args:
        expected: `versions` of the process that asks for the work.

    Raises:
        InputError: Some differ.
    """
    own = versions()
    differing = [
        f"{name} {own.get(name)} for {release}" for name, release in expected.items() if own.get(name) != release
    ]
    if differing:
        raise InputError(
            f"{socket.gethostname()} has {', '.join(differing)}, so that its images may differ in their bits; run "
            "one image of the project, or one checkout and lock, on every machine."
        )


def _hash_of_code() -> str:
    root = pathlib.Path(__file__).parents[1]
    paths = sorted(path for folder in _OF_PROJECT for path in (root / folder).rglob("*.py"))
    found = hashlib.sha256()
    for path in paths:
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:_DIGITS]
