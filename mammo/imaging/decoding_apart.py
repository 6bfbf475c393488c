"""Decodes a DICOM file in a process of its own: on some damaged files GDCM aborts the process that it runs in.

Nothing of mammo is imported here, so that the process starts fast.
"""

import io
import os
import subprocess
import sys

import numpy as np
import pydicom
import pydicom.config

_PROGRAM = "from mammo.imaging import decoding_apart; decoding_apart.main()"
_LONGEST_S = 60.0  # a large view takes one or two


def decode(content: bytes) -> np.ndarray:
    """Returns the stored values of a DICOM file's pixels, as pydicom's `pixel_array`.

    Args:
        content: Bytes of the file.

    Raises:
        ValueError: They cannot be decoded. Why is not told: a decoder may quote a tag, and so a patient's name.
        subprocess.TimeoutExpired: The decoder hangs.
    """
    command = [sys.executable, "-P", "-W", "ignore", "-c", _PROGRAM]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(
        command, input=content, capture_output=True, env=environment, check=False, timeout=_LONGEST_S
    )
    if ended.returncode:
        raise ValueError(f"the decoder ended with {ended.returncode}")
    return np.load(io.BytesIO(ended.stdout))


def main() -> None:
    """Reads a file from standard input, writes its pixels to standard output as NumPy does."""
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pixels = io.BytesIO()
    np.save(pixels, pydicom.dcmread(io.BytesIO(sys.stdin.buffer.read())).pixel_array)
    sys.stdout.buffer.write(pixels.getbuffer())
