import io
import zipfile

import openpyxl
import pytest

from data_tools.sources import sheets
from mammo.common.errors import InputError

COLUMNS = ("file_name", "patient_id")
PLAIN = "file_name,patient_id,note\na.png,P1,x\nb.png,P2,\n"


def _csv(tmp_path, content):
    path = tmp_path / "cases.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return sheets.read_csv(path, COLUMNS, ("subtlety",))


def _names(rows):
    return [(row.number, row.cells["file_name"], row.cells["patient_id"]) for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace("file_name,patient_id", " File_Name ,PATIENT_ID").encode(),
        PLAIN.replace("a.png,P1", '"a.png" ,P1 ').replace('" ', '"').encode(),
        PLAIN.rstrip().encode() + b"\n,,,,,\n\n",
        PLAIN.replace("note", "").encode(),
        PLAIN.replace("note", "").replace("x", "").replace("P1,", "P1").encode(),
    ],
)
def test_a_sheet_is_read_however_it_was_saved(tmp_path, content):
    assert _names(_csv(tmp_path, content)) == [(2, "a.png", "P1"), (3, "b.png", "P2")]


def test_blank_rows_are_left_out_and_rows_keep_their_numbers(tmp_path):
    rows = _csv(tmp_path, PLAIN.replace("\n", "\n\n"))
    assert _names(rows) == [(3, "a.png", "P1"), (5, "b.png", "P2")]
    assert _names(_csv(tmp_path, ",,\n" + PLAIN)) == [(3, "a.png", "P1"), (4, "b.png", "P2")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (PLAIN.replace("P2", "Müller").encode("cp1252"), "line 3 is no UTF-8; save the sheet as CSV UTF-8"),
        (PLAIN.replace("P2", "P\0"), "is no text"),
        (PLAIN.encode("utf-16-le"), "is no text"),
        (PLAIN.replace("b.png,P2,", "b.png"), "row 3 has 1 cells, and the title 3"),
        (PLAIN.replace("b.png,P2,", "b.png,P2,x,y"), "row 3 has 4 cells, and the title 3"),
        (PLAIN.replace("b.png", '"b.png'), "is no CSV"),
        (PLAIN.replace("b.png", "b" * 200_000), "is no CSV"),
        (PLAIN.replace("note", "patient_id"), "has two columns patient_id"),
        (PLAIN.replace("file_name", "name"), "has no column file_name; it has name, patient_id, note"),
        ("", "has no rows"),
        ("file_name,patient_id\n", "has no rows"),
        ("file_name,patient_id" + ",x" * sheets.MAX_COLUMNS, "has more than 100 columns"),
    ],
)
def test_a_sheet_that_cannot_be_used_has_its_sentence(tmp_path, content, sentence):
    with pytest.raises(InputError, match=sentence):
        _csv(tmp_path, content)


def test_a_sheet_that_is_far_too_large_is_not_read(tmp_path):
    path = tmp_path / "cases.csv"
    with path.open("wb") as file:
        file.truncate(sheets.MAX_CSV_BYTES + 1)
    with pytest.raises(InputError, match="has more than 24 MiB"):
        sheets.read_csv(path, COLUMNS)
    with pytest.raises(InputError, match="cannot be read"):
        sheets.read_csv(tmp_path, COLUMNS)


def _book(tmp_path, rows=(COLUMNS, ("a.png", 7), (None, None), ("b.png", 2.5))):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    path = tmp_path / "cases.xlsx"
    book.save(path)
    return path


def _change_part(path, name, change):
    with zipfile.ZipFile(path) as book:
        parts = {part: book.read(part) for part in book.namelist()}
    parts[name] = change(parts.get(name, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for part, content in parts.items():
            book.writestr(part, content)


def test_a_workbook_is_read_as_text(tmp_path):
    assert _names(sheets.read_xlsx(_book(tmp_path), COLUMNS)) == [(2, "a.png", "7"), (4, "b.png", "2.5")]


def test_a_cell_at_the_far_corner_takes_no_memory(tmp_path):
    path = tmp_path / "cases.xlsx"
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    book.active.cell(1_048_576, 16_384, "far")
    book.save(path)
    with pytest.raises(InputError, match="has more than 50,000 rows"):
        sheets.read_xlsx(path, COLUMNS)


@pytest.mark.parametrize(
    ("part", "most_bytes"),
    [
        ("xl/worksheets/sheet1.xml", sheets.MAX_CELLS_BYTES),
        ("xl/sharedStrings.xml", sheets.MAX_CELLS_BYTES),
        ("xl/styles.xml", sheets.MAX_PART_BYTES),
        ("docProps/more.xml", sheets.MAX_PART_BYTES),
    ],
)
def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked(tmp_path, part, most_bytes):
    path = _book(tmp_path)
    _change_part(path, part, lambda content: content + b" " * (most_bytes + 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to more than a sheet of cases has"):
        sheets.read_xlsx(path, COLUMNS)


def test_a_picture_in_a_workbook_does_no_harm(tmp_path):
    path = _book(tmp_path)
    _change_part(path, "xl/media/image1.png", lambda content: b" " * (sheets.MAX_PART_BYTES + 1))
    assert len(sheets.read_xlsx(path, COLUMNS)) == 2


def test_entities_are_refused(tmp_path):
    path = _book(tmp_path)
    declared = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><worksheet'
    _change_part(path, "xl/worksheets/sheet1.xml", lambda content: content.replace(b"<worksheet", declared, 1))
    with pytest.raises(InputError, match="has a document type in its XML"):
        sheets.read_xlsx(path, COLUMNS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"lost"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: _change_part(path, "xl/worksheets/sheet1.xml", lambda content: content[:-40]),
        lambda path: _change_part(path, "xl/workbook.xml", lambda content: b"<workbook/>"),
        lambda path: _change_part(path, "xl/worksheets/sheet1.xml", lambda content: b"<a>" * 100_000),
        lambda path: _change_part(path, "[Content_Types].xml", lambda content: b"\xff\xfe"),
    ],
)
def test_a_damaged_workbook_has_its_sentence(tmp_path, spoil):
    path = _book(tmp_path)
    spoil(path)
    with pytest.raises(InputError, match=r"cannot be read as a spreadsheet|has no rows"):
        sheets.read_xlsx(path, COLUMNS)


def test_any_damaged_byte_is_read_or_has_its_sentence(tmp_path):
    whole = _book(tmp_path).read_bytes()
    refused = 0
    for place in range(0, len(whole), 97):
        damaged = io.BytesIO(whole)
        damaged.seek(place)
        damaged.write(bytes([whole[place] ^ 0x55]))
        (tmp_path / "damaged.xlsx").write_bytes(damaged.getvalue())
        try:
            sheets.read_xlsx(tmp_path / "damaged.xlsx", COLUMNS)
        except InputError:
            refused += 1
    assert refused > 10
