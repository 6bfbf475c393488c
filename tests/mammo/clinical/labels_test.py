import pytest

from mammo.clinical import labels
from mammo.clinical.labels import Label, Laterality, Projection, ViewName


@pytest.mark.parametrize(
    ("text", "expected"),
    [("L", Laterality.LEFT), (" right ", Laterality.RIGHT), ("LEFT", Laterality.LEFT), ("B", None), ("", None)],
)
def test_laterality_is_read_as_it_is_spelt(text, expected):
    assert labels.parse_laterality(text) is expected


@pytest.mark.parametrize(("text", "expected"), [("CC", Projection.CC), ("mlo", Projection.MLO), ("ML", None)])
def test_projection_is_read_as_it_is_spelt(text, expected):
    assert labels.parse_projection(text) is expected


@pytest.mark.parametrize(
    ("text", "laterality", "projection"),
    [
        ("RIGHT CC", Laterality.RIGHT, Projection.CC),
        ("L MLO", Laterality.LEFT, Projection.MLO),
        (" lmlo ", Laterality.LEFT, Projection.MLO),
        ("rcc", Laterality.RIGHT, Projection.CC),
        ("mlo", None, Projection.MLO),
        ("cc id", None, Projection.CC),  # implant displaced: still a craniocaudal view of the breast
        ("CCID", None, Projection.CC),
        ("cranio-caudal", None, Projection.CC),
        ("medio-lateral oblique", None, Projection.MLO),
        ("CC\\MLO", None, None),
        ("left right CC", None, Projection.CC),
        ("AP", None, None),
        ("", None, None),
    ],
)
def test_a_view_is_read_as_it_is_spelt(text, laterality, projection):
    assert labels.parse_view(text) == ViewName(laterality, projection)


@pytest.mark.parametrize(
    ("text", "laterality", "other"),
    [
        ("ML", None, "a mediolateral view"),
        ("LML", Laterality.LEFT, "a mediolateral view"),
        ("LM", None, "a lateromedial view"),
        ("RLM", Laterality.RIGHT, "a lateromedial view"),
        ("XCCL", None, "an exaggerated craniocaudal view"),
        ("lxccl", Laterality.LEFT, "an exaggerated craniocaudal view"),
        ("FB", None, "a caudocranial view"),
    ],
)
def test_another_projection_is_neither_of_the_two(text, laterality, other):
    assert labels.parse_view(text) == ViewName(laterality, None, other)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("CCRL", "a rolled view"),
        ("RMLORM", "a rolled view"),
        ("CC RL", "a rolled view"),
        ("RMCC", "a magnification view"),
        ("L CC SPOT", "a spot compression view"),
        ("SMLO", "a spot compression view"),
        ("MLO MAG", "a magnification view"),
        ("CC TAN", "a tangential view"),
    ],
)
def test_a_modifier_makes_a_view_another(text, other):
    assert labels.parse_view(text).other == other


def test_both_numberings_of_the_codes_are_known():
    for old, new, projection, other in [
        ("R-10242", "399162004", Projection.CC, ""),
        ("R-10226", "399368009", Projection.MLO, ""),
        ("R-10224", " 399260004 ", None, "a mediolateral view"),
        ("R-1024A", "399192008", None, "an exaggerated craniocaudal view"),
    ]:
        assert labels.view_of_code(old) == labels.view_of_code(new) == ViewName(None, projection, other)
    for old, new, other in [
        ("R-102D6", "399163009", "a magnification view"),
        ("R-102D7", "399055006", "a spot compression view"),
        ("R-102CA", "414493004", "a rolled view"),
        ("R-102D5", "399209000", ""),  # implant displaced
    ]:
        assert labels.modifier_of_code(old) == labels.modifier_of_code(new) == other
    assert labels.view_of_code("99-1") == ViewName()


def test_the_worst_label_counts_and_the_unknown_never_does():
    assert max(Label.UNKNOWN, Label.NORMAL, Label.CANCER, Label.BENIGN) is Label.CANCER
    assert labels.NAMES == ("normal", "benign", "cancer")
    assert Label.UNKNOWN not in labels.KNOWN


def test_views_are_marked_as_film_is():
    assert labels.marker(Laterality.RIGHT, Projection.MLO) == "R MLO"
    assert labels.marker(None, None) == "? ?"
