import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from mammo.config.data import Encoding
from mammo.data import encodings, schema
from mammo.data.batch import grey_levels
from mammo.data.encodings import Content


def make_record(image: np.ndarray, encoding: Encoding, lesions: int = 0) -> dict:
    height_px, width_px = image.shape
    boxes = np.arange(4 * lesions, dtype=np.float32).reshape(lesions, 4) + 0.25
    return {
        "patient_id": "C_0236", "exam_id": "C_0236_1", "volume": "C", "path": "Benign/0236/C_0236_1.RIGHT_CC.jpg",
        "laterality": "right", "projection": "cc", "age_years": 67.0, "density": 1,
        "content": Content.VIEW, "label": 1, "image": encodings.encode_image(image, encoding),
        "height_px": height_px, "width_px": width_px, "focus_xyxy_px": [0.0, 0, width_px, height_px],
        "boxes_xyxy_px": boxes, "pathologies": [1] * lesions, "kinds": ["mass"] * lesions,
        "outline_indices": list(range(1, lesions + 1)), "areas_px": [12.5] * lesions, "assessments": [4] * lesions,
        "subtleties": [-1] * lesions, "source_height_px": 2952, "source_width_px": 1828, "source_spacing_mm": 0.1,
        "window_xyxy_px": (0, 10, 1800, 2900), "content_height_px": height_px, "content_width_px": width_px,
        "is_mirrored": True,
    }  # fmt: skip


IMAGE = np.random.default_rng(0).random((24, 16)).astype(np.float32)


@hypothesis.given(st.integers(0, 5), st.sampled_from([Encoding.PNG16, Encoding.RAW]))
@hypothesis.settings(deadline=None, max_examples=12)
def test_a_record_comes_back_with_the_dtypes_and_shapes_of_the_table(lesions, encoding):
    record = make_record(IMAGE, encoding, lesions)
    decoded = schema.decode(tf.constant(schema.encode(record)), encoding)
    assert decoded.keys() == schema.FEATURES.keys()
    for key, feature in schema.FEATURES.items():
        if key == "image":
            continue
        assert decoded[key].dtype == feature.dtype, key
        assert decoded[key].shape == tuple(lesions if size is None else size for size in feature.shape), key
        if feature.dtype == tf.string:
            assert np.array_equal(decoded[key].numpy(), np.char.encode(np.array(record[key], str)))
        else:
            np.testing.assert_array_equal(decoded[key].numpy(), np.asarray(record[key], feature.dtype.as_numpy_dtype))


@pytest.mark.parametrize(
    ("encoding", "tolerance"),
    [
        (Encoding.PNG16, 0.5 / 65535),
        (Encoding.RAW, 0.5 / 65535),
        (Encoding.PNG8, 0.5 / 255),
        (Encoding.JPEG, 0.06),  # quality 95 on white noise, the worst case
    ],
)
def test_the_image_comes_back_within_the_step_of_its_encoding(encoding, tolerance):
    decoded = schema.decode(tf.constant(schema.encode(make_record(IMAGE, encoding))), encoding)["image"]
    assert decoded.dtype == schema.image_dtype(encoding)
    assert decoded.shape == (24, 16, 1)
    assert np.abs(grey_levels(decoded).numpy()[..., 0] - IMAGE).max() <= tolerance + 1e-7


def test_records_are_read_in_a_graph_from_a_shard(tmp_path):
    path = str(tmp_path / "shard.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for lesions in range(3):
            writer.write(schema.encode(make_record(IMAGE, Encoding.PNG16, lesions)))
    dataset = tf.data.TFRecordDataset(path).map(lambda record: schema.decode(record, Encoding.PNG16))
    assert [len(element["pathologies"]) for element in dataset] == [0, 1, 2]


def test_the_same_record_gives_the_same_bytes():
    record = make_record(IMAGE, Encoding.PNG16, 2)
    assert schema.encode(record) == schema.encode(dict(reversed(record.items())))


def test_a_missing_or_unknown_key_is_refused_by_name():
    record = make_record(IMAGE, Encoding.PNG16)
    with pytest.raises(ValueError, match="'density'"):
        schema.encode({key: value for key, value in record.items() if key != "density"})
    with pytest.raises(ValueError, match="'colour'"):
        schema.encode(record | {"colour": "grey"})


def test_a_value_of_another_shape_is_refused_by_name():
    record = make_record(IMAGE, Encoding.PNG16, 2)
    with pytest.raises(ValueError, match=r"kinds must have shape \(2,\)"):
        schema.encode(record | {"kinds": ["mass"]})
