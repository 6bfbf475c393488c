"""What we take of TensorFlow Addons: the one place that imports it, since it is maintained no longer, and says so."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons \(TFA\) has ended", category=UserWarning)
    from tensorflow_addons.image import transform as transform_images

__all__ = ["transform_images"]
