import collections
import dataclasses
import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_tools.phantoms import cases


@hypothesis.given(st.integers(1, cases.MAX_EXAMS))
@hypothesis.settings(max_examples=25, deadline=None)
def test_any_prefix_has_the_shares_of_mini_ddsm(exams):
    allocated = cases.allocate(exams)
    counts = collections.Counter(stratum for stratum, _ in allocated)
    cases_in_all = sum(stratum.count for stratum in cases.STRATA)
    assert len(allocated) == exams
    for stratum in cases.STRATA:
        assert abs(counts[stratum] - exams * stratum.count / cases_in_all) < 2


def test_shares_by_status_are_those_of_mini_ddsm():
    by_status: collections.Counter[str] = collections.Counter()
    for stratum in cases.STRATA:
        by_status[stratum.status] += stratum.count
    assert by_status == {"Benign": 671, "Cancer": 679, "Normal": 602}
    assert {stratum.volume for stratum in cases.STRATA if stratum.status == "Normal"} == {"A", "D"}


def test_a_longer_phantom_begins_as_a_shorter_one():
    assert cases.allocate(300)[:40] == cases.allocate(40)


def test_no_two_cases_share_a_name_and_folders_are_shared_only_between_statuses():
    allocated = cases.allocate(cases.MAX_EXAMS)
    assert len({(stratum.volume, number) for stratum, number in allocated}) == len(allocated)
    assert len({(stratum.status, number) for stratum, number in allocated}) == len(allocated)
    numbers = collections.Counter(number for _, number in allocated)
    assert max(numbers.values()) == 2  # as in Mini-DDSM, where the folder's number is no patient


def test_more_exams_than_there_are_numbers_are_refused():
    with pytest.raises(ValueError, match="at most"):
        cases.allocate(cases.MAX_EXAMS + 1)


@pytest.fixture(scope="module", name="planned")
def planned_fixture():
    return [
        cases.plan(stratum, number, np.random.default_rng(index))
        for index, (stratum, number) in enumerate(cases.allocate(1500))
    ]


def test_plans_agree_with_their_status(planned):
    for case in planned:
        lesions = [lesion for breast in case.breasts.values() for lesion in breast.lesions]
        assert bool(lesions) == (case.status != "Normal")
        assert any(lesion.is_malignant for lesion in lesions) == (case.status == "Cancer")


def test_what_trips_readers_up_occurs(planned):
    lesioned = [case for case in planned if case.status != "Normal"]
    breasts = [breast for case in lesioned for breast in case.breasts.values() if breast.lesions]
    both = sum(all(breast.lesions for breast in case.breasts.values()) for case in lesioned)
    assert 0.05 < both / len(lesioned) < 0.15
    assert 0.04 < np.mean([len(breast.lesions[0].projections) == 1 for breast in breasts]) < 0.14
    assert {len(breast.lesions) for breast in breasts} == {1, 2, 3}
    assert any(
        {lesion.is_malignant for breast in case.breasts.values() for lesion in breast.lesions} == {True, False}
        for case in planned
        if case.status == "Cancer"
    )
    assert any(case.age_years is None for case in planned)
    assert any(case.density == 0 for case in planned)


def test_few_lesions_are_subtle(planned):
    lesions = [lesion for case in planned for breast in case.breasts.values() for lesion in breast.lesions]
    counts = collections.Counter(lesion.subtlety for lesion in lesions)
    assert set(counts) == {1, 2, 3, 4, 5}
    assert counts[1] < counts[2] < counts[3] < counts[4] < counts[5]
    assert counts[1] < 0.06 * len(lesions)


def test_several_lesions_of_a_breast_lie_apart(planned):
    for case in planned:
        for breast in case.breasts.values():
            for view in range(2):
                places = sorted(lesion.across[view] for lesion in breast.lesions)
                assert all(after - before > 0.3 for before, after in itertools.pairwise(places))


def test_a_plan_is_plain_data(planned):
    again = cases.plan(*cases.allocate(1)[0], np.random.default_rng(0))
    assert dataclasses.asdict(again) == dataclasses.asdict(planned[0])
