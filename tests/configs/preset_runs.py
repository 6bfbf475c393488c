"""What a preset must bear: two real steps, saved and resumed between them, its best weights evaluated and exported."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from mammo.config.run import RunConfig
from mammo.data.shards import Shards
from mammo.inference import freezing, graphs, networks
from mammo.inference.sealing import GRAPH_FILE
from mammo.models import plans
from mammo.stages import stages
from mammo.training import distribution, evaluating, loop

Values = dict[str, np.ndarray]


def train_in_two(config: RunConfig, shards: Shards, workdir: pathlib.Path) -> tuple[Values, Values]:
    """Trains a step and saves, resumes for another; returns the state after each, by name in the checkpoint."""
    made = []
    try:
        for train_steps in (1, 2):
            loop.train(dataclasses.replace(config, train_steps=train_steps), shards, workdir)
            made.append(_read(workdir / "checkpoints" / "last", "state/"))
    finally:
        distribution.set_precision("float32")
    after_one, after_two = made
    assert after_two["updates/.ATTRIBUTES/VARIABLE_VALUE"] == 2
    assert moved(after_one, after_two)
    return after_one, after_two


def evaluate_and_export(shards: Shards, workdir: pathlib.Path, folder: pathlib.Path) -> None:
    """Evaluates the best weights in float32, freezes the network, and holds the frozen one to it."""
    stage = stages.from_plan(plans.read(workdir), shards)
    evaluation = evaluating.of_best(workdir, stage, distribution.make_strategy(0), "test")
    assert evaluation.run().image_count > 0
    freezing.save(stage, evaluation.model, folder)
    names = networks.output_names(stage.plan)
    graph = graphs.parse((folder / GRAPH_FILE).read_bytes())
    frozen = graphs.build(graph, [None, *stage.plan.image_shape], names)
    images = tf.random.stateless_uniform([2, *stage.plan.image_shape], [0, 0])
    answers = frozen(images)
    expected = tf.nest.flatten(stage.predict(evaluation.model, images))
    for output, wanted in zip(names, expected, strict=True):
        np.testing.assert_allclose(answers[output], wanted, atol=1e-3)


def fresh(config: RunConfig, shards: Shards, folder: pathlib.Path) -> Values:
    """Returns the weights of a model that has not been trained, as `train_in_two` names them."""
    checkpoint = tf.train.Checkpoint(model=stages.from_config(config, shards).build_initial_model())
    return _read(checkpoint.write(str(folder / "fresh")), "")


def kernels(values: Values) -> Values:
    """Kernels of convolutions in the model, by name."""
    return {name: value for name, value in values.items() if name.startswith("model/") and value.ndim == 4}


def moved(before: Values, after: Values) -> list[str]:
    """Names of the kernels that differ."""
    return [name for name, kernel in kernels(before).items() if (kernel != after[name]).any()]


def _read(path: pathlib.Path | str, prefix: str) -> Values:
    reader = tf.train.load_checkpoint(str(path))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(prefix)]
    return {name.removeprefix(prefix): reader.get_tensor(name) for name in names}
