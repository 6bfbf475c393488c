"""What many exams are answered with: batches over exams, compiled, in half precision, where there is a GPU."""

import dataclasses

import tensorflow as tf

_AMPERE = 8  # compute capability: the first GPUs with bfloat16
_BATCH_VIEWS = 16
_PAYS_FROM_VIEWS = 128  # since compiling takes a while; a guess, not yet measured on a GPU


@dataclasses.dataclass(frozen=True)
class Acceleration:
    """How many exams are answered.

    Attributes:
        batch_images: A network is asked about so many views or crops at once, of several exams; compiled for just this
            number, so that a smaller batch is padded. Halved where the memory of the device has no room.
        from_views: Only for so many views or more, since compiling takes a while.
        is_halved: Whether convolutions and matrix products are in bfloat16, the rest in float32.
    """

    batch_images: int = _BATCH_VIEWS
    from_views: int = _PAYS_FROM_VIEWS
    is_halved: bool = False


def choose(precision: str) -> Acceleration | None:
    """Decides by the devices of this machine.

    Args:
        precision: "auto", "float32" or "bfloat16". "auto" is bfloat16 where the GPU has it.

    Returns:
        None where there is no GPU: whether more than the views of an exam at once help there is not measured.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    major, _ = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
    return Acceleration(is_halved=precision == "bfloat16" or (precision == "auto" and major >= _AMPERE))
