import os
import subprocess

import pytest

from mammo.common import plain

SHOWN = {
    "a\nb\tc\rd": r"a\nb\tc\rd",
    "\x1b[31mred": r"\x1b[31mred",
    "c1 \x9b": r"c1 \u009b",
    "gnp\u202e.exe": r"gnp\u202e.exe",
    "tag \U000e0041": r"tag \U000e0041",
    "line\u2028end": r"line\u2028end",
    os.fsdecode(b"latin1_\xfc.png"): r"latin1_\xfc.png",
    "lone \ud800": r"lone \ud800",
}
KEPT = ["", "Frau Müller", "乳房X線検査", "١٢", "emoji😀", "a\u3000b", "back\\slash <&'\""]


@pytest.mark.parametrize(("text", "shown"), SHOWN.items())
def test_what_cannot_be_shown_is_written_as_what_it_is(text, shown):
    assert plain.shown(text) == shown
    shown.encode()


@pytest.mark.parametrize("text", KEPT)
def test_text_of_any_script_is_shown_as_it_is(text):
    assert plain.shown(text) == plain.shown_lines(text) == plain.utf8(text) == text


def test_lines_and_tabs_stay_in_text_of_several_lines():
    assert plain.shown_lines("a\n\tb\x1b\r") == "a\n\tb\\x1b\\r"


def test_only_what_has_no_utf8_is_escaped_where_all_else_is_data():
    assert plain.utf8("a\n\u202e\x1b\udcfc") == "a\n\u202e\x1b\\xfc"


def test_bash_gives_back_the_name_of_a_file_in_no_encoding():
    name = b"latin1_\xfc \xe4\xb9\xb3\n\xe2\x80\xae.png"
    command = ["bash", "-c", 'printf %b "$1"', "bash", plain.shown(os.fsdecode(name))]
    ended = subprocess.run(command, capture_output=True, env={"LC_ALL": "C.UTF-8"}, check=True)
    assert ended.stdout == name
