import pytest

from mammo.data import manifests
from tests import programs
from tests.data_tools.sources import mini_ddsm_tree
from tests.data_tools.sources.mini_ddsm_tree import Tree


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("data")).case().case("Normal", "0007", "A_0007_1")
    tree.mask("C_0007_1.RIGHT_CC", 1, mini_ddsm_tree.RIGHT_CC_MASK).sheet()
    return tree.root


def _run(*arguments, cwd=None):
    return programs.run("data_tools.convert", *arguments, cwd=cwd)


def test_a_data_set_is_converted_into_a_folder_beside_the_person(data_dir, tmp_path):
    ended = _run(f"--data_dir={data_dir}", "--output_dir=out", "--height=64", "--width=40", "--workers=1", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    made = manifests.read(tmp_path / "out")
    assert (made.source, made.labels, made.height_px, made.width_px, made.rejected) == (
        "mini_ddsm",
        "overlay",
        64,
        40,
        0,
    )
    images = {
        label: sum(split.images[label] for split in made.splits.values()) for label in ("normal", "benign", "cancer")
    }
    assert images == {"normal": 7, "benign": 0, "cancer": 1}
    assert "view/s]" in ended.stderr
    assert "0 views rejected" in ended.stdout


@pytest.mark.parametrize("preset", sorted((programs.ROOT / "configs/convert").iterdir()), ids=lambda path: path.stem)
def test_every_preset_converts(data_dir, tmp_path, preset):
    ended = _run(f"--flagfile={preset}", f"--data_dir={data_dir}", "--output_dir=out", "--workers=1", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert f"--height={manifests.read(tmp_path / 'out').height_px}" in preset.read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--output_dir=out"], 2, "data_dir"),
        (["--data_dir=x", "--output_dir=out", "--encoding=gif"], 2, "encoding"),
        (["--data_dir=x", "--output_dir=out", "--height=-5"], 2, "height"),
        (["--data_dir=x", "--output_dir=out", "--height=99999999"], 2, "height"),
        (["--data_dir=/nowhere", "--output_dir=out"], 1, "/nowhere is no folder"),
    ],
)
def test_wrong_flags_and_wrong_input_have_their_status(tmp_path, arguments, status, sentence):
    ended = _run(*arguments, cwd=tmp_path)
    assert ended.returncode == status
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
