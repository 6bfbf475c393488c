from tests import programs
from tests.mammo.training import disc_shards


def test_views_are_joined_and_a_folder_that_holds_files_is_refused(tmp_path):
    shards = disc_shards.write(tmp_path / "views", {"train": 3, "validation": 2, "test": 2})
    arguments = (f"--data_dir={shards.folder}", f"--output_dir={tmp_path / 'breasts'}")
    ended = programs.run("data_tools.breasts", *arguments, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "3 breasts in train, 2 breasts in validation, 2 breasts in test." in ended.stdout
    again = programs.run("data_tools.breasts", *arguments, cwd=tmp_path)
    assert again.returncode == 1
    assert "already holds files; give another --output_dir or empty it." in again.stderr
    assert "Traceback" not in again.stderr
