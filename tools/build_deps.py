"""Keeps the BUILD files true to the sources: a target for each Python file, its dependencies out of its imports.

    bazel run //tools:build_deps

What a person writes in a BUILD file stays: the line at its top, comments above targets, attributes such as `size`,
a test's `data`, and targets of other kinds. A Python file that such a target names is left to it. The rest is made:

* `x_test.py` becomes a `pytest_test`, a file with `if __name__ == "__main__"` a `program`, any other a `py_library`.
* `deps`: what the file imports, wherever in it, and runs by `python -m`; also what of the project a string names.
* `visibility`: the packages that do depend on it.
* `data`: for a module, the files named like it (`describe.html`); for a test that has none, `testdata/` beside it.
* `all_files`: a package's files, for the tests that look at all of them.
"""

import importlib.metadata
import os
import pathlib

from absl import flags

from mammo import cli, errors
from tools import build_file, modules

_CHECK = flags.DEFINE_bool("check", False, "Write nothing; exit with 1 if a BUILD file is not as it would be written.")


def main() -> None:
    """Writes, or checks, the BUILD files of the source tree."""
    root = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
    stale = [(path, text) for path, text in wanted(root).items() if not path.is_file() or path.read_text() != text]
    for path, text in stale:
        if not _CHECK.value:
            path.write_text(text)
        print(f"{path.relative_to(root)}: {'is stale' if _CHECK.value else 'written'}")
    if stale and _CHECK.value:
        raise errors.InputError("the BUILD files do not fit the sources; run `bazel run //tools:build_deps`.")


def wanted(root: pathlib.Path) -> dict[pathlib.Path, str]:
    """Returns what each BUILD file of the tree at `root` is to hold, by path.

    Raises:
        mammo.errors.InputError: An import leads nowhere, or to a package that requirements.in does not name.
    """
    labels = modules.Labels(
        modules=modules.find(root),
        requirements=modules.requirement_names((root / "requirements.in").read_text()),
        distributions=importlib.metadata.packages_distributions(),
    )
    packages = sorted({module.package for module in labels.modules} - {""})
    return {root / package / "BUILD": build_file.render(root, package, packages, labels) for package in ["", *packages]}


if __name__ == "__main__":
    cli.run(main)
