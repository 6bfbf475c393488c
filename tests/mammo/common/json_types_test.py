from mammo.common import json_types

FIGURE = {"value": 0.5, "low": None, "high": None}
DOCUMENT = {"auc": {"image": {"cancer": {**FIGURE, "n": 3}}}, "title": "it"}


def test_a_field_is_found_by_its_path_and_none_where_there_is_none():
    assert json_types.at(DOCUMENT, ("title",)) == "it"
    assert json_types.at(DOCUMENT, ("auc", "image", "cancer", "n")) == 3
    assert json_types.at(DOCUMENT, ("auc", "exam", "cancer")) is None
    assert json_types.at(DOCUMENT, ("title", "letter")) is None


def test_only_a_value_with_both_ends_is_a_figure():
    assert json_types.interval_at(DOCUMENT, ("auc", "image", "cancer")) == {**FIGURE, "n": 3}
    assert json_types.interval_at(DOCUMENT, ("auc", "image")) is None
    assert json_types.interval_at(DOCUMENT, ("title",)) is None
    assert not json_types.is_interval({"value": 0.5, "low": 0.4})
