import numpy as np
import pytest

from mammo.metrics import bootstrap


def _mean_of(values):
    return lambda weights: (weights @ values / weights.sum(axis=1))[:, None]


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(0).normal(5, 2, 400)
    figures = bootstrap.by_patient(_mean_of(values), 400, resamples=4000, seed=1)
    assert figures.value[0] == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20  # standard error of a mean of 400
    assert figures.low[0] == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert figures.high[0] == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_seed_alone_decides():
    values = np.arange(30.0)
    first, same, other = (
        bootstrap.by_patient(_mean_of(values), 30, resamples=300, seed=seed).to_json(0) for seed in (0, 0, 1)
    )
    assert first == same
    assert first["value"] == other["value"]
    assert first["low"] != other["low"]


def test_samples_without_a_figure_are_left_out():
    def statistic(weights):  # only the first patient has one
        return np.where(weights[:, :1] > 0, 3.0, np.nan)

    assert bootstrap.by_patient(statistic, 2, resamples=100, seed=0).to_json(0) == {"value": 3, "low": 3, "high": 3}


def test_no_interval_from_one_patient_and_none_without_samples():
    expected = {"value": 7.0, "low": None, "high": None}
    assert bootstrap.by_patient(_mean_of(np.array([7.0])), 1, resamples=100, seed=0).to_json(0) == expected
    assert bootstrap.by_patient(_mean_of(np.array([6.0, 8.0])), 2, resamples=0, seed=0).to_json(0) == expected


def test_what_is_nowhere_is_null():
    figures = bootstrap.by_patient(lambda weights: np.full((len(weights), 1), np.nan), 5, resamples=50, seed=0)
    assert figures.to_json(0) == {"value": None, "low": None, "high": None}


def test_every_sample_draws_as_many_patients_as_there_are():
    figures = bootstrap.by_patient(lambda weights: weights.sum(axis=1, keepdims=True), 7, resamples=300, seed=0)
    assert figures.to_json(0) == {"value": 7, "low": 7, "high": 7}


def test_a_share_is_of_sums_and_its_interval_of_the_patients_that_count():
    part, whole = np.array([1, 0, 2, 1]), np.array([1, 0, 4, 1])
    patients = np.array([0, 1, 2, 2])
    made = bootstrap.share(part, whole, patients, resamples=200, seed=0)
    assert made["value"] == pytest.approx(4 / 6)
    assert [made["low"], made["high"]] == pytest.approx([3 / 5, 1])  # patient 1 has nothing to be drawn for
    alone = bootstrap.share(part, whole * (patients == 0), patients, resamples=200, seed=0)
    assert alone == {"value": 1.0, "low": None, "high": None}
    assert bootstrap.share(part, np.zeros(4), patients, resamples=200, seed=0)["value"] is None


def test_a_ratio_of_nothing_is_no_figure():
    np.testing.assert_array_equal(bootstrap.ratio(np.array([1, 1]), np.array([2, 0])), [0.5, np.nan])
