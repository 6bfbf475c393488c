import subprocess
import sys


def test_mypy_has_nothing_to_say(python_files, tmp_path):
    options = [f"--cache-dir={tmp_path}", "--config-file=pyproject.toml"]
    assert subprocess.run([sys.executable, "-m", "mypy", *options, *python_files], check=False).returncode == 0
