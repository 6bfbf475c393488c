"""Loads the networks of a bundle, in the best precision that the machine has."""

import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from mammo.common import hardware
from mammo.common.errors import InputError
from mammo.inference import bundles
from mammo.inference.bundles import NETWORKS_FOLDER, Bundle

Predict = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Takes images, float32 [B, H, W, 1] in [0, 1], and gives arrays [B, ...] by name."""


def set_precision(precision: str) -> str:
    """Sets what networks compute in, wherever they were trained; their weights are float32.

    Args:
        precision: "auto" is bfloat16 where the processor has units for it, float32 elsewhere; on a GPU that is
            TensorFloat-32, if it has it.

    Returns:
        "float32" or "bfloat16".
    """
    if precision == "auto":
        has_gpu = bool(tf.config.list_physical_devices("GPU"))
        precision = "bfloat16" if hardware.has_amx() and not has_gpu else "float32"
    # TensorFlow's own rewriting of graphs, which leaves in float32 what must stay so.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": precision == "bfloat16"})
    return precision


def load(bundle: Bundle, name: str) -> Predict:
    """Loads one network.

    Raises:
        InputError: This TensorFlow cannot load it.
    """
    folder = bundle.folder / NETWORKS_FOLDER / name
    loaded = _load(folder)
    signature = loaded.signatures[bundles.signature_of(bundle.facts.networks[name])]

    def predict(images: np.ndarray) -> Mapping[str, np.ndarray]:
        _ = loaded  # a signature does not keep alive what it is of
        return {key: value.numpy() for key, value in signature(image=tf.constant(images)).items()}

    return predict


def _load(folder: pathlib.Path) -> tf.Module:
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # TensorFlow warns that a frozen graph has no gradients
    try:
        return tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder} cannot be loaded by TensorFlow {tf.__version__} ({reason}).") from None
    finally:
        logging.set_verbosity(verbosity)
