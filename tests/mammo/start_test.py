import os
import pathlib
import subprocess
import sys

import pytest

from mammo import start

_FILE = str(pathlib.Path(start.__file__).absolute())
_PARTS = {"start", "worker"}  # which run, and are no programs of their own


def _start(*arguments, **environment):
    command = [sys.executable, "-I", _FILE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_every_program_of_the_project_is_known_by_its_name():
    files = [path for folder in ("data_tools", "mammo") for path in pathlib.Path(folder).rglob("*.py")]
    stems = [path.stem for path in files if '\nif __name__ == "__main__":' in path.read_text()]
    assert {"convert", "predict", "train"} < set(stems)
    assert sorted(start.programs()) == sorted(stem for stem in stems if stem not in _PARTS)
    assert start.programs()["preview"].split(".") == ["mammo", "augment", "preview"]


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_the_programs(flag):
    result = _start(flag)
    assert (result.returncode, result.stderr) == (0, "")
    for name in start.programs():
        assert f"\n  {name} " in result.stdout
    assert "Answers for exams" in result.stdout


@pytest.mark.parametrize(("arguments", "says"), [([], ""), (["predit"], "error: there is no program 'predit'.\n")])
def test_what_names_no_program_is_refused_with_the_list(arguments, says):
    result = _start(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{says}Give the name of a program")
    assert "\n  predict " in result.stderr


def test_the_name_is_shown_as_what_a_terminal_can_show():
    assert r"'\x1b[2J\u202e'" in _start("\x1b[2J\u202e").stderr


def test_a_program_gets_its_flags_and_gives_its_status():
    result = _start("convert", "--nothing=1")
    assert result.returncode == 2
    assert "nothing" in result.stderr


def test_a_program_takes_the_place_of_what_started_it(tmp_path):
    (tmp_path / "mammo").mkdir()
    program = "import os, sys\n\ndef main():\n    print(os.getpid(), sys.argv[1:], sys.flags.safe_path)\n\n"
    (tmp_path / "mammo/shown.py").write_text(program + 'if __name__ == "__main__":\n    main()  # cli.run(main)\n')
    (tmp_path / "mammo/start.py").write_text(pathlib.Path(_FILE).read_text())
    command = [sys.executable, "-I", str(tmp_path / "mammo/start.py"), "shown", "--a=b c"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.communicate()[0] == f"{process.pid} ['--a=b c'] True\n"
