import json
import re

import pytest

from mammo.common.errors import InputError
from mammo.models import anchor_boxes, plans
from mammo.models.plans import DetectorPlan
from mammo.training import workdir
from tests.mammo.training import disc_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 3})


def test_a_second_run_is_kept_out_while_the_first_lasts(tmp_path):
    with (
        workdir.claim(tmp_path / "run"),
        pytest.raises(InputError, match=rf"{re.escape(str(tmp_path))}/run is in use by another run"),
        workdir.claim(tmp_path / "run"),
    ):
        pass
    with workdir.claim(tmp_path / "run"):
        pass


def test_a_file_is_no_workdir(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"file is not a folder; give another --workdir"),
        workdir.claim(tmp_path / "file"),
    ):
        pass


def test_the_resolved_configuration_is_written_with_the_size_of_the_views(shards, tmp_path):
    workdir.settle_config(tmp_path, disc_shards.config(), shards)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["stage"] == "detector"
    assert written["data"]["height_px"] == disc_shards.SIDE_PX  # of the shards, whatever the preset says


def _save_something(folder):
    """Leaves what a run leaves that has saved a checkpoint."""
    (folder / "checkpoints" / "last").mkdir(parents=True)
    (folder / "checkpoints" / "last" / "checkpoint").write_text("")


def test_as_long_as_nothing_was_saved_a_mistake_can_be_put_right(shards, tmp_path):
    workdir.settle_config(tmp_path, disc_shards.config(seed=1), shards)
    workdir.settle_config(tmp_path, disc_shards.config(seed=2), shards)
    assert json.loads((tmp_path / "config.json").read_text())["seed"] == 2


def test_what_was_chosen_by_itself_is_written_as_what_it_came_to(shards, tmp_path):
    settled = workdir.settle_config(tmp_path, disc_shards.config(precision="auto"), shards)
    assert settled.precision in ("float32", "bfloat16")
    assert settled.devices >= 1
    assert json.loads((tmp_path / "config.json").read_text()) == workdir.to_json(settled)


def test_another_configuration_is_refused_by_what_differs(shards, tmp_path):
    workdir.settle_config(tmp_path, disc_shards.config(), shards)
    workdir.settle_plan(tmp_path, disc_shards.config(), shards)
    _save_something(tmp_path)
    other = disc_shards.config(optimizer__learning_rate=0.5)
    with pytest.raises(InputError, match=r"\(optimizer\.learning_rate is 0\.002 there, 0\.5 here\)"):
        workdir.settle_config(tmp_path, other, shards)


def test_what_is_only_watched_may_change(shards, tmp_path):
    workdir.settle_config(tmp_path, disc_shards.config(), shards)
    workdir.settle_plan(tmp_path, disc_shards.config(), shards)
    _save_something(tmp_path)
    workdir.settle_config(tmp_path, disc_shards.config(log_every_steps=7), shards)
    assert json.loads((tmp_path / "config.json").read_text())["log_every_steps"] == 7


def test_other_data_is_refused(shards, tmp_path):
    workdir.settle_plan(tmp_path, disc_shards.config(), shards)
    _save_something(tmp_path)
    other = disc_shards.write(tmp_path / "other", {"train": 6})
    with pytest.raises(InputError, match=r"run of another data \(data\.manifest_sha256 is [0-9a-f]{64} there"):
        workdir.settle_plan(tmp_path, disc_shards.config(), other)


def test_a_plan_is_made_once_and_read_back_when_a_run_goes_on(shards, tmp_path, monkeypatch):
    first = workdir.settle_plan(tmp_path, disc_shards.config(), shards)
    assert plans.read(tmp_path) == first
    again = workdir.settle_plan(tmp_path, disc_shards.config(model__max_levels=1), shards)
    assert isinstance(again, DetectorPlan)
    assert len(again.anchors.levels) == 1  # nothing was saved: a mistake can be put right
    _save_something(tmp_path)
    monkeypatch.setattr(anchor_boxes, "_SIZE_QUANTILES", (0.4, 0.5))  # another version of the code
    assert workdir.settle_plan(tmp_path, disc_shards.config(), shards) == again


def test_a_run_made_before_there_were_plans_is_refused(shards, tmp_path):
    workdir.settle_config(tmp_path, disc_shards.config(), shards)
    _save_something(tmp_path)
    for settle in (workdir.settle_config, workdir.settle_plan):
        with pytest.raises(InputError, match=r"has no plan\.json.*train it again if an older version made it"):
            settle(tmp_path, disc_shards.config(seed=3), shards)
    workdir.settle_config(tmp_path / "run", disc_shards.config(), shards)
    with pytest.raises(InputError, match=r"has no plan\.json"):
        workdir.read_config(tmp_path / "run", shards)


def test_a_damaged_configuration_is_refused(shards, tmp_path):
    workdir.settle_plan(tmp_path, disc_shards.config(), shards)
    _save_something(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json is damaged"):
        workdir.settle_config(tmp_path, disc_shards.config(), shards)


def test_the_configuration_of_a_run_comes_back_for_its_own_data_only(shards, tmp_path):
    settled = workdir.settle_config(tmp_path, disc_shards.config(seed=3), shards)
    workdir.settle_plan(tmp_path, settled, shards)
    assert workdir.read_config(tmp_path, shards) == settled
    other = disc_shards.write(tmp_path / "other", {"train": 6})
    with pytest.raises(InputError, match=r"run on other data than .*other \(data\.manifest_sha256"):
        workdir.read_config(tmp_path, other)
    with pytest.raises(InputError, match=r"nowhere holds no run"):
        workdir.read_config(tmp_path / "nowhere", shards)


@pytest.mark.parametrize(("field", "said"), [("seed", "seed is missing"), ("speed", "speed is not known")])
def test_a_run_of_another_version_is_refused_with_what_to_do(shards, tmp_path, field, said):
    settled = workdir.settle_config(tmp_path, disc_shards.config(), shards)
    workdir.settle_plan(tmp_path, settled, shards)
    fields = json.loads((tmp_path / "config.json").read_text())
    others = {name: value for name, value in fields.items() if name != field}
    (tmp_path / "config.json").write_text(json.dumps(others if field in fields else {**fields, field: 1}))
    with pytest.raises(InputError, match=rf"config\.json\.{said}.*; another version made this run: train it again"):
        workdir.read_config(tmp_path, shards)
