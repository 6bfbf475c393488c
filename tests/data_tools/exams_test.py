import pytest

from data_tools import exams

BENIGN = exams.Lesion((0, 0, 5, 5), exams.Label.BENIGN)
CANCER = exams.Lesion((0, 0, 5, 5), exams.Label.CANCER)


@pytest.mark.parametrize(
    ("lesions", "label"),
    [((), exams.Label.NORMAL), ((BENIGN,), exams.Label.BENIGN), ((CANCER, BENIGN), exams.Label.CANCER)],
)
def test_the_worst_lesion_labels_a_view(lesions, label):
    assert exams.Annotation(lesions, spacing_mm=None).label == label


@pytest.mark.parametrize("box", [(5, 0, 5, 9), (0, 9, 5, 3)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="x_min < x_max"):
        exams.Lesion(box, exams.Label.CANCER)


def test_a_lesion_is_never_normal():
    with pytest.raises(ValueError, match="never NORMAL"):
        exams.Lesion((0, 0, 5, 5), exams.Label.NORMAL)
