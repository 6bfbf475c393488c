import functools
import statistics

import pytest

from mammo.benchmarks import conversion, predict
from tests.mammo.models import short_darknet

_short = pytest.fixture(short_darknet.in_place_of_csp_darknets, autouse=True, scope="module")


def test_an_answer_is_measured_cold_warm_and_in_a_stream(monkeypatch):
    small = functools.partial(conversion.FullSizeSource, height_px=940, width_px=600)
    monkeypatch.setattr(predict, "FullSizeSource", small)
    figures = predict.measure(exams_count=3, repeats=1, height_px=256, width_px=192)
    assert figures.many_exams == 3
    (cold_s,), (warm_s,), (decoding_s,) = figures.cold_s, figures.warm_s, figures.decoding_s
    assert cold_s > warm_s > 0  # a program starts first
    assert figures.decoding_share == pytest.approx(decoding_s / warm_s)
    assert figures.speed_up == pytest.approx(statistics.median(figures.keras_network_s) / figures.network_s[0])
    assert figures.batch_speed_up == pytest.approx(figures.network_s[0] / figures.batch_network_s[0])
    assert 300 < figures.peak_memory_1_mib < 3000
    assert figures.peak_memory_many_mib > 300
