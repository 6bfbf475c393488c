import dataclasses

import pytest
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from mammo.benchmarks import accelerator
from mammo.config.data import Encoding
from tests.mammo.models import short_efficientnet

_short = pytest.fixture(short_efficientnet.in_place_of_lite0, autouse=True, scope="module")


def test_a_preset_is_timed_compiled_and_without_a_gpu_only_what_a_processor_has(monkeypatch):
    preset = accelerator._config

    def small(batch_size):
        config = preset(batch_size)
        model = dataclasses.replace(config.model, pyramid_channels=8, head_depth=1, max_levels=2)
        return dataclasses.replace(config, model=model, log_every_steps=1)

    monkeypatch.setattr(accelerator, "_config", small)
    figures = accelerator.measure(1, Encoding.JPEG, 64, 64, batch_sizes=[2], seconds=0.01)
    (of_two,) = figures.values()
    assert list(figures) == ["batch_2"]
    assert len(of_two.first_step_s) == 2
    assert min(of_two.step_images_per_second, of_two.together_images_per_second, of_two.run_images_per_second) > 0
    assert 0 < of_two.operations_outside_compiled <= 150
    assert (of_two.kernels_a_step, of_two.busy_share, of_two.peak_memory_mib) == (None, None, None)


def test_kernels_of_streams_that_run_at_once_are_busy_once():
    space = xplane_pb2.XSpace()
    space.planes.add(name="/host:CPU").lines.add(name="Stream of words").events.add(offset_ps=0, duration_ps=10**9)
    plane = space.planes.add(name="/device:GPU:0")
    for name, spans in {"Stream #1": [(0, 40), (60, 10)], "Stream #2": [(30, 20)], "Steps": [(0, 100)]}.items():
        line = plane.lines.add(name=name, timestamp_ns=5)
        for offset, duration in spans:
            line.events.add(offset_ps=offset, duration_ps=duration)
    figures = accelerator.of_profile(space, steps=3)
    assert figures == {"kernels_a_step": 1.0, "busy_share": 60 / 70}
    assert accelerator.of_profile(xplane_pb2.XSpace(), 3) == {"kernels_a_step": None, "busy_share": None}
