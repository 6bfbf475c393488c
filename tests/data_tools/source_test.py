import pytest

from data_tools.source import Annotation, Label, Lesion

BENIGN = Lesion((0, 0, 5, 5), Label.BENIGN)
CANCER = Lesion((0, 0, 5, 5), Label.CANCER)


@pytest.mark.parametrize(
    ("lesions", "label"),
    [((), Label.NORMAL), ((BENIGN,), Label.BENIGN), ((CANCER, BENIGN), Label.CANCER)],
)
def test_the_worst_lesion_labels_a_view(lesions, label):
    assert Annotation(lesions, spacing_mm=None).label == label


@pytest.mark.parametrize("box", [(5, 0, 5, 9), (0, 9, 5, 3)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="x_min < x_max"):
        Lesion(box, Label.CANCER)


def test_a_lesion_is_never_normal():
    with pytest.raises(ValueError, match="never NORMAL"):
        Lesion((0, 0, 5, 5), Label.NORMAL)
