"""Splits patients into train, validation and test: stratified, from a seed, and never moved by a case that is added.

Permuted blocks, as clinical trials allocate patients (Matts & Lachin 1988): the possible case numbers of a stratum are
cut into blocks of twenty, and in each block the seed deals out 14 places in train, 3 in validation and 3 in test. A
patient's place depends on nothing but its own number, its stratum and the seed, so that no other patient can move it;
and a stratum whose numbers are mostly in use comes out closer to 70/15/15 than by tossing a coin for each patient.
"""

import zlib
from collections.abc import Iterable

import numpy as np

from data_tools.source import ListedExam
from mammo.clinical.labels import Label
from mammo.common.errors import InputError

PLACES = {"train": 14, "validation": 3, "test": 3}
"""Of each block of twenty: 70, 15 and 15 %."""

_BLOCK = [split for split, places in PLACES.items() for _ in range(places)]


def split_by_patient(exams: Iterable[ListedExam], seed: int) -> dict[str, str]:
    """Returns the split of every patient, by `patient_id`.

    Args:
        exams: A patient with several is placed by the stratum of its first, by `exam_id`, so that later exams do not
            move it.
        seed: Another seed is another split.
    """
    first: dict[str, ListedExam] = {}
    for exam in exams:
        known = first.setdefault(exam.patient_id, exam)
        if exam.exam_id < known.exam_id:
            first[exam.patient_id] = exam
    return {patient_id: _place(patient_id, (exam.status, exam.volume), seed) for patient_id, exam in first.items()}


def check_disjoint(patients_by_split: dict[str, set[str]]) -> None:
    """Checks that no patient stands in two splits.

    Raises:
        InputError: One does.
    """
    seen: dict[str, str] = {}
    for split, patients in patients_by_split.items():
        for patient_id in sorted(patients):
            if patient_id in seen:
                raise InputError(f"patient {patient_id} stands in both {seen[patient_id]} and {split}.")
            seen[patient_id] = split


def _place(patient_id: str, stratum: tuple[Label, str], seed: int) -> str:
    digits = "".join(character for character in patient_id if character.isdecimal())
    number = int(digits) if digits else zlib.crc32(patient_id.encode())
    block, place = divmod(number, len(_BLOCK))
    stratum_key = zlib.crc32(f"{stratum[0].name}/{stratum[1]}".encode())
    order = np.random.default_rng([seed, stratum_key, block % 2**32]).permutation(len(_BLOCK))
    return _BLOCK[order[place]]
