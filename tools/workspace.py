"""The source tree, for programs that write into it."""

import os
import pathlib

from mammo.common.errors import InputError


def folder() -> pathlib.Path:
    """Returns the root of the source tree, which is known only under `bazel run`.

    Raises:
        mammo.common.errors.InputError: The program was started otherwise.
    """
    path = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not path:
        raise InputError("this program writes into the source tree; start it by `bazel run`, which says where it is.")
    return pathlib.Path(path)
