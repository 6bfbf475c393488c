import dataclasses

import numpy as np
import pytest

from data_tools import annotated_views
from mammo.imaging.image_file import ImageFile
from tests import dicoms
from tests.data_tools import drawn_source
from tests.data_tools.drawn_source import DrawnSource


@dataclasses.dataclass(frozen=True)
class _StoredSource(DrawnSource):
    """A source that outlines the lesion in the pixels of its file, which lies on its side."""

    def annotate(self, exam, view, height_px, width_px):
        assert (height_px, width_px) == (drawn_source.WIDTH_PX, drawn_source.HEIGHT_PX)
        annotation = super().annotate(exam, view, width_px, height_px)
        lying = []
        for lesion in annotation.lesions:
            x_min, y_min, x_max, y_max = lesion.box_xyxy_px
            lying.append(dataclasses.replace(lesion, box_xyxy_px=(y_min, height_px - x_max, y_max, height_px - x_min)))
        return dataclasses.replace(annotation, lesions=tuple(lying))


def test_a_view_and_its_lesions_are_upright(tmp_path):
    source = _StoredSource(tmp_path, exams=3).write()
    exam = source.list_exams()[2]
    (view,) = [view for view in exam.views if (view.laterality, view.projection) == ("left", "cc")]
    upright = ImageFile(view.path).read_pixels()
    lying = np.rot90(upright)
    tags = {"ImageLaterality": "L", "ViewPosition": "CC", "PatientOrientation": ["R", "P"]}
    dicoms.write(view.path, dicoms.make_image(np.ascontiguousarray(lying), 8, **tags))
    pixels, annotation = annotated_views.read(source, exam, view)
    assert pixels.shape == upright.shape
    assert np.corrcoef(pixels.ravel(), upright.ravel())[0, 1] == pytest.approx(1)
    (lesion,) = annotation.lesions
    assert lesion.box_xyxy_px == drawn_source.disc_box_xyxy_px("left")


def test_of_a_view_that_stands_nothing_changes(tmp_path):
    source = DrawnSource(tmp_path, exams=3).write()
    exam = source.list_exams()[2]
    view = exam.views[0]
    pixels, annotation = annotated_views.read(source, exam, view)
    np.testing.assert_array_equal(pixels, ImageFile(view.path).read_pixels())
    assert annotation == source.annotate(exam, view, *pixels.shape)
