import pytest

from data_tools import decoders
from mammo.common.errors import InputError


def test_a_process_may_work_beside_one_with_the_same_decoders():
    decoders.check_same(dict(decoders.versions()))


@pytest.mark.parametrize("name", decoders.versions())
def test_whatever_differs_is_refused_and_named(name):
    with pytest.raises(InputError, match=rf"has {name} .* for 0\.1"):
        decoders.check_same({**decoders.versions(), name: "0.1"})


def test_what_the_other_process_alone_has_is_refused_too():
    with pytest.raises(InputError, match="libwebp None for 1"):
        decoders.check_same({**decoders.versions(), "libwebp": "1"})


def test_the_code_that_makes_pixels_is_part_of_it(monkeypatch, tmp_path):
    (tmp_path / "mammo/imaging").mkdir(parents=True)
    file = tmp_path / "mammo/imaging/pixel_path.py"
    monkeypatch.setattr(decoders, "__file__", str(tmp_path / "data_tools/decoders.py"))
    file.write_text("a = 1\n")
    one = decoders.versions.__wrapped__()["mammo's code"]
    file.write_text("a = 2\n")
    assert decoders.versions.__wrapped__()["mammo's code"] != one
