from mammo import progress


def test_a_log_gets_lines_with_rate_and_time_left(capsys):
    with progress.bar(40, " view", initial=10) as bar:
        bar.update(30)
    lines = capsys.readouterr().err.splitlines()
    assert "10/40" in lines[0]
    assert "40/40" in lines[-1]
    assert "view/s" in lines[-1]
    assert not any("\r" in line for line in lines)
