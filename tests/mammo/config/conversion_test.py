import dataclasses
import json
import subprocess
import sys
from typing import Any

import hypothesis
import ml_collections
import pytest
from hypothesis import strategies as st

from mammo import presets
from mammo.common.errors import InputError
from mammo.config import comparison, conversion, run
from mammo.config.data import CropConfig, InputConfig
from mammo.config.run import CropClassifierConfig, DetectorConfig, RunConfig

_INPUTS = st.builds(
    InputConfig,
    batch_size=st.integers(1, 99),
    balance=st.sampled_from(["none", "weights", "study"]),
    class_weights=st.none() | st.tuples(*[st.floats(0.1, 9)] * 3),
    max_boxes=st.none() | st.integers(0, 9),
)
_CROPS = st.builds(
    CropConfig,
    side_px=st.sampled_from([32, 96]),
    contexts=st.lists(st.floats(1, 2.4), min_size=1, max_size=3).map(tuple),
    scale_range=st.just((0.5, 1.5)),
)
_CONFIGS: st.SearchStrategy[RunConfig] = st.builds(
    CropClassifierConfig,
    seed=st.integers(0, 2**31),
    train_steps=st.integers(500, 10**6),
    profile=st.just(()) | st.tuples(st.integers(0, 9), st.integers(10, 20)),
    precision=st.sampled_from(run.PRECISIONS),
    xla=st.booleans(),
    with_background=st.booleans(),
    input=_INPUTS,
    crop=_CROPS,
) | st.builds(DetectorConfig, input=_INPUTS)


@hypothesis.given(_CONFIGS)
def test_a_config_dict_and_json_give_back_what_they_were_made_of(config):
    given_by_flags = conversion.to_config_dict(config)
    assert run.from_fields(given_by_flags) == config
    assert run.from_fields(json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert isinstance(run.from_fields(json.loads(json.dumps(dataclasses.asdict(config)))).profile, tuple)


def test_flags_override_with_the_type_of_a_field():
    given_by_flags = conversion.to_config_dict(DetectorConfig())
    given_by_flags.update_from_flattened_dict({"input.max_boxes": 7, "model.backbone": "csp_darknet_micro"})
    assert run.from_fields(given_by_flags).input.max_boxes == 7
    assert given_by_flags.input.get_type("max_boxes") is int  # a placeholder knows its type
    for name, value in (("train_steps", "many"), ("input.max_boxes", "some"), ("optimizer.learning_rate", "fast")):
        with pytest.raises(TypeError):
            given_by_flags.update_from_flattened_dict({name: value})


def test_each_preset_is_a_configuration_and_gives_back_its_fields():
    for name, preset in presets.PRESETS.items():
        given = preset.get_config()
        if "models" not in given:
            again = conversion.to_config_dict(run.from_fields(given))
            assert conversion.to_plain(again) == conversion.to_plain(given), name


def _changed(**changes: Any) -> dict[str, Any]:
    return {**dataclasses.asdict(DetectorConfig()), **changes}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (_changed(colour=1), "--config.colour is not known; --config has the fields stage, seed,"),
        (_changed(input={"batch_size": 1}), "--config.input.balance is missing"),
        (_changed(input=5), "--config.input must have fields of its own, not 5"),
        (_changed(seed="x"), "--config.seed must be of type int, not 'x'"),
        (_changed(seed=True), "--config.seed must be of type int, not True"),
        (_changed(xla=1), "--config.xla must be of type bool, not 1"),
        (_changed(profile=3), "--config.profile must be a list, not 3"),
        (_changed(profile=[1, "x"]), "--config.profile[1] must be of type int, not 'x'"),
        (_changed(seed=None), "--config.seed must be of type int, not None"),
        (_changed(stage="detektor"), "stage=detektor is not known; it is one of detector, whole_image"),
    ],
)
def test_a_field_that_is_unknown_missing_or_of_another_type_is_named(fields, said):
    with pytest.raises(InputError) as refused:
        run.from_fields(fields)
    assert said in str(refused.value)


def test_a_tuple_of_a_fixed_length_takes_no_other():
    with pytest.raises(InputError, match=r"crop\.scale_range must have 2 values"):
        conversion.to_dataclass(CropConfig, {**dataclasses.asdict(CropConfig()), "scale_range": [1.0]}, "crop")


def test_integers_do_for_floats():
    fields = ml_collections.ConfigDict({**dataclasses.asdict(CropConfig()), "contexts": (1, 2)})
    made = conversion.to_dataclass(CropConfig, fields, "crop")
    assert [type(context) for context in made.contexts] == [float, float]


def test_no_configuration_needs_tensorflow():
    names = ", ".join(module.__name__ for module in (comparison, run, presets))
    subprocess.run([sys.executable, "-c", f"import sys, {names}; sys.exit('tensorflow' in sys.modules)"], check=True)
