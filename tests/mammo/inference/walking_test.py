import os
import pathlib
import sys

import pytest

from mammo.inference.walking import Walk

MARK = ".answers"


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def walked(root):
    """The files that a walk finds, by their paths from the root."""
    walk = Walk(root, MARK)
    found = [path.relative_to(root).as_posix() for _, paths in walk.folders() for path in paths]
    return found, walk.faults


def test_a_folder_is_walked_sorted_without_litter(tmp_path):
    for name in (
        "b/1.png", "a/deep/2.png", "a/1.png", "3.png", "VERSION", ".thumbs/1.png", "a/.1.png", "3.png.part",
        "@eaDir/3.png/THUMB.jpg", "__MACOSX/._3.png", "System Volume Information/x", "$RECYCLE.BIN/y.png",
    ):  # fmt: skip
        touch(tmp_path / name)
    assert walked(tmp_path) == (["3.png", "VERSION", "a/1.png", "a/deep/2.png", "b/1.png"], [])


def test_answers_of_an_earlier_run_are_not_walked(tmp_path):
    for name in ("0017/1.png", f"out/{MARK}", "out/0017/overlay.png", "out/1.png"):
        touch(tmp_path / name)
    assert walked(tmp_path) == (["0017/1.png"], [])
    assert walked(tmp_path / "out") == ([], [])


def test_linked_folders_are_walked_once_and_never_outwards(tmp_path):
    touch(tmp_path / "elsewhere" / "1.png")
    touch(tmp_path / "around" / "not given.png")
    given = tmp_path / "around" / "given"
    touch(given / "2.png")
    for link, target in (("a", tmp_path / "elsewhere"), ("b", tmp_path / "elsewhere"), ("up", ".."), ("self", ".")):
        (given / link).symlink_to(target)
    (tmp_path / "elsewhere" / "loop").symlink_to(given)
    assert walked(given) == (["2.png", "a/1.png"], [])


def test_links_to_nothing_and_to_themselves_are_files_that_say_so_later(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert walked(tmp_path) == (["gone.png", "loop.png"], [])


@pytest.fixture
def locked(monkeypatch):
    """Folders whose name begins so may not be read; permissions do not bind whoever may read everything."""
    scan = os.scandir

    def refuse(folder):
        if pathlib.Path(folder).name.startswith(("locked", "lost+found")):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)


@pytest.mark.usefixtures("locked")
def test_a_folder_that_may_not_be_read_costs_itself_and_litter_not_a_word(tmp_path):
    for name in ("good/1.png", "locked/2.png", "lost+found/3.png"):
        touch(tmp_path / name)
    advice = "change its permissions, or copy it."
    assert walked(tmp_path) == (
        ["good/1.png"],
        [f"{tmp_path / 'locked'} cannot be read (Permission denied); {advice}"],
    )


def test_folders_nested_deeper_than_the_interpreter_recurses_are_walked(tmp_path):
    touch(tmp_path.joinpath(*"d" * 400) / "1.png")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        found, faults = walked(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert (len(found), faults) == (1, [])
    assert found[0].endswith("d/d/1.png")
