import os

import pytest

from mammo.common import hardware, tensorflow_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF_GPU_THREAD_MODE", "TF_XLA_FLAGS"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(hardware, "gpu_models", list)


def test_onednn_is_on_unless_the_person_says_otherwise(monkeypatch):
    tensorflow_settings.apply()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    tensorflow_settings.apply()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_without_a_gpu_nothing_that_was_compiled_is_kept(tmp_path):
    tensorflow_settings.apply()
    assert "TF_XLA_FLAGS" not in os.environ
    assert not (tmp_path / "cache").exists()


def test_each_kind_of_gpu_keeps_what_was_compiled_for_it_in_a_folder_of_its_own(monkeypatch, tmp_path):
    folders = []
    for kind in ("NVIDIA H100", "NVIDIA H200"):
        monkeypatch.setattr(hardware, "gpu_models", lambda kind=kind: [kind, kind])
        monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=0")
        tensorflow_settings.apply()
        first, kept, devices = os.environ["TF_XLA_FLAGS"].split()
        assert (first, devices) == ("--tf_xla_auto_jit=0", "--tf_xla_persistent_cache_device_types=GPU")
        folders.append(kept.partition("=")[2])
    assert sorted(folders) == sorted(map(str, (tmp_path / "cache" / "mammo" / "xla").iterdir()))
    assert len(set(folders)) == 2


def test_a_folder_that_the_person_has_given_stays(monkeypatch):
    monkeypatch.setattr(hardware, "gpu_models", lambda: ["NVIDIA H100"])
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/fast/xla")
    tensorflow_settings.apply()
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_persistent_cache_directory=/fast/xla"


def test_a_cache_that_cannot_be_used_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "gpu_models", lambda: ["NVIDIA H100"])
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file", tmp_path / "two words"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        tensorflow_settings.apply()
        assert "TF_XLA_FLAGS" not in os.environ
