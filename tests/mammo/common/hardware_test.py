from mammo.common import hardware


def test_gpus_are_named_as_their_driver_does(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "_NVIDIA", tmp_path)
    assert hardware.gpu_models() == []
    for slot in ("0000:02", "0000:01"):
        (tmp_path / slot).mkdir()
        (tmp_path / slot / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t 42\n")
    assert hardware.gpu_models() == ["NVIDIA H100 80GB HBM3"] * 2
