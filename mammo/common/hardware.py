"""Features of the machine, found without TensorFlow."""

import pathlib

_PROCESSOR = pathlib.Path("/proc/cpuinfo")


def has_amx() -> bool:
    """Tells whether the processor has AMX units, without which bfloat16 is slower than float32."""
    return _PROCESSOR.is_file() and "amx_bf16" in _PROCESSOR.read_text()
