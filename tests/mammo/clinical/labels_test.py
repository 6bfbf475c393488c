import pytest

from mammo.clinical import labels
from mammo.clinical.labels import Label, Laterality, Projection


@pytest.mark.parametrize(
    ("text", "expected"),
    [("L", Laterality.LEFT), (" right ", Laterality.RIGHT), ("LEFT", Laterality.LEFT), ("B", None), ("", None)],
)
def test_laterality_is_read_as_it_is_spelt(text, expected):
    assert labels.parse_laterality(text) is expected


@pytest.mark.parametrize(("text", "expected"), [("CC", Projection.CC), ("mlo", Projection.MLO), ("ML", None)])
def test_projection_is_read_as_it_is_spelt(text, expected):
    assert labels.parse_projection(text) is expected


def test_both_numberings_of_the_codes_are_known():
    assert labels.projection_of_code("R-10242") is labels.projection_of_code("399162004") is Projection.CC
    assert labels.projection_of_code("R-10226") is labels.projection_of_code("399368009") is Projection.MLO
    assert labels.projection_of_code("R-10224") is None


def test_the_worst_label_counts_and_the_unknown_never_does():
    assert max(Label.UNKNOWN, Label.NORMAL, Label.CANCER, Label.BENIGN) is Label.CANCER
    assert labels.NAMES == ("normal", "benign", "cancer")
    assert Label.UNKNOWN not in labels.KNOWN


def test_views_are_marked_as_film_is():
    assert labels.marker(Laterality.RIGHT, Projection.MLO) == "R MLO"
    assert labels.marker(None, None) == "? ?"
