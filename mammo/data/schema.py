"""The schema of a record: one table, from which encoding and decoding are made.

A record is a `tf.train.Example` that holds one image with its lesions: a whole view, or a crop of one at full
resolution. Everything in it is in pixels of that image unless the table says otherwise.
"""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mammo.config.data import Encoding
from mammo.data import encodings
from mammo.data.batch import PADDING

_MOST_SIDE_PX, _MOST_PX = 1 << 15, 1 << 28  # of an image in a record
_OF_IMAGE = ("image", "height_px", "width_px")  # what an image is decoded by
_PNG_SIZE_AT = 16  # signature, length and name of the first chunk, IHDR: RFC 2083, section 4.1.1


@dataclasses.dataclass(frozen=True)
class Feature:
    """One line of the table.

    Attributes:
        dtype: tf.string, tf.int64 or tf.float32, as an Example stores it.
        shape: None stands for the number of lesions, N.
        meaning: With its unit, and the value that means "unknown".
    """

    dtype: tf.DType
    shape: tuple[int | None, ...]
    meaning: str


FEATURES: Mapping[str, Feature] = {
    "patient_id": Feature(tf.string, (), "the unit of splits and intervals"),
    "exam_id": Feature(tf.string, (), "unique in the source"),
    "volume": Feature(tf.string, (), "part of the source, A to D in DDSM"),
    "path": Feature(tf.string, (), "of the source file, relative to its data set"),
    "laterality": Feature(tf.string, (), "left or right; empty: unknown"),
    "projection": Feature(tf.string, (), "cc or mlo; empty: unknown"),
    "age_years": Feature(tf.float32, (), "-1: unknown"),
    "density": Feature(tf.int64, (), "BI-RADS 1 to 4; 0: unknown"),
    "content": Feature(tf.string, (), "a Content"),
    "label": Feature(tf.int64, (), "what is shown, a Label: -1 unknown, 0 normal, 1 benign, 2 cancer"),
    "image": Feature(tf.string, (), "encoded grey levels"),
    "height_px": Feature(tf.int64, (), "of the image"),
    "width_px": Feature(tf.int64, (), "of the image"),
    "focus_xyxy_px": Feature(tf.float32, (4,), "what the image is about: the breast, a lesion, or a place without one"),
    "boxes_xyxy_px": Feature(tf.float32, (None, 4), "one a lesion"),
    "pathologies": Feature(tf.int64, (None,), "a Label each: -1 unknown, 1 benign, 2 cancer"),
    "kinds": Feature(tf.string, (None,), "mass, calcification, mass+calcification, other or unknown"),
    "outline_indices": Feature(tf.int64, (None,), "number of the outline in the source; 0: none"),
    "areas_px": Feature(tf.float32, (None,), "inside the outline, in pixels of the source; -1: unknown"),
    "assessments": Feature(tf.int64, (None,), "BI-RADS 0 to 5; -1: unknown"),
    "subtleties": Feature(tf.int64, (None,), "1 subtle to 5 obvious; -1: unknown"),
    "source_height_px": Feature(tf.int64, (), "of the source file"),
    "source_width_px": Feature(tf.int64, (), "of the source file"),
    "source_spacing_mm": Feature(tf.float32, (), "side of a pixel of the source file; -1: unknown"),
    "window_xyxy_px": Feature(tf.int64, (4,), "part of the source that is shown, in its pixels"),
    "content_height_px": Feature(tf.int64, (), "of that part in the image; below it is padding"),
    "content_width_px": Feature(tf.int64, (), "of that part in the image; right of it is padding"),
    "is_mirrored": Feature(tf.int64, (), "1 where left and right are exchanged against the source"),
}


def encode(record: Mapping[str, Any]) -> bytes:
    """Serialises a record; the same record always gives the same bytes.

    Args:
        record: A value for every key of `FEATURES`, of its shape.

    Raises:
        ValueError: A key is missing or unknown, or a value is not of the table's shape.
    """
    if record.keys() != FEATURES.keys():
        raise ValueError(f"a record has the keys of FEATURES; these differ: {sorted(record.keys() ^ FEATURES.keys())}")
    lesions = len(record["pathologies"])
    example = tf.train.Example()
    for key, feature in FEATURES.items():
        shape = tuple(lesions if size is None else size for size in feature.shape)
        value = np.asarray(record[key], object if feature.dtype == tf.string else feature.dtype.as_numpy_dtype)
        if value.size != np.prod(shape, dtype=int):
            raise ValueError(f"{key} must have shape {shape}, got {value.shape}")
        _append(example.features.feature[key], feature.dtype, value.reshape(-1).tolist())
    return example.SerializeToString(deterministic=True)


def decode(serialized: tf.Tensor, encoding: Encoding) -> dict[str, tf.Tensor]:
    """Parses one record and decodes its image, inside or outside of a tf.data graph.

    Args:
        serialized: string [], as `encode` gives it.
        encoding: How the shards' manifest says that images are stored.

    Returns:
        A tensor for every key of `FEATURES`, of its dtype and shape, but `image`: [H, W, 1] of `image_dtype`.
    """
    parsed = tf.io.parse_single_example(serialized, {key: _parser(feature) for key, feature in FEATURES.items()})
    (parsed["image"],) = _decode_images([parsed["image"]], _sizes_px(parsed)[None], encoding)
    return parsed


def parse_batch(serialized: tf.Tensor, names: Sequence[str]) -> dict[str, tf.Tensor]:
    """Parses some records in one go.

    Args:
        serialized: string [B], B static.
        names: Some of `FEATURES`, without what an image is decoded by.

    Returns:
        A tensor [B, ...] for each of `names` and for what an image is decoded by, where one a lesion
        [B, most lesions, ...] with `PADDING` as box and 0 as pathology of what is none.
    """
    return tf.io.parse_example(serialized, {name: _parser(FEATURES[name]) for name in (*names, *_OF_IMAGE)})


def decode_images(parsed: Mapping[str, tf.Tensor], encoding: Encoding) -> list[tf.Tensor]:
    """Decodes the images, of any sizes, of what `parse_batch` gives; each is as that of `decode`."""
    return _decode_images(tf.unstack(parsed["image"]), _sizes_px(parsed), encoding)


def decode_views(parsed: Mapping[str, tf.Tensor], encoding: Encoding, height_px: int, width_px: int) -> tf.Tensor:
    """Decodes the images, all of one size, of what `parse_batch` gives: `image_dtype` [B, height_px, width_px, 1]."""
    if encoding != Encoding.RAW:
        images = decode_images(parsed, encoding)
        return tf.stack([tf.ensure_shape(image, [height_px, width_px, 1]) for image in images])
    # All at once: to take the strings apart, and to stack what they hold, would copy the pixels twice more.
    encoded, sizes_px = parsed["image"], _sizes_px(parsed)
    with _asserted(sizes_px == tf.constant([height_px, width_px], tf.int64), sizes_px):
        pixels = tf.io.decode_raw(tf.identity(encoded), tf.uint16, little_endian=True)
    return tf.reshape(pixels, [encoded.shape[0], height_px, width_px, 1])


def _sizes_px(parsed: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns int64 [B, 2], height and width."""
    return tf.stack([parsed["height_px"], parsed["width_px"]], axis=-1)


def blank(height_px: int, width_px: int, encoding: Encoding) -> bytes:
    """Returns a record of a black image and nothing else, which pads a batch."""
    record = {
        name: np.zeros([size or 0 for size in feature.shape], object if feature.dtype == tf.string else int)
        for name, feature in FEATURES.items()
    }
    image = encodings.encode_image(np.zeros((height_px, width_px), np.float32), encoding)
    return encode({**record, "image": image, "height_px": height_px, "width_px": width_px})


def image_dtype(encoding: Encoding) -> tf.DType:
    """Returns the type of the images that `decode` gives: uint8 or uint16, white is its maximum."""
    return tf.uint16 if encoding in (Encoding.PNG16, Encoding.RAW) else tf.uint8


def _decode_images(encoded: Sequence[tf.Tensor], sizes_px: tf.Tensor, encoding: Encoding) -> list[tf.Tensor]:
    """Decodes images, string [] each, that are as large as `sizes_px`, int64 [B, 2], says: height and width."""
    is_possible = (sizes_px > 0) & (sizes_px <= _MOST_SIDE_PX) & (tf.reduce_prod(sizes_px, axis=1) <= _MOST_PX)[:, None]
    if encoding != Encoding.RAW:  # before a decoder takes memory for as many pixels as the file claims to have
        is_possible &= tf.stack([_claimed_size_px(image, encoding) for image in encoded]) == sizes_px
    with _asserted(is_possible, sizes_px):
        return [
            _decode_image(tf.identity(image), size_px, encoding)
            for image, size_px in zip(encoded, tf.unstack(sizes_px, len(encoded)), strict=True)
        ]


def _asserted(is_possible: tf.Tensor, sizes_px: tf.Tensor) -> contextlib.AbstractContextManager[object]:
    """Lets what is made inside wait for a check of sizes: bool [B, 2] and int64 [B, 2]."""
    check = tf.debugging.Assert(tf.reduce_all(is_possible), ["An image cannot be of its size:", sizes_px])
    inside: contextlib.AbstractContextManager[object] = tf.control_dependencies([] if check is None else [check])
    return inside  # outside a graph the check is none


def _decode_image(encoded: tf.Tensor, size_px: tf.Tensor, encoding: Encoding) -> tf.Tensor:
    if encoding == Encoding.RAW:
        return tf.reshape(tf.io.decode_raw(encoded, tf.uint16, little_endian=True), tf.concat([size_px, [1]], axis=0))
    if encoding == Encoding.JPEG:
        return tf.io.decode_jpeg(encoded, channels=1)
    return tf.io.decode_png(encoded, channels=1, dtype=image_dtype(encoding))


def _claimed_size_px(encoded: tf.Tensor, encoding: Encoding) -> tf.Tensor:
    """Returns what the header of a PNG or a JPEG says: int64 [2], height and width."""
    if encoding == Encoding.JPEG:
        return tf.cast(tf.io.extract_jpeg_shape(encoded)[:2], tf.int64)
    width_height = tf.io.decode_raw(tf.strings.substr(encoded, _PNG_SIZE_AT, 8), tf.int32, little_endian=False)
    return tf.cast(tf.ensure_shape(width_height, [2])[::-1], tf.int64)


def _append(target: tf.train.Feature, dtype: tf.DType, values: list) -> None:
    if dtype == tf.string:
        target.bytes_list.value.extend(v if isinstance(v, bytes) else str(v).encode() for v in values)
    elif dtype == tf.int64:
        target.int64_list.value.extend(values)
    else:
        target.float_list.value.extend(values)


def _parser(feature: Feature) -> tf.io.FixedLenFeature | tf.io.FixedLenSequenceFeature:
    if None not in feature.shape:
        return tf.io.FixedLenFeature(feature.shape, feature.dtype)
    default = {tf.string: "", tf.int64: 0, tf.float32: float(PADDING)}[feature.dtype]
    return tf.io.FixedLenSequenceFeature(feature.shape[1:], feature.dtype, allow_missing=True, default_value=default)
