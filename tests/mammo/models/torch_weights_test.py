import pathlib
import pickle

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from mammo.common.errors import InputError
from mammo.models import torch_weights
from tests.mammo.models import torch_files


def _tensors():
    kernel = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return {
        "kernel": kernel,
        "turned": kernel.transpose(2, 0, 1)[1:],
        "bias": np.array([-1, 0.5], np.float32),
        "count": np.array([7]),
    }


def test_tensors_come_back_in_order_with_their_types_and_views_of_one_another(tmp_path):
    torch_files.write(tmp_path / "weights.pth", _tensors())
    made = torch_weights.read(tmp_path / "weights.pth")
    assert list(made) == list(_tensors())
    for name, expected in _tensors().items():
        assert made[name].dtype == expected.dtype
        np.testing.assert_array_equal(made[name], expected)


class _Caller:
    """Is pickled as a call."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


@pytest.mark.parametrize("function", [pathlib.Path.touch, eval, getattr, pickle.loads])
def test_a_file_that_would_call_anything_is_refused_by_its_name_and_calls_nothing(function, tmp_path):
    touched = tmp_path / "touched"
    arguments = {pathlib.Path.touch: (touched,), eval: (f"open({str(touched)!r}, 'w')",)}.get(function, ("a", "b"))
    torch_files.write(
        tmp_path / "weights.pth", {"kernel": np.ones(1, np.float32), "more": _Caller(function, *arguments)}
    )
    with pytest.raises(InputError, match=r"weights\.pth cannot be used as weights: it asks for \w+\.\w+, which no"):
        torch_weights.read(tmp_path / "weights.pth")
    assert not touched.exists()


def test_what_is_no_tensor_is_refused(tmp_path):
    torch_files.write(tmp_path / "weights.pth", {"kernel": "text"})
    with pytest.raises(InputError, match="holds something else than tensors"):
        torch_weights.read(tmp_path / "weights.pth")


def test_a_file_of_another_format_and_one_that_is_not_there_are_refused(tmp_path):
    (tmp_path / "new.pth").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "number.pth").write_bytes(pickle.dumps(1) * 5)
    for name in ("new.pth", "number.pth"):
        with pytest.raises(InputError, match=rf"{name} cannot be used as weights"):
            torch_weights.read(tmp_path / name)
    with pytest.raises(InputError, match=r"nowhere\.pth cannot be read \(No such file"):
        torch_weights.read(tmp_path / "nowhere.pth")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "weights.pth"
    torch_files.write(path, _tensors())
    return path.read_bytes()


def test_a_file_that_is_cut_off_anywhere_is_refused(sound, tmp_path):
    path = tmp_path / "weights.pth"
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(InputError, match="cannot be used as weights"):
            torch_weights.read(path)


@hypothesis.given(st.data())
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_any_byte_that_is_changed_is_refused_or_gives_tensors(sound, tmp_path, data):
    content = bytearray(sound)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "weights.pth").write_bytes(content)
    try:
        made = torch_weights.read(tmp_path / "weights.pth")
    except InputError:
        return
    assert all(isinstance(tensor, np.ndarray) for tensor in made.values())
