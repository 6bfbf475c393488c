import pathlib

import pytest

from mammo.common.errors import InputError
from tools import dockerfile, roots
from tools.roots import Builder, Root

_TEXT = """FROM debian:bookworm-slim AS build
ENV A=1
WORKDIR /build
COPY app app
COPY one.lock two.lock
FROM debian:bookworm-slim
COPY --from=build /build/app /opt/app
ENV A=2 B="3 4"
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["tini", "--", "start"]
"""


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The roots of both stages, which begin as empty folders."""
    context = tmp_path / "context"
    files = {"app/a.py": "a", "app/sub/b.py": "b", "app/__pycache__/a.pyc": "", "one.lock": "1", "left_out": ""}
    for name, text in files.items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(text)
    (context / ".dockerignore").write_text("*\n!app\n!one.lock\n**/__pycache__\n")
    (tmp_path / "roots/base").mkdir(parents=True)
    builder, made = Builder(context, {}, tmp_path / "roots"), list[Root]()
    for stage in dockerfile.parse(_TEXT, "Dockerfile"):
        made.append(builder.begin(stage, len(made)))
        for step in stage.steps:
            builder.take(step, made)
    return made


def _files(folder: pathlib.Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_stage_gets_what_is_sent_and_the_next_what_it_copies(built):
    build, last = built
    assert _files(build.folder) == {"build/app/a.py": "a", "build/app/sub/b.py": "b", "build/two.lock": "1"}
    assert _files(last.folder) == {"opt/app/a.py": "a", "opt/app/sub/b.py": "b"}
    assert (last.folder / "work").is_dir()


def test_a_program_runs_as_the_image_says_with_its_environment_alone(built):
    build, last = built
    assert build.environment["A"] == "1"
    command = last.program(["predict", "--exam=exam"], pathlib.Path("/mounted"))
    begin = command.index("/usr/bin/env")
    assert command[begin - 3 : begin] == [str(last.folder), "/mounted", "10001:10001"]
    path = last.environment["PATH"]
    said = ["/usr/bin/env", "-i", "--chdir=/work", f"PATH={path}", "A=2", "B=3 4"]
    assert command[begin:] == [*said, "tini", "--", "start", "predict", "--exam=exam"]


def test_a_file_that_is_not_sent_is_no_file(built, tmp_path):
    build, _ = built
    (step,) = dockerfile.parse("FROM a\nCOPY left_out a\n", "Dockerfile")[0].steps
    with pytest.raises(InputError, match=r"line 2: there is no left_out to copy, or \.dockerignore names it"):
        Builder(tmp_path / "context", {}, tmp_path / "roots").take(step, [build])


def test_what_mounts_does_so_where_nobody_else_sees_it(monkeypatch, tmp_path):
    """Mmdebstrap binds the machine's /dev/shm: left mounted, it would be emptied with the folder it is mounted in."""
    commands: list[list[str]] = []
    monkeypatch.setattr(roots, "_call", commands.append)
    (tmp_path / "base/etc").mkdir(parents=True)
    builder = Builder(tmp_path, {}, tmp_path)
    builder.make_base(dockerfile.parse("FROM debian:bookworm-slim\n", "Dockerfile"))
    (run,) = dockerfile.parse("FROM a\nRUN a\n", "Dockerfile")[0].steps
    root = Root(tmp_path / "base", "")
    builder.take(run, [root])
    commands.append(root.program([], None))
    assert len(commands) == 3
    for command in commands:
        assert command[0] == "unshare"
        assert {"--mount", "--pid", "--kill-child"} <= set(command)


def test_another_base_is_refused(tmp_path):
    with pytest.raises(InputError, match="FROM alpine is not known"):
        Builder(tmp_path, {}, tmp_path).make_base(dockerfile.parse("FROM alpine\n", "Dockerfile"))
