import pathlib

from tools import build_deps


def test_build_files_fit_the_sources():
    wanted = build_deps.wanted(pathlib.Path())
    stale = [str(path) for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    assert not stale, "run `bazel run //tools:build_deps`"
