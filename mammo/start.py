"""Starts a program of the project by its name: `start.py predict --exam=/work/exam`. What a container begins with.

It needs nothing but Python itself, so that a wrong name is answered at once. The program takes its place (`exec`), so
that signals reach the program, and its exit status is the container's.
"""

import ast
import os
import pathlib
import sys
from collections.abc import Mapping

_ROOT = pathlib.Path(__file__).absolute().parents[1]
_FOLDERS = ("mammo", "data_tools")
_RUNS = '\nif __name__ == "__main__":\n'
_FOR_PEOPLE = "cli.run(main)"  # with flags and exit statuses; other modules that run are parts of a program
_SPARK_FOLDER = "MAMMO_SPARK_FOLDER"  # in the environment: of the packages of requirements_spark.lock
_HELP = ("--help", "-help", "-h", "help")


def programs() -> dict[str, str]:
    """Returns the module of each program by the program's name, which is that of its file."""
    files = [path for folder in _FOLDERS for path in sorted((_ROOT / folder).rglob("*.py"))]
    return {path.stem: ".".join(path.relative_to(_ROOT).with_suffix("").parts) for path in files if _is_program(path)}


def main() -> int:
    """Runs the program that the command line names; returns only where it names none."""
    name, known = (sys.argv[1:] or [""])[0], programs()
    if name in known:
        os.execve(sys.executable, [sys.executable, "-m", known[name], *sys.argv[2:]], _environment(os.environ))
    is_asked = name in _HELP
    if name and not is_asked:
        print(f"error: there is no program {name!a}.", file=sys.stderr)
    print(_usage(known), file=sys.stdout if is_asked else sys.stderr)
    return 0 if is_asked else 2


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """Has the program, and what it starts, import the project and the locked packages, and nothing of the person's."""
    kept = {name: value for name, value in given.items() if name != "PYTHONHOME"}
    folders = [str(_ROOT), given.get(_SPARK_FOLDER, "")]
    path = os.pathsep.join(filter(None, folders))
    return kept | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}


def _is_program(path: pathlib.Path) -> bool:
    _, runs, what = path.read_text(encoding="utf-8").partition(_RUNS)
    return bool(runs) and _FOR_PEOPLE in what


def _usage(known: Mapping[str, str]) -> str:
    width = max(map(len, known), default=0)
    lines = [f"  {name:{width}}  {_first_line(module)}" for name, module in known.items()]
    return "\n".join(["Give the name of a program, then its flags; `<program> --help` explains them.", "", *lines])


def _first_line(module: str) -> str:
    tree = ast.parse(_ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
