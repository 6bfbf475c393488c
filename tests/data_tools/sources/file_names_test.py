import pathlib

import pytest

from data_tools.sources import file_names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "a.png"),
        ("./a/b.png", "a/b.png"),
        (".\\a\\b.png", "a/b.png"),
        ("/data/set/a/b.png", "a/b.png"),
        ("a/b #1%.png", "a/b #1%.png"),
    ],
)
def test_a_name_means_a_file_below_the_folder(name, expected):
    assert str(file_names.relative_path(name, pathlib.Path("/data/set"))) == expected


@pytest.mark.parametrize(
    "name",
    ["", ".", "/data/set", "a\0b", "a\nb", "x" * 256, "a/" * 600, "../a", "/data/other/a", "c:\\a", "\\\\host\\a"],
)
def test_what_means_no_file_below_the_folder_is_refused(name):
    with pytest.raises(ValueError, match=r"is no name of a file|leads out of the folder"):
        file_names.relative_path(name, pathlib.Path("/data/set"))


def test_the_case_of_a_name_decides_only_between_files_that_are_there(tmp_path):
    for name in ("one.png", "two.png", "TWO.png"):
        (tmp_path / name).touch()
    paths = [pathlib.PurePosixPath(name) for name in ("One.PNG", "two.png", "Two.PNG", "nowhere/a.png")]
    found = file_names.find(tmp_path, paths)
    assert list(found) == paths
    relative = [str(path.relative_to(tmp_path)) for path in found.values()]
    assert relative == ["one.png", "two.png", "Two.PNG", "nowhere/a.png"]


def test_a_folder_is_listed_once_however_many_files_are_missing(tmp_path, monkeypatch):
    listed: list[pathlib.Path] = []
    iterdir = pathlib.Path.iterdir

    def noting(path):
        listed.append(path)
        return iterdir(path)

    monkeypatch.setattr(pathlib.Path, "iterdir", noting)
    file_names.find(tmp_path, [pathlib.PurePosixPath(f"{number}.png") for number in range(50)])
    assert listed == [tmp_path]
