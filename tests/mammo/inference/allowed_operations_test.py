"""The list of operations is that of what networks are made of: no more, no less."""

import contextlib
import dataclasses

import pytest
import tensorflow as tf

from mammo.config.data import CropConfig, InputConfig
from mammo.config.model import ClassifierNetwork
from mammo.data.pipeline import Reading
from mammo.inference import freezing, graphs, networks
from mammo.inference.allowed_operations import ALLOWED_OPERATIONS
from mammo.models import building
from mammo.models.anchor_grid import Anchors
from mammo.models.plans import CLASS_BLIND, ClassifierPlan, DetectorPlan
from mammo.stages.classifier import ClassifierStage
from mammo.stages.detector import DetectorStage
from mammo.training import distribution
from tests.mammo.data import small_shards
from tests.mammo.models import short_darknet, short_efficientnet
from tests.mammo.models.small_plans import CLASSIFIER, DETECTOR

FINDER = dataclasses.replace(
    DETECTOR, classes=CLASS_BLIND, anchors=Anchors((3, 4, 5, 6), (8.0, 16.0, 32.0, 64.0), (0.8, 1.0))
)
CROPS = dataclasses.replace(CLASSIFIER, network=ClassifierNetwork("efficientnet_b0", "modern", 0.2, standardizes=True))
WHOLE_IMAGE = dataclasses.replace(
    CLASSIFIER,
    stage="tumour",
    classes=("normal", "tumour"),
    height_px=64,
    width_px=64,
    network=ClassifierNetwork("csp_darknet_nano", "study", 0.2, standardizes=False),
    crop=None,
    averaged_looks=2,
)
OF_EACH_KIND: tuple[DetectorPlan | ClassifierPlan, ...] = (
    FINDER,
    dataclasses.replace(FINDER, classes=("benign", "cancer"), anchors=Anchors((3,), (8.0,), (1.0,))),
    WHOLE_IMAGE,
    CROPS,
    dataclasses.replace(
        CROPS,
        network=ClassifierNetwork("efficientnet_lite0", "linear", 0.2, standardizes=False),
        crop=CropConfig(side_px=32, contexts=(1.0, 3.0)),
        averaged_looks=8,
    ),
)


@pytest.fixture(scope="module")
def short():
    yield from short_efficientnet.in_place_of_b0()


def test_networks_of_each_kind_have_the_operations_that_are_listed(short, tmp_path):
    shards = small_shards.write(tmp_path, {})
    used: set[str] = set()
    short_darknets = contextlib.contextmanager(short_darknet.in_place_of_csp_darknets)
    for number, plan in enumerate(OF_EACH_KIND):
        reading = Reading(InputConfig())
        stage: freezing.Stage
        if isinstance(plan, DetectorPlan):
            stage = DetectorStage(plan, shards, reading)
        else:
            stage = ClassifierStage(plan, shards, reading)
        # The first has the backbone as it is, with all operations of one.
        shortened = short_darknets() if number else contextlib.nullcontext()
        # As an export loads them: the strategy names devices.
        with shortened, distribution.make_strategy(devices=0).scope():
            network = building.build(plan)
        freezing.save(stage, network, tmp_path / "network")
        content = (tmp_path / "network" / "graph.pb").read_bytes()
        graph = graphs.parse(content)
        used |= {node.op for node in graph.node}
        names = networks.output_names(plan)
        frozen = graphs.build(graph, [None, *plan.image_shape], names)
        assert set(frozen(tf.zeros([2, *plan.image_shape]))) == set(names)
    assert sorted(used) == sorted(ALLOWED_OPERATIONS)
