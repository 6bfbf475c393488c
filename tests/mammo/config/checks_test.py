import dataclasses
from typing import Any, Literal

import pytest

from mammo.common.errors import InputError
from mammo.config import checks


@dataclasses.dataclass(frozen=True)
class _Settings:
    kind: Literal["one", "other"] = "one"
    share: float = 0.5
    bounds: tuple[float, ...] = (0.5, 2.0)


def _misspelt():
    changes: dict[str, Any] = {"kind": "third"}
    return _Settings(**changes)


def test_what_is_allowed_passes():
    settings = _Settings()
    checks.choices("--config.", settings)
    checks.between("--config.", settings, 0.5, 0.5, "share")
    checks.at_least("--config.", settings, 0.5, "share")
    checks.below_one("--config.", settings, "share")
    checks.above_zero("--config.", settings, "share")
    checks.interval("--config.", settings, "bounds")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda: checks.choices("--x.", _misspelt()), "--x.kind=third is not known; it is one or other."),
        (lambda: checks.choice("--x", "d", "abc"), "--x=d is not known; it is one of a, b, c."),
        (lambda: checks.between("--config.", _Settings(), 1, 2, "share"), "--config.share=0.5 must be from 1 to 2."),
        (lambda: checks.at_least("--config.", _Settings(), 1, "share"), "--config.share=0.5 must be 1 or more."),
        (lambda: checks.below_one("--config.", _Settings(share=1.0), "share"), "must be from 0 to below 1."),
        (lambda: checks.below_one("--config.", _Settings(share=-0.1), "share"), "must be from 0 to below 1."),
        (lambda: checks.above_zero("--config.", _Settings(share=0.0), "share"), "--config.share=0.0 must be above 0."),
        (lambda: checks.interval("--config.", _Settings(bounds=(2.0, 1.0)), "bounds"), "0 < low <= high"),
        (lambda: checks.interval("--config.", _Settings(bounds=(0.0, 1.0)), "bounds"), "0 < low <= high"),
        (lambda: checks.interval("--config.", _Settings(bounds=(1.0,)), "bounds"), "must be (low, high)"),
    ],
)
def test_what_is_not_allowed_is_refused_by_its_name_and_value(check, said):
    with pytest.raises(InputError) as refused:
        check()
    assert said in str(refused.value)
