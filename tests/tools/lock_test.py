import pathlib
import re

import pytest

from tools import modules

_LOCKS = ["requirements.lock", "requirements_gpu.lock"]
_APART = ["requirements_spark.lock", "requirements_schemas.lock"]


def _pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", pathlib.Path(lock).read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", _LOCKS + _APART)
def test_a_lock_pins_every_requirement_with_hashes(lock):
    asked = "requirements.in" if lock in _LOCKS else lock.replace(".lock", ".in")
    assert modules.requirement_names(pathlib.Path(asked).read_text()) <= _pins(lock).keys()
    entries = re.split(r"\n(?=\S)", pathlib.Path(lock).read_text())
    assert all("--hash=sha256:" in entry for entry in entries if not entry.startswith("#"))


@pytest.mark.parametrize("lock", _LOCKS + _APART)
def test_a_lock_names_no_place_of_the_machine_that_made_it(lock):
    pins = [line for line in pathlib.Path(lock).read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in pins if "/" in line or line.startswith("-")]


def test_the_gpu_lock_adds_cuda_and_changes_nothing():
    cpu, gpu = map(_pins, _LOCKS)
    assert gpu.items() >= cpu.items()
    assert {name.split("-")[0] for name in gpu.keys() - cpu.keys()} == {"nvidia"}
