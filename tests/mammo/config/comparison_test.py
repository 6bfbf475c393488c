import pytest

from mammo import presets
from mammo.common.errors import InputError
from mammo.config import comparison
from mammo.config.run import DetectorConfig


def _given():
    return presets.PRESETS["comparison"].get_config()


def test_each_model_has_the_configuration_of_its_stage():
    made = comparison.from_fields(_given())
    assert isinstance(made.models["finder"], DetectorConfig)
    assert made.models["finder"].model.is_class_blind
    assert made.data.phantom_exams == 400
    assert made.backbone_from == {"malignancy": "tumour"}


@pytest.mark.parametrize(
    ("backbone_from", "said"),
    [
        ({"malignancy": "tumor"}, "backbone_from.malignancy=tumor: it takes a model of the comparison"),
        ({"malignancy": "tumour", "tumour": "whole_image"}, "begins with no other's backbone"),
        ({"malignancy": "detector"}, "their backbones are csp_darknet_nano and csp_darknet_micro"),
    ],
)
def test_a_backbone_that_cannot_be_had_is_refused(backbone_from, said):
    wrong = _given()
    with wrong.unlocked():
        wrong.backbone_from = backbone_from
    wrong.models.detector.model.backbone = "csp_darknet_micro"
    with pytest.raises(InputError, match=said):
        comparison.from_fields(wrong)


def test_the_configuration_of_a_stage_is_none_of_a_comparison():
    with pytest.raises(InputError, match=r"not that of a comparison; give one like configs/comparison\.py"):
        comparison.from_fields(presets.PRESETS["detector"].get_config())


def test_a_mistake_in_a_model_is_named_with_the_model():
    wrong = _given()
    with wrong.models.finder.unlocked():
        wrong.models.finder.colour = 1
    with pytest.raises(InputError, match=r"--config\.models\.finder\.colour is not known"):
        comparison.from_fields(wrong)
