import pytest

from data_tools.sources import opening
from mammo.data import manifests


@pytest.mark.parametrize("given", ["above the trees", "above the trees/one tree"])
def test_what_was_drawn_is_told_from_what_was_scanned_however_the_folder_is_given(tmp_path, given):
    folder = tmp_path / given
    (tmp_path / "above the trees" / "one tree").mkdir(parents=True)
    assert opening.open_source("mini_ddsm", folder, "overlay", "auto").name == "mini_ddsm"
    (tmp_path / "above the trees" / "phantom.json").write_text("{}")
    assert opening.open_source("mini_ddsm", folder, "overlay", "auto").name == manifests.PHANTOM
