import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from data_tools import processes, statistics
from tests.data_tools.drawn_source import DrawnSource


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    source = DrawnSource(tmp_path_factory.mktemp("data"), exams=6).write()
    broken = source.list_exams()[0].views[3].path
    broken.write_bytes(b"")
    return statistics.gather(source, source.list_exams(), workers_count=1), broken


def test_each_view_and_each_lesion_is_a_row(gathered):
    tables, broken = gathered
    assert len(tables.views) == 23
    assert len(tables.lesions) == 8  # four exams with a lesion, in both views of the left breast
    assert tables.rejected.path.tolist() == [str(broken)]
    assert set(tables.views.label[tables.views.laterality == "right"]) == {"normal"}


@pytest.mark.parametrize("order", ["reversed", "by two processes"])
def test_the_tables_are_the_same_whichever_exam_is_read_first(gathered, monkeypatch, order):
    tables, broken = gathered
    source = DrawnSource(broken.parent.parent, exams=6)
    run = processes.run
    if order == "reversed":
        monkeypatch.setattr(processes, "run", lambda *args, **more: reversed(list(run(*args, **more))))
    again = statistics.gather(source, source.list_exams(), workers_count=1 if order == "reversed" else 2)
    assert len(again.lesions) == 8
    for name in ("views", "lesions", "rejected"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(tables, name))


def test_a_lesions_length_is_in_pixels_and_mm(gathered):
    lesions = gathered[0].lesions
    assert set(lesions.length_px) == {29}
    np.testing.assert_allclose(lesions.length_mm.astype(float), 2.9)


def test_the_summary_counts_patients_once_and_breasts_by_view(gathered):
    summary = statistics.summarise(gathered[0])
    assert summary["n"] == {"patients": 6, "exams": 6, "images": 23, "lesions": 8, "rejected": 1}
    assert summary["images"] == {"normal": 15, "benign": 4, "cancer": 4}
    assert summary["breasts_with_lesion"] == {"in_both_views": 4, "in_one_view": 0}
    assert summary["exams_with_lesions_in_both_breasts"] == 0
    assert summary["density"] == {"2": 6}
    assert summary["age_unknown"] == 6
    assert summary["lesions"]["on_one_image"] == {"1": 8}
    assert summary["lesions"]["assessment"] == {"unknown": 8}
    assert summary["volume"] == {"A": {"normal": 2, "benign": 2, "cancer": 2}}


def test_balancing_of_mini_ddsm():
    after = statistics.balanced({"normal": 4978, "benign": 1402, "cancer": 1428})
    assert after["one normal in four"] == {"normal": 1244, "benign": 1402, "cancer": 1428}
    assert set(after["sampling weights"].values()) == {7808 / 3}


@hypothesis.given(st.lists(st.one_of(st.none(), st.floats(20, 100)), max_size=40))
def test_the_mean_lies_in_its_interval_and_the_unknown_do_not_count(ages):
    known = [age for age in ages if age is not None]
    mean = statistics.mean_with_interval(pd.Series(ages, dtype=object))
    assert mean["n"] == len(known)
    if len(known) > 1:
        assert mean["low"] <= mean["mean"] <= mean["high"]
        assert mean["mean"] == pytest.approx(np.mean(known))


def test_the_interval_of_a_worked_example():
    mean = statistics.mean_with_interval(pd.Series([50, 60, 70, 80]))  # standard deviation 12.910, error 6.455
    assert mean["mean"] == 65
    assert mean["low"] == pytest.approx(52.348, abs=1e-3)
    assert mean["high"] == pytest.approx(77.652, abs=1e-3)


def test_nothing_is_described_as_nothing(tmp_path):
    empty = statistics.gather(DrawnSource(tmp_path, 0), [], workers_count=1)
    summary = statistics.summarise(empty)
    assert summary["n"]["images"] == 0
    assert summary["mean_size_px"] == {"height": None, "width": None}
