"""Keeps the tests of a folder apart from each other, which run in one process.

Files leave behind what they set for the whole process: `loop.train` seeds all generators, `distribution.set_precision`
sets Keras's policy, programs set how much is logged, networks set TensorFlow's optimiser. Each file begins as in a
process of its own, whichever files ran before it.
"""

import gc
import os
import pathlib
import random
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from absl import logging

_SEED = 0

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""To trace a network makes so many objects that all stay: to look for those that do not is 6 % of a test's time."""


def pytest_collection_finish() -> None:
    """Has the garbage collector never look again at what was imported, TensorFlow above all, and seldom at graphs."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


@pytest.fixture(autouse=True, scope="module")
def _as_in_a_process_of_its_own() -> Iterator[None]:
    environment, folder = dict(os.environ), pathlib.Path.cwd()
    verbosity, log_level = logging.get_verbosity(), logging.get_absl_logger().level
    _seed_generators()  # for the fixtures of the file
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    logging.set_verbosity(verbosity)
    logging.get_absl_logger().setLevel(log_level)  # which none was before: the root's, that `caplog` sets, counted
    if tf := sys.modules.get("tensorflow"):  # which takes seconds to import
        tf.keras.mixed_precision.set_global_policy("float32")
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False})
        tf.keras.backend.clear_session()  # layers are numbered from the first again, and so are the weights in files
    gc.collect()  # graphs are circles


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Lets a test draw the same whether it runs alone or after others."""
    _seed_generators()


def _seed_generators() -> None:
    random.seed(_SEED)
    np.random.seed(_SEED)
    if tf := sys.modules.get("tensorflow"):
        tf.keras.utils.set_random_seed(_SEED)  # of Keras's own generator, too, which first weights are drawn from
