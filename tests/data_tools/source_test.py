import pathlib

import pytest

from data_tools.source import Annotation, Lesion, ListedView
from mammo.clinical.labels import Label

BENIGN = Lesion((0, 0, 5, 5), Label.BENIGN)
CANCER = Lesion((0, 0, 5, 5), Label.CANCER)
UNKNOWN = Lesion((0, 0, 5, 5), Label.UNKNOWN)


@pytest.mark.parametrize(
    ("lesions", "label"),
    [((), Label.NORMAL), ((BENIGN,), Label.BENIGN), ((CANCER, BENIGN), Label.CANCER)],
)
def test_the_worst_lesion_labels_a_view(lesions, label):
    assert Annotation(lesions, spacing_mm=None).label == label


def test_a_lesion_that_nobody_judged_may_be_the_worst():
    assert Annotation((CANCER, UNKNOWN), spacing_mm=None).label == Label.UNKNOWN


def test_a_view_that_nobody_judged_is_not_normal():
    assert Annotation((), spacing_mm=None, is_judged=False).label == Label.UNKNOWN
    assert Annotation((BENIGN,), spacing_mm=None, is_judged=False).label == Label.BENIGN


@pytest.mark.parametrize("box", [(5, 0, 5, 9), (0, 9, 5, 3)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="x_min < x_max"):
        Lesion(box, Label.CANCER)


def test_a_lesion_is_never_normal():
    with pytest.raises(ValueError, match="never NORMAL"):
        Lesion((0, 0, 5, 5), Label.NORMAL)


@pytest.mark.parametrize(
    ("path", "caption"),
    [("0007/C_0007_1.LEFT_CC.jpg", "C_0007_1.LEFT_CC"), ("C_0007_1/LEFT_CC.png", "C_0007_1 LEFT_CC")],
)
def test_a_caption_says_which_exam_a_view_is_of(path, caption):
    assert ListedView("C_0007", "C_0007_1", None, None, pathlib.Path(path)).caption == caption
