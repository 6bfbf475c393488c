import collections
import dataclasses

import hypothesis
import hypothesis.strategies as st
import pytest

from data_tools import splits
from data_tools.source import ListedExam
from mammo.clinical.labels import Label
from mammo.common.errors import InputError


def _exam(number: int, status: int = 0, volume: str = "A", visit: int = 1) -> ListedExam:
    patient_id = f"{volume}_{number:04d}"
    return ListedExam(patient_id, f"{patient_id}_{visit}", Label(status), volume, None, None, ())


exams = st.lists(
    st.builds(_exam, st.integers(0, 5000), st.integers(0, 2), st.sampled_from("ABCD"), st.integers(1, 2)),
    unique_by=lambda exam: exam.exam_id,
    max_size=60,
)


@hypothesis.given(exams, exams, st.integers(0, 2**31))
def test_adding_cases_moves_no_case(first, added, seed):
    known = {exam.patient_id for exam in first}
    before = splits.split_by_patient(first, seed)
    after = splits.split_by_patient(first + [exam for exam in added if exam.patient_id not in known], seed)
    assert {patient: after[patient] for patient in before} == before


@hypothesis.given(exams, st.integers(0, 2**31), st.randoms())
def test_the_order_of_the_exams_does_not_matter(listed, seed, random):
    shuffled = listed[:]
    random.shuffle(shuffled)
    assert splits.split_by_patient(shuffled, seed) == splits.split_by_patient(listed, seed)


def test_a_later_exam_does_not_move_its_patient():
    before = splits.split_by_patient([_exam(number, status=0) for number in range(100)], seed=0)
    visits = [_exam(number, status, visit=visit) for number in range(100) for visit, status in ((1, 0), (2, 2))]
    assert splits.split_by_patient(visits, seed=0) == before


@pytest.mark.parametrize("seed", range(5))
def test_a_stratum_whose_numbers_are_in_use_is_split_exactly(seed):
    listed = [_exam(number, status, volume) for status, volume in enumerate("ACD") for number in range(200)]
    split_of = splits.split_by_patient(listed, seed)
    counts = collections.Counter((exam.volume, split_of[exam.patient_id]) for exam in listed)
    for volume in "ACD":
        assert [counts[volume, split] for split in ("train", "validation", "test")] == [140, 30, 30]


def test_another_seed_is_another_split():
    listed = [_exam(number) for number in range(100)]
    assert splits.split_by_patient(listed, seed=0) != splits.split_by_patient(listed, seed=1)


def test_patients_without_a_number_are_split_too():
    listed = [ListedExam(name, name, Label.NORMAL, "x", None, None, ()) for name in map(str.upper, "abcdefgh")]
    assert set(splits.split_by_patient(listed, seed=0)) == set("ABCDEFGH")


def test_a_patient_in_two_splits_is_refused_by_name():
    splits.check_disjoint({"train": {"A", "B"}, "test": {"C"}})
    with pytest.raises(InputError, match="patient B stands in both train and test"):
        splits.check_disjoint({"train": {"A", "B"}, "test": {"B", "C"}})


def test_any_name_of_a_patient_has_a_split():
    names = ["P²", "١٢", "①", "-", "9" * 100, "é"]
    listed = [dataclasses.replace(_exam(0), patient_id=name, exam_id=name) for name in names]
    split_of = splits.split_by_patient(listed, seed=0)
    assert split_of.keys() == set(names)
    assert set(split_of.values()) <= splits.PLACES.keys()
