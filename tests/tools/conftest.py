import pathlib

import pytest

from tools import modules


@pytest.fixture
def python_files() -> list[str]:
    """Every Python file of the project, by its path from the root."""
    return [f"{module.package}/{module.stem}.py" for module in modules.find(pathlib.Path())]
