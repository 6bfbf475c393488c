import pytest

from mammo.common.errors import InputError
from tools import workspace


def test_the_folder_is_what_bazel_run_says(monkeypatch, tmp_path):
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    assert workspace.folder() == tmp_path


def test_without_bazel_run_a_sentence_says_how_to_start_it(monkeypatch):
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)
    with pytest.raises(InputError, match="start it by `bazel run`"):
        workspace.folder()
