import re

from mammo.common import colours


def test_a_colour_is_split_into_red_green_and_blue():
    assert colours.rgb("#66CCEE") == (0x66, 0xCC, 0xEE)


def test_the_lines_of_a_chart_and_the_labels_each_have_a_colour_of_their_own():
    for scheme in (colours.SERIES, tuple(colours.OF_LABEL.values()), (colours.TRUTH, colours.FOUND)):
        assert len(set(scheme)) == len(scheme)
        assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in scheme)
