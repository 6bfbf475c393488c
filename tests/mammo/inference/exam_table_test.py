import pathlib
import time

import pytest

from mammo.clinical.labels import Laterality, Projection
from mammo.common.errors import InputError
from mammo.inference import exam_table
from mammo.inference.exam_table import Row


def write(folder, content: bytes):
    (folder / "exams.csv").write_bytes(content)
    return folder / "exams.csv"


def read(folder, text, encoding="utf-8"):
    return exam_table.read(write(folder, text.encode(encoding)))


def test_rows_come_in_order_with_what_their_cells_say(tmp_path):
    text = "\ufeffpath , exam_id,age,laterality,projection\n1.png,b,50,Left,MLO\n\n/sub/2.png,a,,r,\n"
    assert read(tmp_path, text) == [
        Row("b", tmp_path / "1.png", Laterality.LEFT, Projection.MLO),
        Row("a", pathlib.Path("/sub/2.png"), Laterality.RIGHT, None),
    ]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("exam_id,path,laterality\nJosé,é.png,L\n", "utf-8"),
        ("exam_id,path,laterality\r\nJosé,é.png,L\r\n", "utf-8-sig"),
        ("exam_id,path,laterality\rJosé,é.png,L\r", "utf-8"),  # of an old Mac
        ("exam_id\tpath\tlaterality\r\nJosé\té.png\tL\r\n", "utf-16"),  # "Unicode text" of Excel
        ("exam_id;path;laterality\r\nJosé;é.png;L\r\n", "cp1252"),  # Excel where commas part decimals
        ("sep=;\r\nexam_id;path;laterality\r\nJosé;é.png;L\r\n", "cp1252"),
        ("exam_id|path|laterality\nJosé|é.png|L\n", "utf-8"),
        ('"exam_id";"path";"laterality"\n"José";"é.png";"L"\n', "utf-8"),
        ("Exam ID,Path,LATERALITY\nJosé,é.png,L\n", "utf-8"),
        ("exam_id,path,laterality\n'José','é.png','L'\n", "utf-8"),
        ("exam_id,path,laterality,projection,age\nJosé, é.png ,l\n", "utf-8"),  # a short row
        ("exam_id,path,laterality\nJosé,é.png,L,,\n", "utf-8"),  # a long one that says no more
    ],
)
def test_spreadsheets_write_one_table_in_many_ways(tmp_path, text, encoding):
    assert read(tmp_path, text, encoding) == [Row("José", tmp_path / "é.png", Laterality.LEFT, None)]


@pytest.mark.parametrize("cell", ["", "nan", "N/A", "None", "NULL", "?"])
def test_what_stands_for_an_empty_cell_is_unknown(tmp_path, cell):
    (row,) = read(tmp_path, f"exam_id,path,laterality,projection\na,1.png,{cell},{cell}\n")
    assert (row.laterality, row.projection, row.other) == (None, None, "")


def test_a_projection_that_is_no_standard_one_is_known_as_such(tmp_path):
    rows = read(tmp_path, "exam_id,path,projection\na,1.png,ML\na,2.png,xccl\na,3.png,CC\n")
    assert [(row.projection, row.other) for row in rows] == [
        (None, "a mediolateral view"),
        (None, "an exaggerated craniocaudal view"),
        ("cc", ""),
    ]


def test_a_side_may_stand_with_the_projection(tmp_path):
    rows = read(tmp_path, "exam_id,path,projection\na,1.png,LMLO\na,2.png,Right CC\n")
    assert [(row.laterality, row.projection) for row in rows] == [("left", "mlo"), ("right", "cc")]


@pytest.mark.parametrize("exam_id", ["17.0", "../../etc", "0017", "1e5"])
def test_an_exam_id_is_a_name_and_stays_what_it_is(tmp_path, exam_id):
    assert read(tmp_path, f"exam_id,path\n{exam_id},1.png\n")[0].exam_id == exam_id


def test_paths_of_windows_and_of_the_home_folder_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "odd\\name.png").touch()  # a name may hold a backslash here
    rows = read(tmp_path, "exam_id,path\na,exams\\17\\1.png\na,~/2.png\na,odd\\name.png\na,~nobody-here/3.png\n")
    assert [row.path for row in rows] == [
        tmp_path / "exams" / "17" / "1.png",
        tmp_path / "home" / "2.png",
        tmp_path / "odd\\name.png",
        tmp_path / "~nobody-here/3.png",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            r"exams\.csv has no column exam_id and no column path; its first row is empty; exam_id and path are",
        ),
        ("exam,path\na,1.png\n", "has no column exam_id; it has exam, path; .* expected; rename exam to exam_id"),
        ("name,path\na,1.png\n", r"has no column exam_id; it has name, path; exam_id and path are expected\.$"),
        (
            "study_id,image_id,laterality,view_position\n17,a,L,CC\n",
            "rename study_id to exam_id, image_id to path, view_position to projection, which holds where the file",
        ),
        ("exam_id,path\n\n", "has no rows; each row names an exam and the file of one view"),
        ("exam_id,path\na,1.png\n,2.png\n", r"exams\.csv, row 3: exam_id is empty"),
        ("exam_id,path\nnan,1.png\n", "row 2: exam_id is nan; each row names"),
        ("exam_id,path\n\na\n", "row 3: path is empty"),
        ("sep=,\nexam_id,path\na\n", "row 3: path is empty"),
        ("exam_id,path,laterality\na,1.png,links\n", "row 2: laterality is 'links', not left, right, L or R"),
        ("exam_id,path,projection\na,1.png,up\n", "row 2: projection is 'up', not cc or mlo, nor another"),
        ("exam_id,path,laterality,projection\na,1.png,R,LMLO\n", "row 2: laterality and projection contradict each"),
        ("exam_id,path\na,Doe, Jane/1.png\n", "row 2 has 3 cells, and the table has 2 columns; write quotes"),
        ('exam_id,path\na,"1.png\nb,2.png\n', "row 3: its quotes do not match"),
        ('exam_id,path\na,"1".png\n', "row 2: its quotes do not match"),
        ("exam_id,path,Path\na,1.png,2.png\n", "has more than one column path; keep one"),
    ],
)
def test_each_fault_of_a_table_has_its_sentence(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_a_sentence_stays_short_whatever_a_table_holds(tmp_path):
    for text in ("x" * 10_000 + ",y" * 1000, "exam_id,path,laterality\na,1.png," + "x" * 10_000):
        with pytest.raises(InputError, match="x…") as caught:
            read(tmp_path, text)
        assert len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    "content", [b"exam_id,path\na,\0.png\n", b"PK\3\4" + bytes(100), "exam_id,path\n".encode("utf-16-le"), b"\xff\xfea"]
)
def test_a_table_that_is_no_text_has_its_sentence(tmp_path, content):
    with pytest.raises(InputError, match=r"exams\.csv is no CSV but binary data"):
        exam_table.read(write(tmp_path, content))


def test_a_file_that_is_far_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(exam_table, "_MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match=r"has more than 1 MiB; it is no table of exams, or split it"):
        exam_table.read(write(tmp_path, b"exam_id,path\n" + b"a,1.png\n" * (1 << 17)))


def test_the_time_grows_with_the_number_of_rows_and_no_faster(tmp_path):
    began_s = time.process_time()
    rows = read(tmp_path, "exam_id,path\n" + "same,same.png\n" * 50_000)
    assert len(rows) == 50_000
    assert time.process_time() - began_s < 10
