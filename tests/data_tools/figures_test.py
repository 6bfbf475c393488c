import xml.etree.ElementTree

import numpy as np
import pandas as pd

from data_tools import figures, statistics

PATIENTS = pd.DataFrame(
    {
        "age_years": [44.0, 61, 70, None, 58],
        "status": ["normal", "benign", "cancer", "cancer", "cancer"],
        "density": [1.0, 2, 2, None, 3],
    }
)
LESIONS = pd.DataFrame(
    {"length_mm": [10.0, 22, None], "length_px": [100.0, 220, 310], "pathology": ["benign", "cancer", "cancer"]}
)


def _text(svg: str) -> str:
    """The words in a figure; parsing shows that it is whole."""
    return " ".join(xml.etree.ElementTree.fromstring(svg).itertext())


def test_ages_say_how_many_are_behind_each_line():
    text = _text(figures.age_histogram(PATIENTS))
    assert "cancer, n = 2" in text
    assert "normal, n = 1" in text


def test_means_show_only_what_has_a_value():
    means = {
        label: statistics.mean_with_interval(pd.Series(ages)) for label, ages in (("normal", []), ("cancer", [50, 60]))
    }
    text = _text(figures.mean_age(means))
    assert "n = 2" in text
    assert "55.0" in text
    assert "normal" not in text


def test_bars_carry_their_counts():
    text = _text(figures.balance(statistics.balanced({"normal": 4978, "benign": 1402, "cancer": 1428})))
    for count in ("4,978", "1,244", "2,603"):
        assert count in text
    text = _text(figures.bars_by_label(PATIENTS, "density", "density", "patients", "status"))
    assert "unknown" in text


def test_the_count_of_the_tallest_bar_stays_below_the_legend():
    table = pd.DataFrame({"assessment": [3] * 8 + [4] * 6, "pathology": ["benign"] * 8 + ["cancer"] * 6})
    svg = figures.bars_by_label(table, "assessment", "assessment", "lesions", "pathology")
    texts = [element for element in xml.etree.ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]
    count = next(text for text in texts if text.text == "8" and "middle" in text.attrib["style"])
    legend = next(text for text in texts if text.text == "benign")
    assert float(count.attrib["y"]) > float(legend.attrib["y"]) + 10  # y grows downwards; a line is 10 high


def test_sizes_are_in_mm_where_spacing_is_known_and_in_pixels_where_it_never_is():
    assert "in mm" in _text(figures.lesion_sizes(LESIONS))
    assert "in pixels" in _text(figures.lesion_sizes(LESIONS.assign(length_mm=None)))


def test_the_same_figure_is_the_same_file():
    assert figures.lesion_sizes(LESIONS) == figures.lesion_sizes(LESIONS)


def test_an_isolated_lesion_has_four_panels():
    region = np.zeros((60, 40), bool)
    region[20:30, 10:20] = True
    view = np.random.default_rng(0).random((60, 40)).astype(np.float32)
    text = _text(figures.isolated_lesion(view, region, view[:20, :20], [[10, 20, 20, 30]], "benign"))
    for title in ("the view and its outline", "the outline, filled", "their product", "the crop, with context"):
        assert title in text
