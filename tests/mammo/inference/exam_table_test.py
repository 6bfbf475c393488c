import pathlib

import pytest

from mammo.clinical.labels import Laterality, Projection
from mammo.common.errors import InputError
from mammo.inference import exam_table


def write(folder, content: bytes):
    (folder / "exams.csv").write_bytes(content)
    return folder / "exams.csv"


def test_rows_come_in_order_with_what_their_cells_say(tmp_path):
    text = "\ufeffpath , exam_id,age,laterality,projection\n1.png,b,50,Left,MLO\n\n/sub/2.png,a,,r,\n"
    first, second = exam_table.read(write(tmp_path, text.encode()))
    assert first == ("b", tmp_path / "1.png", Laterality.LEFT, Projection.MLO)
    assert second == ("a", pathlib.Path("/sub/2.png"), Laterality.RIGHT, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"exams\.csv has no column exam_id; its first row is empty; exam_id and path are expected"),
        ("exam,path\na,1.png\n", "has no column exam_id; it has exam, path; exam_id and path are expected"),
        ("exam_id;path\na;1.png\n", "has no column exam_id; it has exam_id;path"),
        ("exam_id,path\n\n", "has no rows; each row names an exam and the file of one view"),
        ("exam_id,path\na,1.png\n,2.png\n", r"exams\.csv, row 3: exam_id is empty"),
        ("exam_id,path\n\na\n", "row 3: path is empty"),
        ("exam_id,path,laterality\na,1.png,links\n", "row 2: laterality is 'links', not left, right, L or R"),
        ("exam_id,path,projection\na,1.png,ML\n", "row 2: projection is 'ML', not cc or mlo"),
    ],
)
def test_each_fault_of_a_table_has_its_sentence(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        exam_table.read(write(tmp_path, text.encode()))


@pytest.mark.parametrize("content", [b"exam_id,path\na,\xff\xfe.png\n", b"exam_id,path\na,\0.png\n"])
def test_a_table_that_is_no_text_has_its_sentence(tmp_path, content):
    with pytest.raises(InputError, match=r"exams\.csv is no CSV in UTF-8"):
        exam_table.read(write(tmp_path, content))
