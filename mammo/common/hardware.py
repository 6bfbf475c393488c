"""Features of the machine, found without TensorFlow."""

import pathlib

_PROCESSOR = pathlib.Path("/proc/cpuinfo")
_NVIDIA = pathlib.Path("/proc/driver/nvidia/gpus")  # a folder for each, with a file "information": "Model: NVIDIA H100"


def has_amx() -> bool:
    """Tells whether the processor has AMX units, without which bfloat16 is slower than float32."""
    return _PROCESSOR.is_file() and "amx_bf16" in _PROCESSOR.read_text()


def gpu_models() -> list[str]:
    """Returns the model of each GPU of NVIDIA, as the driver names it."""
    lines = [line for path in sorted(_NVIDIA.glob("*/information")) for line in path.read_text().splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
