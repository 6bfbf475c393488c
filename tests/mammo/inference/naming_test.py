import os
import time
import unicodedata

import hypothesis
import hypothesis.strategies as st
import pytest

from mammo.inference import naming
from mammo.inference.listing import OUTPUT_MARK


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Müller", "Müller"),
        ("Mu\u0308ller", "Müller"),
        ("١٢", "١٢"),
        ("乳房X線検査", "乳房X線検査"),
        ("Doe, Jane", "Doe,_Jane"),
        ("50%#=+@", "50%#=+@"),
        ("a/b\\c:d*e", "a_b_c_d_e"),
        ("a\u3000b\nc\x1bd", "a_b_c_d"),
        ("x\u202egnp", "x_gnp"),
        (os.fsdecode(b"\xfc1"), "_1"),
        (".hidden", "_hidden"),
        ("..", "__"),
        (".", "_"),
        ("Dr.", "Dr_"),
        ("NUL", "_NUL"),
        ("con.7", "_con.7"),
        ("console", "console"),
        (OUTPUT_MARK, f"_{OUTPUT_MARK[1:]}"),
        ("", ""),
    ],
)
def test_letters_stay_and_what_is_no_name_everywhere_does_not(text, name):
    assert naming.safe(text) == name


@pytest.mark.parametrize("text", ["x" * 300, "線" * 300, "a\u0323\u0316" * 100, "." * 300, "😀" * 50 + "CON"])
def test_long_text_is_cut_by_its_bytes_at_a_character(text):
    name = naming.safe(text)
    assert naming.MOST_BYTES - 8 < len(name.encode()) <= naming.MOST_BYTES
    assert not unicodedata.combining(name[0])
    assert name[-1] in (text[-1], "_")


@hypothesis.given(st.lists(st.text(st.characters(), max_size=80) | st.sampled_from(["a", "A", "a_2", "a.json"])))
def test_all_names_differ_on_any_file_system_and_stay_as_they_are(texts):
    names = naming.of_exams()
    made = [names.take(text, "exam") for text in texts]
    written = [unicodedata.normalize("NFC", (name + end).casefold()) for name in made for end in ("", ".json")]
    assert len(set(written)) == len(written)
    assert not {"report.html", "predictions.csv", "earlier"} & set(written)
    for name in made:
        assert len(name.encode()) <= naming.MOST_BYTES
        assert not name.startswith(".") and not set(name) & set("/\\\0\n")


def test_names_of_a_runs_own_files_and_of_other_exams_get_a_number():
    names = naming.of_exams()
    numbered = ["report.html", "predictions.csv", "Earlier"]
    assert [names.take(text, "exam") for text in numbered] == [f"{text}_2" for text in numbered]
    given = ["x", "x.json", "X", "straße", "STRASSE", ""]
    assert [names.take(text, "exam") for text in given] == ["x", "x.json_2", "X_2", "straße", "STRASSE_2", "exam"]


def test_many_equal_names_take_time_in_proportion():
    def taken_s(count: int) -> float:
        began_s = time.perf_counter()
        for text in ("a", "b" * 120):
            names = naming.of_exams()
            assert len({names.take(text, "exam") for _ in range(count)}) == count
        names = naming.of_exams()  # long ones that differ in what is cut off for the number
        assert len({names.take(f"{number:06d}" + "b" * 114, "exam") for number in [*range(count)] * 2}) == 2 * count
        return time.perf_counter() - began_s

    few_s = min(taken_s(2000) for _ in range(2))
    assert taken_s(40_000) < 100 * few_s  # 20 times as many; a quadratic one would take 400 times as long


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("C_0001_1.LEFT_CC.png", "C_0001_1.LEFT_CC"),
        ("C_0001_1.LEFT_CC", "C_0001_1.LEFT_CC"),
        ("1.2.3.1", "1.2.3.1"),
        ("1.2.3.2.DCM", "1.2.3.2"),
        ("view.JPEG", "view"),
        ("view.png.part", "view.png.part"),
        (".png", ".png"),
    ],
)
def test_a_view_is_called_as_its_file_without_the_suffix_of_an_image(file_name, name):
    assert naming.of_view(file_name) == name
