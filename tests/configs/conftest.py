"""What the tests of presets share: a short EfficientNet, shards, and weights to begin with."""

import pytest

from tests.configs import small_presets
from tests.mammo.models import short_efficientnet
from tests.mammo.training import disc_shards

_short = pytest.fixture(short_efficientnet.in_place_of_lite0, autouse=True, scope="module")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return disc_shards.write(tmp_path_factory.mktemp("shards"), {"train": 6, "validation": 3, "test": 3})


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_presets.WeightFiles(tmp_path_factory.mktemp("weights"))
