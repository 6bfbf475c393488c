"""What we use of TensorFlow Addons. It is no longer maintained, and warns so, so that this module alone imports it."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons \(TFA\) has ended", category=UserWarning)
    from tensorflow_addons.image import transform as transform_images

__all__ = ["transform_images"]
