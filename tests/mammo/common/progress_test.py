from mammo.common import progress


def test_a_log_gets_lines_with_rate_and_time_left(capsys):
    with progress.bar(40, " view", initial=10) as bar:
        bar.update(30)
    lines = capsys.readouterr().err.splitlines()
    assert "10/40" in lines[0]
    assert "40/40" in lines[-1]
    assert "view/s" in lines[-1]
    assert not any("\r" in line for line in lines)


def test_work_that_is_soon_done_shows_nothing(capsys, monkeypatch):
    with progress.bar(2, " view", delay_s=60.0) as bar:
        bar.update(2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_LOG_EVERY_S", 0.0)
    with progress.bar(2, " view", delay_s=0.0) as bar:
        bar.update(2)
    assert "2/2" in capsys.readouterr().err
