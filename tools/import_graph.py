"""Prints which folders of mammo/ import which, and checks that arrows go down only.

    bazel run //tools:import_graph

A folder imports folders below it in `LAYERS`, and nothing above. Programs (the modules of mammo/ itself) and benchmarks
stand above all of them and import anything; nothing imports them. Tests are not looked at.
"""

import collections
import functools
import graphlib
import sys
from collections.abc import Iterator, Mapping, Sequence

from mammo.common import cli
from mammo.common.errors import InputError
from tools import modules, workspace
from tools.modules import Module

LAYERS = (
    "common",
    "clinical",
    "config",
    "imaging",
    "data",
    "augment",
    "metrics",
    "models",
    "losses",
    "stages",
    "training",
    "concepts",
    "inference",
    "reports",
    "writers",
)
"""Folders of mammo/, from the lowest."""

PROGRAMS = ("mammo", "mammo/benchmarks")
"""Folders above the layers."""

NUMPY_ONLY = frozenset({"mammo/clinical"})
"""Folders that import numpy, the standard library and mammo/common, and nothing else."""

WITHOUT_TENSORFLOW = frozenset(
    {
        *("mammo/common", "mammo/clinical", "mammo/config", "mammo/imaging"),
        *("mammo/data/encodings.py", "mammo/data/manifests.py", "mammo/data/index.py", "mammo/models/plans.py"),
    }
)
"""Folders, and files of others, that do not import TensorFlow, which takes seconds."""

WHEN_ASKED = frozenset({"mammo/common/stored_path.py"})
"""Files of those that import TensorFlow inside functions: the one way to an object store."""

_TENSORFLOW = frozenset({"tensorflow", "tensorflow_addons", "keras", "keras_cv"})

Graph = Mapping[str, Mapping[str, Sequence[str]]]
"""By importing folder and imported folder, the files that import."""


def graph_of(found: Sequence[Module]) -> Graph:
    """Returns which folders of mammo/ import which other folders of the project."""
    folder_of = {module.dotted_name: module.package for module in found}
    graph: dict[str, dict[str, list[str]]] = collections.defaultdict(dict)
    for module in found:
        if not _is_checked(module):
            continue
        graph[module.package]  # a folder that imports nothing is a folder, too
        for names in module.imports:
            folder = next((folder_of[name] for name in names if name in folder_of), module.package)
            files = graph[module.package].setdefault(folder, []) if folder != module.package else []
            if _path(module) not in files:
                files.append(_path(module))
    return graph


def faults(found: Sequence[Module]) -> list[str]:
    """Returns every import that breaks a rule, and every circle of folders, as sentences; none: all is well."""
    graph = graph_of(found)
    return [*_unknown_folders(graph), *_wrong_arrows(graph), *_circles(graph), *_forbidden_packages(found)]


def _unknown_folders(graph: Graph) -> Iterator[str]:
    for folder in graph:
        if folder not in PROGRAMS and _rank(folder) is None:
            yield f"{folder} has no place in LAYERS of tools/import_graph.py; give it one."


def _wrong_arrows(graph: Graph) -> Iterator[str]:
    for folder, imported in graph.items():
        if folder in PROGRAMS:
            continue
        for other, files in imported.items():
            own, its = _rank(folder), _rank(other)
            if own is not None and (its is None or its >= own):
                yield f"{', '.join(files)} must not import {other}: it does not stand below {folder}."


def _circles(graph: Graph) -> Iterator[str]:
    """Yields one circle of folders; others may remain once it is broken."""
    own = {folder: [other for other in imported if other in graph] for folder, imported in graph.items()}
    try:
        graphlib.TopologicalSorter(own).prepare()
    except graphlib.CycleError as error:
        yield f"{' is imported by '.join(error.args[1])}: a circle."


def _forbidden_packages(found: Sequence[Module]) -> Iterator[str]:
    for module in filter(_is_checked, found):
        tops = {names[0].split(".")[0] for names in module.imports}
        is_without = {module.package, _path(module)} & WITHOUT_TENSORFLOW and _path(module) not in WHEN_ASKED
        if is_without and tops & _TENSORFLOW:
            yield f"{_path(module)} must not import TensorFlow."
        others = tops - {"numpy", "mammo"} - sys.stdlib_module_names - _TENSORFLOW
        if module.package in NUMPY_ONLY and others:
            yield f"{_path(module)} must not import {', '.join(sorted(others))}: numpy alone."


def _is_checked(module: Module) -> bool:
    return module.package == "mammo" or module.package.startswith("mammo/")


def _path(module: Module) -> str:
    return f"{module.package}/{module.stem}.py"


@functools.cache
def _rank(folder: str) -> int | None:
    """Returns the place of a folder in `LAYERS`; None: it has none."""
    top, _, name = folder.partition("/")
    return LAYERS.index(name) if top == "mammo" and name in LAYERS else None


def main() -> None:
    """Prints the graph, from the lowest folder up, and refuses what breaks a rule."""
    found = modules.find(workspace.folder())
    graph = graph_of(found)
    for folder in sorted(graph, key=lambda folder: (_rank(folder) is None, _rank(folder) or 0, folder)):
        print(f"{folder}: {', '.join(sorted(graph[folder])) or 'nothing'}")
    if wrong := faults(found):
        raise InputError("\n".join([f"{len(wrong)} imports break the rules:", *wrong]))


if __name__ == "__main__":
    cli.run(main)
