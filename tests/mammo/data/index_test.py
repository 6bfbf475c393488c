import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.clinical.labels import Label, Laterality, Projection
from mammo.common import files
from mammo.config.data import Encoding
from mammo.data import index, schema
from tests.mammo.data import small_shards

_FLOATS = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def records(draw):
    """A record of which everything differs but its image."""
    lesions = draw(st.integers(0, 3))

    def of_each(values):
        return draw(st.lists(values, min_size=lesions, max_size=lesions))

    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    return small_shards.record("train", 0, 0, 0) | {
        **{name: draw(text) for name in ("patient_id", "exam_id", "volume", "path")},
        "laterality": draw(st.sampled_from(["", *Laterality])),
        "projection": draw(st.sampled_from(["", *Projection])),
        "label": draw(st.sampled_from(Label)),
        "age_years": draw(_FLOATS),
        "density": draw(st.integers(0, 4)),
        "source_spacing_mm": draw(_FLOATS),
        "boxes_xyxy_px": np.array(of_each(st.tuples(*[_FLOATS] * 4)), np.float64).reshape(-1, 4),
        "pathologies": of_each(st.sampled_from([Label.UNKNOWN, Label.BENIGN, Label.CANCER])),
        "kinds": of_each(text),
        "outline_indices": [0] * lesions,
        "areas_px": of_each(_FLOATS),
        "assessments": [-1] * lesions,
        "subtleties": of_each(st.integers(-1, 5)),
        "is_mirrored": draw(st.booleans()),
        "window_xyxy_px": tuple(np.array(draw(st.lists(st.integers(0, 9999), min_size=4, max_size=4)))),
    }


@given(record=records(), key=st.integers(0, 1 << 60))
def test_a_row_says_what_the_stored_record_says(record, key):
    infos = index.parse([index.row_of(key, record)])
    assert list(infos) == [key]
    info = infos[key]
    stored = {name: value.numpy() for name, value in schema.decode(schema.encode(record), Encoding.RAW).items()}
    for name in ("patient_id", "exam_id", "volume", "path"):
        assert getattr(info, name) == stored[name].decode()
    for name in ("laterality", "projection"):
        assert (getattr(info, name) or "") == stored[name].decode()
    assert info.laterality is None or isinstance(info.laterality, Laterality)
    assert info.projection is None or isinstance(info.projection, Projection)
    for name in ("age_years", "density", "label", "source_height_px", "source_width_px", "source_spacing_mm"):
        assert getattr(info, name) == stored[name]
    for name in ("boxes_xyxy_px", "pathologies", "areas_px", "subtleties"):
        assert getattr(info, name).dtype == stored[name].dtype
        np.testing.assert_array_equal(getattr(info, name), stored[name])
    assert info.kinds == tuple(kind.decode() for kind in stored["kinds"])
    placement = info.placement
    assert placement.window_xyxy_px == tuple(stored["window_xyxy_px"])
    assert (placement.content_height_px, placement.content_width_px) == (small_shards.HEIGHT_PX, small_shards.WIDTH_PX)
    assert placement.is_mirrored == bool(stored["is_mirrored"])


def test_a_row_is_one_line_of_plain_json():
    record = small_shards.record("train", 0, 1, 2) | {"path": "a\nb\u2028ü.png"}
    row = index.row_of(7, record)
    assert row.isascii()
    assert "\n" not in row
    assert json.loads(row)["path"] == "a\nb\u2028ü.png"
    assert index.row_of(7, record) == row


def test_what_is_written_is_what_the_manifest_is_told(tmp_path):
    rows = [index.row_of(key, small_shards.record("train", 0, key, 1)) for key in range(3)]
    made = index.write(tmp_path, "test", "crops", rows)
    path = tmp_path / "index-test-crops.jsonl"
    assert path.read_text().splitlines() == rows
    assert (made.name, made.content, made.records) == (path.name, "crops", 3)
    assert (made.bytes, made.sha256) == (path.stat().st_size, files.sha256_of(path))


@pytest.mark.parametrize("row", ["[]", "3", "{}", '{"key": 1}', "{"])
def test_a_row_of_something_else_is_refused(row):
    with pytest.raises(ValueError, match=r"."):
        index.parse([row])
