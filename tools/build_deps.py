"""Writes the BUILD files from the sources: a target for each Python file, with the dependencies that it imports.

    bazel run //tools:build_deps

What a person writes in a BUILD file stays: the line at its top, comments above targets, attributes such as `size`, a
test's `data`, targets in a module's `data`, which tests are kept apart, and targets of other kinds. The rest is
made here:

* All `x_test.py` of a folder become one `pytest_test` named `tests`, which runs them in one process. A file that needs
  a process of its own has a target written by hand, such as `pytest_test(name = "x_test")`; of several, the `srcs`.
* A file with `if __name__ == "__main__"` becomes a `program`, any other a `py_library`.
* `deps`: what a file imports, wherever in it, and runs by `python -m`; of a test also the modules its strings name.
* `visibility`: the packages that do depend on it.
* `data`: for a module, the files named like it (`describe.html`); for tests that have none, `testdata/` beside them.
* `all_files`: a package's files, for the tests that look at all of them.
"""

import importlib.metadata
import pathlib

from mammo.common import cli
from tools import build_file, modules, workspace
from tools.modules import Labels

_APART = ("spark", "schemas")  # repositories of `packages_apart` in WORKSPACE, with a requirements_<name>.in each
_MODULES = {"google-api-python-client": "googleapiclient", "pyyaml": "yaml"}  # of packages with another name


def main() -> None:
    """Writes the BUILD files that differ from what the sources need, and logs which."""
    root = workspace.folder()
    for path, text in wanted(root).items():
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.relative_to(root)} is written anew.")


def wanted(root: pathlib.Path) -> dict[pathlib.Path, str]:
    """Returns the content that each BUILD file of the tree at `root` needs, by path.

    Raises:
        mammo.common.errors.InputError: An import leads nowhere, or to a package that requirements.in does not name.
    """
    labels = Labels(
        modules=modules.find(root),
        requirements=modules.requirement_names((root / "requirements.in").read_text()),
        distributions=importlib.metadata.packages_distributions(),
        apart=_apart(root),
    )
    packages = sorted({module.package for module in labels.modules} - {""})
    return {root / package / "BUILD": build_file.render(root, package, packages, labels) for package in ["", *packages]}


def _apart(root: pathlib.Path) -> dict[str, str]:
    """Returns the labels of the packages of other repositories by their modules; their metadata is not at hand."""
    named = {name: modules.requirement_names((root / f"requirements_{name}.in").read_text()) for name in _APART}
    return {
        _MODULES.get(package, package.replace("-", "_")): f"@{name}//:{package.replace('-', '_')}"
        for name, packages in named.items()
        for package in packages
    }


if __name__ == "__main__":
    cli.run(main)
