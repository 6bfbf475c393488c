import pytest

from configs import comparison, detector
from configs.cloud import detector_1_gpu
from mammo import presets
from mammo.common.errors import InputError


def test_the_stage_names_the_configuration():
    assert presets.with_config(["train", "--stage=detector", "--config.seed=1"], "detector") == [
        "train",
        f"--config={detector.__file__}",
        "--stage=detector",
        "--config.seed=1",
    ]


def test_a_configuration_may_be_named_or_be_a_file_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    (tmp_path / "mine.py").write_text("")
    named = presets.with_config(["train", "--config=cloud/detector_1_gpu"], "detector")
    assert named[1] == f"--config={detector_1_gpu.__file__}"
    assert presets.with_config(["train", "--config=mine.py"], "detector")[1] == f"--config={tmp_path / 'mine.py'}"


def test_a_stage_has_a_preset_of_its_name():
    assert presets.STAGES == ("detector", "whole_image", "tumour", "malignancy", "crop_classifier")


def test_a_program_may_take_a_configuration_that_is_of_no_stage():
    assert presets.with_config(["compare"], "comparison") == ["compare", f"--config={comparison.__file__}"]


def test_a_value_may_be_an_argument_of_its_own():
    given = ["train", "--config", "cloud/detector_1_gpu", "--stage", "detector", "--config.seed=1"]
    assert presets.with_config(given, "detector") == [
        "train",
        f"--config={detector_1_gpu.__file__}",
        "--stage=detector",
        "--config.seed=1",
    ]


def test_an_unknown_one_is_refused_with_those_there_are():
    with pytest.raises(
        InputError, match=r"no configuration 'detektor'.*detector, whole_image, .*cloud/detector_8_gpus"
    ):
        presets.with_config(["train", "--config=detektor"], "detector")
