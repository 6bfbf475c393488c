import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_tools import records
from data_tools.records import RecordOptions
from data_tools.source import Annotation, Lesion
from mammo.clinical.labels import Label
from mammo.common.errors import ImageError
from mammo.config.data import Encoding
from mammo.data import schema
from mammo.data.batch import grey_levels
from mammo.data.encodings import Content
from tests import drawing
from tests.data_tools import drawn_source
from tests.data_tools.drawn_source import DrawnSource

LEFT_CC = 0


@pytest.fixture
def source(tmp_path):
    return DrawnSource(tmp_path, exams=3).write()


def _options(source, **changes) -> RecordOptions:
    options = RecordOptions(source.data_dir, 256, 160, Encoding.PNG16, seed=0, background_crops=1)
    return dataclasses.replace(options, **changes)


def _make(source, number=2, view=LEFT_CC, **changes):
    exam = source.list_exams()[number]
    return records.make(_options(source, **changes), source, exam, exam.views[view])


def _decode(record):
    decoded = schema.decode(tf.constant(schema.encode(record)), Encoding.PNG16)
    decoded["image"] = grey_levels(decoded["image"])
    return {key: value.numpy() for key, value in decoded.items()}


def _box_of_disc(image):
    ys, xs = np.nonzero(image[..., 0] > 0.85)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


def test_the_box_of_a_view_lies_on_its_lesion(source):
    view = _decode(_make(source).view)
    assert view["label"] == Label.CANCER
    assert view["image"].shape == (256, 160, 1)
    np.testing.assert_allclose(_box_of_disc(view["image"]), view["boxes_xyxy_px"][0], atol=1.5)


def test_a_lesion_crop_is_at_full_resolution_with_its_lesion_in_the_middle(source):
    made = _make(source)
    crop = _decode(made.crops[0])
    assert crop["content"] == b"lesion"
    np.testing.assert_array_equal(_box_of_disc(crop["image"]), crop["boxes_xyxy_px"][0])
    np.testing.assert_array_equal(crop["focus_xyxy_px"], crop["boxes_xyxy_px"][0])
    window = crop["window_xyxy_px"]
    assert (window[3] - window[1], window[2] - window[0]) == (crop["height_px"], crop["width_px"])


def test_background_crops_are_about_places_without_a_lesion(source):
    made = _make(source, background_crops=8)
    backgrounds = [_decode(crop) for crop in made.crops[1:]]
    assert backgrounds
    lesion = np.array(drawn_source.disc_box_xyxy_px("left"))
    for crop in backgrounds:
        assert crop["content"] == b"background"
        assert crop["label"] == Label.NORMAL
        assert crop["boxes_xyxy_px"].shape == (0, 4)
        shift = np.tile(crop["window_xyxy_px"][:2], 2)  # the view is not mirrored, the crop not shrunk
        focus = crop["focus_xyxy_px"] + shift
        assert (np.maximum(focus[:2], lesion[:2]) >= np.minimum(focus[2:], lesion[2:])).any()


def test_a_normal_view_gives_background_only(source):
    made = _make(source, number=0)
    assert made.view["label"] == Label.NORMAL
    assert [crop["content"] for crop in made.crops] == [Content.BACKGROUND]


def test_the_same_seed_gives_the_same_records_and_another_seed_other_crops(source):
    same = [schema.encode(crop) for crop in _make(source).crops]
    assert same == [schema.encode(crop) for crop in _make(source).crops]
    assert same != [schema.encode(crop) for crop in _make(source, seed=1).crops]


def test_what_the_sheet_does_not_know_is_stored_as_unknown(source):
    view = _decode(_make(source).view)
    assert view["age_years"] == -1
    assert view["density"] == 2
    assert view["assessments"].tolist() == [-1]
    assert view["subtleties"].tolist() == [4]
    assert view["path"] == b"0002/left_cc.png"


def test_a_lesion_beside_the_breast_widens_the_crop(source):
    @dataclasses.dataclass(frozen=True)
    class Beside(DrawnSource):
        def annotate(self, exam, view, height_px, width_px):
            return Annotation((Lesion((200, 5, 240, 30), exam.status),), spacing_mm=None)

    made = _make(Beside(source.data_dir, exams=3))
    assert made.is_widened
    assert not _make(source).is_widened
    x_min, y_min, x_max, y_max = made.view["boxes_xyxy_px"][0]
    assert 0 <= x_min < x_max <= 160
    assert 0 <= y_min < y_max <= 256


def test_a_bad_view_is_named(source):
    view = source.list_exams()[0].views[0]
    drawing.write(view.path, np.zeros((drawn_source.HEIGHT_PX, drawn_source.WIDTH_PX), np.uint8))
    with pytest.raises(ImageError, match="shows no breast"):
        _make(source, number=0)
    view.path.write_bytes(b"")
    with pytest.raises(ImageError, match="is empty"):
        _make(source, number=0)


def test_crops_of_a_small_image_stay_inside_it(source):
    path = source.list_exams()[2].views[0].path
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (400, 260)  # narrower than a crop
    for crop in _make(source, background_crops=4).crops:
        x_min, y_min, x_max, y_max = crop["window_xyxy_px"]
        assert 0 <= x_min < x_max <= 260
        assert 0 <= y_min < y_max <= 400
