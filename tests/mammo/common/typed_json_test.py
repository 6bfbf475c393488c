import dataclasses

import pytest

from mammo.common import typed_json


@dataclasses.dataclass(frozen=True)
class Part:
    names: tuple[str, ...]
    share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Whole:
    count: int
    parts: dict[str, Part]


def test_a_document_becomes_its_record(tmp_path):
    path = tmp_path / "whole.json"
    path.write_bytes(b'\xef\xbb\xbf{"count": 1, "parts": {"a": {"names": ["x"]}}, "new": 0}')
    assert typed_json.into(typed_json.read(path), Whole) == Whole(1, {"a": Part(("x",))})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated"),
        (b'{"count": NaN}', "malformed"),
        (b"\xff", "malformed"),
        (b'"\xff"', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_told(content, said):
    with pytest.raises(ValueError, match=said):
        typed_json.decode(content)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "expected `object`, got `array`"),
        ({"count": 1}, "missing required field `parts`"),
        ({"count": True, "parts": {}}, r"expected `int`, got `bool` - at `\$.count`"),
        ({"count": 1, "parts": {"a": {"names": "x"}}}, r"expected `array`, got `str` - at `\$.parts\[...\].names`"),
    ],
)
def test_a_field_of_another_type_is_named(value, said):
    with pytest.raises(ValueError, match=said):
        typed_json.into(value, Whole)
