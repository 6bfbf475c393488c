"""The project's Python files, their imports, and the Bazel labels of these."""

import ast
import collections
import dataclasses
import functools
import itertools
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence

from mammo.common.errors import InputError


@dataclasses.dataclass(frozen=True)
class Module:
    """One Python file.

    Attributes:
        package: The folder it lies in, from the root: "data_tools/sources".
        stem: Its name without ".py".
        kind: "pytest_test", "program" or "py_library".
        imports: Dotted names that import statements may mean; of `from a import b` both "a.b" and "a".
        run: Modules it runs by `python -m`.
        mentions: Strings in it; those of a test may name modules of the project that it runs.
    """

    package: str
    stem: str
    kind: str
    imports: tuple[tuple[str, ...], ...]
    run: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()

    @property
    def dotted_name(self) -> str:
        """Name of the module in an import statement."""
        return ".".join([*pathlib.PurePosixPath(self.package).parts, self.stem])

    @property
    def label(self) -> str:
        """Bazel label of its library; nothing depends on a test."""
        return f"//{self.package}:{self.stem}{'_lib' if self.kind == 'program' else ''}"


@dataclasses.dataclass(frozen=True)
class Labels:
    """Turns imports into labels.

    Attributes:
        modules: All of the project's.
        requirements: Normalised names of the packages in requirements.in.
        distributions: The packages that bring a top-level module, as `importlib.metadata` tells.
        apart: The labels of packages that are installed apart from the others, by the top-level module of each.
    """

    modules: Sequence[Module]
    requirements: frozenset[str]
    distributions: Mapping[str, Sequence[str]]
    apart: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def users(self) -> Mapping[str, frozenset[str]]:
        """Other packages that depend on a module, by its label (its own package writes ":x", not "//package:x")."""
        users = collections.defaultdict(set)
        for module in self.modules:
            for label in self.deps([module]):
                users[label].add(module.package)
        return {label: frozenset(packages) for label, packages in users.items()}

    def deps(self, modules: Sequence[Module]) -> list[str]:
        """Returns the labels that modules of one package depend on, in Bazel's order: own, the project's, others'."""
        labels = {label for module in modules for label in self._deps_of(module)}
        labels -= {module.label for module in modules}
        here = f"//{modules[0].package}:"
        labels = {":" + label.removeprefix(here) if label.startswith(here) else label for label in labels}
        return sorted(labels, key=lambda label: (":/@".index(label[0]), label.split(":")))

    def _deps_of(self, module: Module) -> Iterator[str]:
        yield from (label for names in module.imports for label in self._of_import(module, names))
        yield from (label for name in module.run for label in self._own(name) or self._required(name))
        if module.kind == "pytest_test":
            yield from (label for name in module.mentions for label in self._own(name))
            yield from self._conftests(module.package)

    def _of_import(self, module: Module, names: Sequence[str]) -> Sequence[str]:
        for name in names:
            if found := self._own(name):
                self._refuse_foreign_test(module, name)
                return found
        top = names[0].split(".")[0]
        if top in sys.stdlib_module_names:
            return []
        if found := self._required(top):
            return found
        file = f"{module.package}/{module.stem}.py"
        if top in self.distributions:
            brought_by = " or ".join(sorted(set(self.distributions[top])))
            raise InputError(f"{file} imports {top}, which {brought_by} brings: name it in requirements.in.")
        raise InputError(f"{file} imports {names[0]}, which is neither a file of the project nor in a locked package.")

    def _refuse_foreign_test(self, module: Module, name: str) -> None:
        """The tests of a folder are one target, which nothing can depend on."""
        other = self._by_name[name]
        if other.kind == "pytest_test" and other.package != module.package:
            raise InputError(
                f"{module.package}/{module.stem}.py imports {name}, a test of another folder; move what they share "
                "into a file of its own."
            )

    def _own(self, dotted_name: str) -> list[str]:
        module = self._by_name.get(dotted_name)
        return [module.label] if module else []

    def _required(self, top: str) -> list[str]:
        names = {_normalised(name) for name in self.distributions.get(top, ())}
        labels = [f"@pypi//:{name.replace('-', '_')}" for name in names & self.requirements]
        return labels or [label for module, label in self.apart.items() if module == top]

    def _conftests(self, package: str) -> list[str]:
        """Pytest reads a conftest.py in the folder of a test and in those above."""
        above = [package, *map(str, pathlib.PurePosixPath(package).parents)]
        return [module.label for module in self.modules if module.stem == "conftest" and module.package in above]

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Module]:
        return {module.dotted_name: module for module in self.modules}


def find(root: pathlib.Path) -> list[Module]:
    """Returns the Python files below `root`, sorted, without those in hidden folders and in Bazel's."""
    return sorted(map(functools.partial(_read, root), _python_files(root)), key=lambda m: (m.package, m.stem))


def requirement_names(requirements_text: str) -> frozenset[str]:
    """Returns the packages that a requirements.in names, normalised (PEP 503)."""
    names = set()
    for line in requirements_text.splitlines():
        requirement = line.split("#")[0].strip()
        if requirement and not requirement.startswith("-"):
            end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), len(requirement))
            names.add(_normalised(requirement[:end]))
    return frozenset(names)


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _python_files(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for path in folder.iterdir():
        if path.name.startswith((".", "bazel-")) or path.name in ("__pycache__", "testdata"):
            continue
        if path.is_dir():
            yield from _python_files(path)
        elif path.suffix == ".py":
            yield path


def _read(root: pathlib.Path, path: pathlib.Path) -> Module:
    try:
        tree = ast.parse(path.read_text(), filename=str(path))
    except SyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}: {error.msg}; put it right first.") from None
    nodes = list(ast.walk(tree))
    return Module(
        package=path.relative_to(root).parent.as_posix().removeprefix("."),
        stem=path.stem,
        kind=_kind(path, tree),
        imports=tuple(names for node in nodes for names in _imported(node)),
        run=frozenset(name for node in nodes if isinstance(node, ast.List) for name in _run(_texts(node.elts))),
        mentions=frozenset(_texts(nodes)),
    )


def _kind(path: pathlib.Path, tree: ast.Module) -> str:
    if path.stem.endswith("_test"):
        return "pytest_test"
    is_run = any(isinstance(node, ast.If) and "__name__ == '__main__'" in ast.unparse(node.test) for node in tree.body)
    return "program" if is_run else "py_library"


def _imported(node: ast.AST) -> Iterator[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name,) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")  # a relative one leads nowhere, and is refused so
        yield from ((f"{module}.{alias.name}", module) for alias in node.names)


def _texts(nodes: Sequence[ast.AST]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _run(command: Sequence[str]) -> list[str]:
    return [name for option, name in itertools.pairwise(command) if option == "-m"]
