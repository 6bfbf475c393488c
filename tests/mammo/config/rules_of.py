"""Holds a configuration to a rule: what breaks it is refused with a sentence that names the flag."""

import dataclasses
from typing import Any

import pytest

from mammo.common.errors import InputError


def refuses(config: Any, changes: dict[str, Any], said: str) -> None:
    """Checks that changes are refused, and with what words."""
    with pytest.raises(InputError) as refused:
        dataclasses.replace(config, **changes)
    assert said in str(refused.value)
