import pathlib
import textwrap

import pytest

from tools import import_graph, modules


def _tree(root: pathlib.Path, **files: str) -> list[modules.Module]:
    """Writes files, named with `__` for `/` and without ".py", and reads their imports."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return modules.find(root)


def test_arrows_between_the_folders_of_this_project_go_down_only():
    assert import_graph.faults(modules.find(pathlib.Path())) == []


def test_the_graph_of_this_project_has_every_layer():
    graph = import_graph.graph_of(modules.find(pathlib.Path()))
    assert {f"mammo/{layer}" for layer in import_graph.LAYERS} | set(import_graph.PROGRAMS) == set(graph)


def test_a_tree_whose_arrows_go_down_has_no_fault(tmp_path):
    found = _tree(
        tmp_path,
        mammo__common__files="import json\n",
        mammo__clinical__labels="import enum\nimport numpy as np\nfrom mammo.common import files\n",
        mammo__data__shards="import tensorflow as tf\nfrom mammo.clinical.labels import Label\n",
        mammo__data__index="from mammo.data import shards\n",
        mammo__benchmarks__step="from data_tools import source\nfrom mammo.data import shards\n",
        mammo__train="from data_tools import source\nfrom mammo.data import shards\n",
        data_tools__source="from mammo.data import shards\n",
    )
    assert import_graph.faults(found) == []
    assert import_graph.graph_of(found)["mammo/data"] == {"mammo/clinical": ["mammo/data/shards.py"]}


def test_an_arrow_upwards_is_named_even_inside_a_function(tmp_path):
    found = _tree(
        tmp_path,
        mammo__metrics__froc="""
            def draw():
                from mammo.reports import charts
        """,
        mammo__reports__charts="",
    )
    (fault,) = import_graph.faults(found)
    assert fault.startswith("mammo/metrics/froc.py must not import mammo/reports")


def test_a_circle_is_named(tmp_path):
    found = _tree(
        tmp_path,
        mammo__data__shards="from mammo.models import plan\n",
        mammo__models__plan="from mammo.stages import stage\n",
        mammo__stages__stage="from mammo.data import shards\n",
    )
    (circle,) = [fault for fault in import_graph.faults(found) if "circle" in fault]
    assert all(folder in circle for folder in ("mammo/data", "mammo/models", "mammo/stages"))


def test_programs_may_be_part_of_no_circle_either(tmp_path):
    found = _tree(
        tmp_path,
        mammo__benchmark="from mammo.benchmarks import step\n",
        mammo__benchmarks__step="from mammo import benchmark\n",
    )
    (fault,) = import_graph.faults(found)
    assert "circle" in fault


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("mammo__data__shards", "from data_tools import source\n", "must not import data_tools"),
        ("mammo__data__shards", "from mammo import train\n", "must not import mammo:"),
        ("mammo__data__shards", "from mammo.benchmarks import step\n", "must not import mammo/benchmarks"),
        ("mammo__imaging__images", "import tensorflow as tf\n", "must not import TensorFlow"),
        ("mammo__data__index", "import tensorflow as tf\n", "must not import TensorFlow"),
        ("mammo__config__detector", "from keras import layers\n", "must not import TensorFlow"),
        ("mammo__clinical__rules", "import scipy.special\n", "must not import scipy: numpy alone"),
        ("mammo__new__thing", "", "mammo/new has no place in LAYERS"),
    ],
)
def test_what_else_is_refused(tmp_path, module, text, said):
    found = _tree(tmp_path, mammo__train="", mammo__benchmarks__step="", data_tools__source="", **{module: text})
    (fault,) = import_graph.faults(found)
    assert said in fault
