"""Writes one BUILD file in buildifier's style, and keeps what a person wrote in it."""

import ast
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from mammo.common.errors import InputError
from tools.modules import Labels, Module

_ALL_FILES = "all_files"  # the name of the filegroup of a package's files
_TESTS = "tests"  # the name of the target of a folder's test files
_MACROS = ("program", "pytest_test")  # of //tools:python.bzl
_MADE_KINDS = ("load", "py_library", *_MACROS)
_MADE_ATTRIBUTES = ("name", "srcs", "data", "visibility", "deps")
_FIRST_ATTRIBUTES = ("name", "size", "timeout", "srcs")  # as buildifier has them; the others by name, deps last
_MAX_PACKAGES_SHOWN = 3  # of one top-level folder in a visibility


@dataclasses.dataclass(frozen=True)
class _Statement:
    """One statement of an existing BUILD file.

    Attributes:
        kind: The rule it calls; "" for anything else.
        attributes: The source of each argument, by name.
        text: Its source, with the comment above it.
        comment: That comment, with a line break after it, or "".
    """

    kind: str
    attributes: dict[str, str]
    text: str
    comment: str


def render(root: pathlib.Path, package: str, packages: Sequence[str], labels: Labels) -> str:
    """Returns the content that a BUILD file needs.

    Args:
        root: The source tree.
        package: The folder of the BUILD file, from the root; "" is the root's own.
        packages: All packages with Python files.
        labels: All modules and where their imports lead.
    """
    path = root / package / "BUILD"
    statements = _parse(path.read_text()) if path.is_file() else []
    header = [s.text for s in statements if _is_docstring(s)]
    by_hand = [s.text for s in statements if not _is_docstring(s) and not _is_made(s)]
    own = [module for module in labels.modules if module.package == package]
    written = {statement.attributes.get("name"): statement for statement in statements}

    others = [module for module in own if module.kind != "pytest_test"]
    targets = [_module_target(root, module, labels, written.get(_quoted(module.stem))) for module in others]
    targets += _test_targets(root / package, [module for module in own if module not in others], labels, statements)
    loads = sorted({module.kind for module in own} & set(_MACROS))
    load = [f'load("//tools:python.bzl", {", ".join(map(_quoted, loads))})'] if loads else []
    return "\n\n".join([*header, *load, *targets, *by_hand, _all_files_target(package, packages)]) + "\n"


def _module_target(root: pathlib.Path, module: Module, labels: Labels, before: _Statement | None) -> str:
    made = {"name": _quoted(module.stem)}
    if module.kind == "py_library":
        made["srcs"] = _list([f"{module.stem}.py"])
    beside = sorted(p.name for p in (root / module.package).glob(f"{module.stem}.*") if p.suffix != ".py")
    if data := [*beside, *_targets_among(before.attributes.get("data", "[]") if before else "[]")]:
        made["data"] = _list(data)
    if users := _visible_to(labels.users.get(module.label, frozenset())):
        made["visibility"] = _list(users)
    if deps := labels.deps([module]):
        made["deps"] = _list(deps)
    return _target(module.kind, made, before)


def _targets_among(data: str) -> list[str]:
    """Returns the targets among a module's data, a list of names, which a person wrote."""
    try:
        return [name for name in ast.literal_eval(data) if name.startswith(("//", ":", "@"))]
    except ValueError:
        raise InputError(f"data={data} of a module is no list of names; write one.") from None


def _test_targets(
    folder: pathlib.Path, tests: Sequence[Module], labels: Labels, statements: Sequence[_Statement]
) -> list[str]:
    """Returns one target for a folder's test files, then those that a person wrote for files to be kept apart."""
    left = {f"{module.stem}.py": module for module in tests}
    apart = []
    for before in statements:
        name = before.attributes.get("name", "").strip('"')
        if before.kind == "pytest_test" and name != _TESTS:
            own = {file: left.pop(file) for file in _sources(folder, name, before) if file in left}
            apart += [_test_target(folder, name, own, labels, before)] if own else []
    shared = next((s for s in statements if s.attributes.get("name") == _quoted(_TESTS)), None)
    return [*([_test_target(folder, _TESTS, left, labels, shared)] if left else []), *apart]


def _sources(folder: pathlib.Path, name: str, before: _Statement) -> list[str]:
    """Returns the files that a person wants in a target of tests; the one named like it where none are named."""
    try:
        files = ast.literal_eval(before.attributes.get("srcs", f'["{name}.py"]'))
    except ValueError:
        raise InputError(f"{folder}/BUILD: srcs of {name} is no list of file names; write one.") from None
    return list(files)


def _test_target(
    folder: pathlib.Path, name: str, files: Mapping[str, Module], labels: Labels, before: _Statement | None
) -> str:
    made = {"name": _quoted(name), "srcs": _list(list(files))}
    testdata = 'glob(["testdata/**"])' if (folder / "testdata").is_dir() else ""
    if data := before.attributes.get("data", testdata) if before else testdata:
        made["data"] = data
    if deps := labels.deps(list(files.values())):
        made["deps"] = _list(deps)
    return _target("pytest_test", made, before)


def _target(kind: str, made: dict[str, str], before: _Statement | None) -> str:
    """Returns a target as it is to be, with the comment and the other attributes that it had before."""
    if not before:
        return _call(kind, made)
    kept = {name: text for name, text in before.attributes.items() if name not in _MADE_ATTRIBUTES}
    return before.comment + _call(kind, made | kept)


def _visible_to(packages: frozenset[str]) -> list[str]:
    """Returns packages one by one, or their common folder where there are many."""
    shown = set()
    for package in packages:
        top = package.split("/")[0]
        many = sum(other.split("/")[0] == top for other in packages) > _MAX_PACKAGES_SHOWN
        shown.add(f"//{top}:__subpackages__" if many else f"//{package}:__pkg__")
    return sorted(shown, key=lambda label: label.split(":"))


def _all_files_target(package: str, packages: Sequence[str]) -> str:
    files = 'glob(\n        ["**"],\n        exclude = ["**/*.pyc"],\n    )'
    user = "//:__pkg__"
    if not package:
        own = [".dockerignore", "BUILD", "Dockerfile", "Dockerfile.gpu", "pyproject.toml"]
        own += ["requirements.in", "requirements.lock", "requirements_gpu.lock"]
        own += ["requirements_schemas.in", "requirements_spark.in"]
        files = _list([*own, *(f"//{other}:{_ALL_FILES}" for other in packages)])
        user = "//tests:__subpackages__"
    return _call("filegroup", {"name": _quoted(_ALL_FILES), "srcs": files, "visibility": _list([user])})


def _parse(text: str) -> list[_Statement]:
    lines = text.splitlines()
    statements = []
    end_before = 0
    for node in ast.parse(text).body:  # a BUILD file is Python by its syntax
        comment = [line for line in lines[end_before : node.lineno - 1] if line.strip()]
        end_before = node.end_lineno or node.lineno
        whole = "\n".join([*comment, *lines[node.lineno - 1 : end_before]])
        statement = _Statement(kind="", attributes={}, text=whole, comment="".join(f"{line}\n" for line in comment))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            arguments = {k.arg: ast.get_source_segment(text, k.value) or "" for k in node.value.keywords if k.arg}
            statement = dataclasses.replace(statement, kind=ast.unparse(node.value.func), attributes=arguments)
        statements.append(statement)
    return statements


def _is_docstring(statement: _Statement) -> bool:
    return statement.text.startswith('"""')


def _is_made(statement: _Statement) -> bool:
    return statement.kind in _MADE_KINDS or statement.attributes.get("name") == _quoted(_ALL_FILES)


def _call(kind: str, attributes: dict[str, str]) -> str:
    first = [name for name in _FIRST_ATTRIBUTES if name in attributes]
    rest = sorted(attributes.keys() - {*first, "deps"})
    names = [*first, *rest, *(["deps"] if "deps" in attributes else [])]
    return "\n".join([f"{kind}(", *(f"    {name} = {attributes[name]}," for name in names), ")"])


def _list(items: Sequence[str]) -> str:
    if len(items) == 1:
        return f"[{_quoted(items[0])}]"
    return "\n".join(["[", *(f"        {_quoted(item)}," for item in items), "    ]"])


def _quoted(text: str) -> str:
    return f'"{text}"'
