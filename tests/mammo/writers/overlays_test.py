import pathlib

import numpy as np
import PIL.Image
import pytest

from mammo.clinical.exams import ExamResult, Finding, ViewRef, ViewResult
from mammo.clinical.labels import Laterality, Projection
from mammo.imaging import breasts
from mammo.imaging.turns import Turn
from mammo.inference.reading import ReadView
from mammo.inference.service import AnsweredView
from mammo.writers import overlays
from mammo.writers.overlays import OverlayWriter
from tests import drawing

ORANGE, CYAN = [0xFF, 0xB0, 0x4D], [0x66, 0xCC, 0xEE]
SIZES = [(400, 260), (2000, 1300)]  # as it is, and shrunk


def _finding(box, score=0.83, cancer_share=0.9):
    return Finding(box, score, score * (1 - cancer_share), score * cancer_share)


def _found(pixels):
    found = breasts.find_breast(pixels)
    assert found is not None
    return found


def _draw(pixels, findings=(), laterality="left", projection="cc"):
    breast = _found(pixels)
    return overlays.draw(pixels, breast, _result(breast, findings, laterality, projection))


def _result(breast, findings=(), laterality="left", projection="cc"):
    side, shown = laterality and Laterality(laterality), projection and Projection(projection)
    view = ViewRef("view", pathlib.Path("view.png"), side, shown)
    return ViewResult(view, findings=tuple(findings), is_chest_wall_right=breast.is_chest_wall_right)


def _disc(height_px, width_px, chest_wall):
    """A view with a disc on it, and the disc's box."""
    x, y, radius = round(0.2 * width_px), round(0.55 * height_px), round(0.1 * width_px)
    x = x if chest_wall == "left" else width_px - 1 - x
    view = drawing.draw_view(height_px, width_px, chest_wall=chest_wall, discs=((x, y, radius),))
    return view, (x - radius, y - radius, x + radius + 1, y + radius + 1)


def _lines(is_marked):
    """The middles of the first and of the last run of marked pixels."""
    marked = np.flatnonzero(is_marked)
    runs = np.split(marked, np.flatnonzero(np.diff(marked) > 1) + 1)
    return runs[0].mean() + 0.5, runs[-1].mean() + 0.5


def _is(picture, colour):
    return (picture == colour).all(axis=-1)


@pytest.mark.parametrize(("height_px", "width_px"), SIZES)
@pytest.mark.parametrize("chest_wall", ["left", "right"])
@pytest.mark.parametrize("laterality", ["left", "right", None])
def test_an_outline_lies_around_the_tissue_it_was_found_on(height_px, width_px, chest_wall, laterality):
    view, box = _disc(height_px, width_px, chest_wall)
    is_disc = _draw(view, laterality=laterality)[..., 0] > 200
    is_disc[: len(is_disc) // 3] = False  # the marker is as bright
    columns, rows = np.flatnonzero(is_disc.any(0)), np.flatnonzero(is_disc.any(1))
    is_line = _is(_draw(view, [_finding(box)], laterality), ORANGE)
    is_line[: rows[0] - 4] = False  # the tag
    assert _lines(is_line[round(rows.mean())]) == pytest.approx((columns[0], columns[-1] + 1), abs=1)
    assert _lines(is_line[:, round(columns.mean())]) == pytest.approx((rows[0], rows[-1] + 1), abs=1)


@pytest.mark.parametrize(("height_px", "width_px"), SIZES)
def test_a_file_stored_the_other_way_round_is_hung_as_one_that_was_not_and_says_so(height_px, width_px):
    view, (x_min, y_min, x_max, y_max) = _disc(height_px, width_px, "right")
    as_hung = _draw(view, [_finding((x_min, y_min, x_max, y_max))], "right")
    mirrored_box = (width_px - x_max, y_min, width_px - x_min, y_max)
    mirrored = _draw(np.ascontiguousarray(view[:, ::-1]), [_finding(mirrored_box)], "right")
    rows, columns = np.nonzero((np.abs(as_hung.astype(int) - mirrored) > 2).any(-1))
    assert rows.size, "the marker does not say that it is mirrored"
    assert rows.max() < 0.2 * len(as_hung)
    assert columns.max() < 0.5 * as_hung.shape[1]


@pytest.mark.parametrize("turn", [Turn(1), Turn(2)])
def test_findings_in_the_pixels_of_a_file_that_was_turned_are_drawn_where_they_are(turn):
    view, box = _disc(400, 260, "left")
    stored_box = tuple(turn.boxes_to_stored(np.array(box), *view.shape).tolist())
    breast = _found(view)
    drawn = overlays.draw(view, breast, _result(breast, [_finding(stored_box)]), turn)
    np.testing.assert_array_equal(drawn, _draw(view, [_finding(box)]))


@pytest.mark.parametrize("stored", ["left", "right"])
@pytest.mark.parametrize(("laterality", "hung"), [("left", "left"), ("right", "right"), (None, None)])
def test_right_breasts_have_the_chest_wall_at_the_right_and_left_ones_at_the_left(stored, laterality, hung):
    picture = _draw(drawing.draw_view(chest_wall=stored), laterality=laterality)
    middle = picture[len(picture) // 2, :, 0].astype(int)
    assert (middle[-20:].mean() > middle[:20].mean()) == ((hung or stored) == "right")


@pytest.mark.parametrize("stored", ["left", "right"])
@pytest.mark.parametrize("laterality", ["left", "right", None])
def test_the_marker_stands_at_the_top_away_from_the_chest_wall(stored, laterality):
    picture = _draw(drawing.draw_view(800, 520, chest_wall=stored), laterality=laterality)
    top = picture[:100, :, 0] > 200
    middle = picture[400, :, 0].astype(int)
    is_at_left = middle[-20:].mean() > middle[:20].mean()
    assert top[:, :200].any() == is_at_left
    assert top[:, -200:].any() != is_at_left


@pytest.mark.parametrize("is_16_bit", [False, True])
def test_film_is_black_and_the_densest_tissue_white_in_8_and_16_bits(is_16_bit):
    picture = _draw(drawing.draw_view(800, 520, discs=((100, 400, 60),), is_16_bit=is_16_bit))
    assert (picture.shape, picture.dtype) == ((800, 520, 3), np.uint8)
    assert np.median(picture[700:, 400:]) <= 3
    assert np.median(picture[380:420, 80:120]) >= 245
    assert 120 < np.median(picture[250:300, 20:60]) < 165
    assert (picture[..., 0] == picture[..., 2]).all()


def test_a_large_view_is_shrunk_with_its_proportions_and_a_small_one_is_left_as_it_is():
    assert _draw(drawing.draw_view(2800, 1800)).shape == (1400, 900, 3)
    assert _draw(drawing.draw_view(300, 200)).shape == (300, 200, 3)


@pytest.mark.parametrize(
    ("cancer_share", "colour", "other"), [(0.8, ORANGE, CYAN), (0.5, ORANGE, CYAN), (0.2, CYAN, ORANGE)]
)
def test_the_colour_says_whether_cancer_or_a_benign_lesion_is_likelier(cancer_share, colour, other):
    picture = _draw(drawing.draw_view(), [_finding((40, 180, 80, 220), cancer_share=cancer_share)])
    assert _is(picture, colour).any()
    assert not _is(picture, other).any()


def test_an_outline_is_seen_on_white_as_on_black():
    view = drawing.draw_view(800, 520, discs=((100, 400, 90),))
    picture = _draw(view, [_finding((60, 360, 140, 440))])  # on the disc
    row = picture[400].astype(int)
    start = np.flatnonzero(_is(picture[400], ORANGE))[0]
    assert (row[start - 1].max() < 40) and (row[start - 5].min() > 200)


def _writing_size(view, findings, index):
    """How high and wide the score of a finding is written: where the picture differs if it is another score."""
    low, high = (
        _draw(view, [*findings[:index], _finding(findings[index].box_xyxy_px, score, 0.9), *findings[index + 1 :]])
        for score in (0.11, 0.88)
    )
    return [np.ptp(axis) for axis in np.nonzero((low != high).any(-1))]


@pytest.mark.parametrize(
    "box",
    [(0, 0, 40, 40), (480, 0, 520, 40), (0, 760, 40, 800), (480, 760, 520, 800), (0, 0, 520, 800), (-9, 300, 600, 900)],
)
def test_a_tag_never_leaves_the_frame(box):
    view = drawing.draw_view(800, 520)
    assert _writing_size(view, [_finding(box)], 0) == _writing_size(view, [_finding((240, 380, 280, 420))], 0)


def test_a_tag_covers_no_other_box_where_there_is_room():
    view = drawing.draw_view(800, 520)
    below, above = _finding((200, 400, 260, 460)), _finding((190, 340, 280, 392), 0.4, cancer_share=0.1)
    with_tag, alone = (_draw(view, findings)[338:394, 188:282] for findings in ([below, above], [above]))
    np.testing.assert_array_equal(_is(with_tag, CYAN), _is(alone, CYAN))


@pytest.mark.parametrize("index", range(4))
def test_findings_of_one_place_have_tags_that_are_all_seen(index):
    view = drawing.draw_view(800, 520)
    findings = [_finding((200, 400, 260, 460), score) for score in (0.8, 0.7, 0.6, 0.5)]
    assert _writing_size(view, findings, index) == _writing_size(view, findings[:1], 0)


def test_a_view_is_left_as_it_was():
    view = drawing.draw_view()
    before = view.copy()
    _draw(view, [_finding((40, 180, 80, 220))])
    np.testing.assert_array_equal(view, before)


def _written(folder, view, findings):
    """Lets the writer draw a view of an exam, as a service answers for it."""
    breast = _found(view)
    writer = OverlayWriter(folder, None)  # type: ignore[arg-type]  # it says nothing of the model
    result = _result(breast, findings)
    writer.view("exam", AnsweredView(ReadView(None, pixels=view, breast=breast), result))  # type: ignore[arg-type]
    writer.view("exam", AnsweredView(ReadView(None), ViewResult(result.view, reason="is empty")))  # type: ignore[arg-type]
    try:
        writer.exam(ExamResult("exam", (result,), {}, None, False, None, 0.0))
    finally:
        writer.close([])


def test_a_picture_is_written_whole_and_comes_back_as_it_was(tmp_path):
    view, findings = drawing.draw_view(2000, 1300), [_finding((300, 900, 500, 1100))]
    _written(tmp_path, view, findings)
    path = tmp_path / "exam" / "view.png"
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == ["exam/view.png"]
    with PIL.Image.open(path) as written:
        assert (written.format, written.mode) == ("PNG", "RGB")
        np.testing.assert_array_equal(np.asarray(written), _draw(view, findings))
    assert path.stat().st_size < 2_000_000


def test_a_picture_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "exam").write_text("a file where a folder should be")
    with pytest.raises(OSError):
        _written(tmp_path, drawing.draw_view(), [])
    assert [path.name for path in tmp_path.iterdir()] == ["exam"]
