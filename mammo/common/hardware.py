"""What the machine has, without asking TensorFlow."""

import pathlib

_PROCESSOR = pathlib.Path("/proc/cpuinfo")


def has_amx() -> bool:
    """Tells whether the processor has units for bfloat16: without them it is slower than float32."""
    return _PROCESSOR.is_file() and "amx_bf16" in _PROCESSOR.read_text()
