import numpy as np
import pytest

from data_tools.phantoms import film, furniture
from data_tools.phantoms.furniture import Film


def _furnished(volume, is_wall_right, seed):
    grey = np.full((300, 180), 0.03, np.float32)
    is_free = np.ones(grey.shape, bool)
    breast = (slice(60, 240), slice(80, None) if is_wall_right else slice(0, 100))
    is_free[breast] = False
    grey[breast] = 0.4
    sheet = Film(grey, is_free, is_wall_right, spacing_mm=0.8)
    sheet.furnish("RMLO", film.SCANNERS[volume], np.random.default_rng(seed))
    return sheet


@pytest.mark.parametrize("volume", sorted(film.SCANNERS))
@pytest.mark.parametrize("is_wall_right", [False, True])
def test_every_film_is_lettered_beside_the_breast_and_away_from_the_wall(volume, is_wall_right):
    for seed in range(8):
        sheet = _furnished(volume, is_wall_right, seed)
        far = sheet.grey[:, :90] if is_wall_right else sheet.grey[:, 90:]
        assert (far[5:60] > 0.15).any()
        middle = sheet.grey[70:230, 90:150] if is_wall_right else sheet.grey[70:230, 30:90]
        assert np.all(middle == np.float32(0.4))
        assert sheet.grey.min() >= 0
        assert sheet.grey.max() <= 1


def test_names_are_blanked_in_white_in_volume_a_and_in_black_elsewhere():
    white = [(_furnished("A", False, seed).grey[8:60, 90:170] == 1).mean() for seed in range(12)]
    black = [(_furnished("C", False, seed).grey[8:-8, 110:] == 0).mean() for seed in range(12)]
    assert np.mean(np.array(white) > 0.02) > 0.4
    assert np.mean(np.array(black) > 0.01) > 0.6
    assert not any((_furnished("A", False, seed).grey[8:-8, 110:] == 0).any() for seed in range(12))


def test_edges_and_wedges_come_now_and_then():
    films = [_furnished("C", False, seed).grey for seed in range(60)]
    white_walls = [(grey[:, 0] > 0.6).mean() > 0.5 for grey in films]
    wedges = [(np.diff(grey[20:-20, -7]) > 0.05).sum() >= 8 for grey in films]
    assert 0.2 < np.mean(white_walls) < 0.95
    assert 0 < np.mean(wedges) < 0.2


@pytest.mark.parametrize("is_wall_right", [False, True])
def test_letters_are_not_mirrored(is_wall_right):
    grey = np.zeros((100, 200), np.float32)
    sheet = Film(grey, np.ones(grey.shape, bool), is_wall_right, spacing_mm=1.0)
    sheet._text(["L"], (150, 50), (60, 30), 0, 1.0)
    columns = np.flatnonzero((grey > 0.5).any(0))
    heights = (grey > 0.5)[:, columns].sum(0)
    assert heights[: len(heights) // 4].max() > 2 * heights[len(heights) // 2 :].max()  # its stem is at its left


def test_clearance_is_around_the_breast():
    skin_distance_mm = np.zeros((50, 60), np.float32)
    skin_distance_mm[20:30, :20] = 1
    is_free = furniture.is_free_of(skin_distance_mm, 1.0)
    assert not is_free[19, 21]
    assert not is_free[25, 21]
    assert is_free[25, 22]
    assert is_free[17, 5]
