"""What TensorFlow reads from the environment as it is imported. What a person has set stays."""

import importlib.metadata
import os

from mammo.common import cache, hardware

_XLA_FLAGS = "TF_XLA_FLAGS"
_KEEPS_COMPILED = "--tf_xla_persistent_cache_directory"


def apply() -> None:
    """Sets what all programs run with; before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it would say what it lacks
    # By default only where the processor has AVX512-VNNI; with AVX2 alone a training step takes two thirds of the time.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Threads of their own for launching kernels, which else wait for those that decode images.
    os.environ.setdefault("TF_GPU_THREAD_MODE", "gpu_private")
    # Of a bucket, by default 64 for each file that is open, and a training reads sixteen at once.
    os.environ.setdefault("GCS_READ_CACHE_BLOCK_SIZE_MB", "8")
    if models := hardware.gpu_models():
        _keep_compiled(models)


def _keep_compiled(gpu_models: list[str]) -> None:
    """Has XLA keep what it compiles for GPUs, minutes of work, for later runs with the same kind of GPU.

    What it keeps is named by what was compiled alone, not by what for; so each kind and version has its own folder. On
    processors TensorFlow 2.15 cannot keep it: with such a folder it refuses to compile at all.
    """
    given, kinds = os.environ.get(_XLA_FLAGS, ""), "-".join(sorted(set(gpu_models)))
    name = f"{importlib.metadata.version('tensorflow')}-{kinds}".replace(" ", "_").replace("/", "_")
    folder = cache.folder(f"xla/{name}")
    if folder is None or _KEEPS_COMPILED in given or " " in str(folder):  # TensorFlow would take the path for two flags
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written: it compiles anew
        return
    kept = f"{_KEEPS_COMPILED}={folder} --tf_xla_persistent_cache_device_types=GPU"
    os.environ[_XLA_FLAGS] = f"{given} {kept}".strip()
