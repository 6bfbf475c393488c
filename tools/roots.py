"""Runs the steps of a Dockerfile in Debian roots, and programs in what they make, where no container engine is at hand.

Each process has namespaces of its own: what is mounted for it is gone when it ends, however it ends.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from mammo.common.errors import InputError
from tools import dockerfile
from tools.dockerfile import Stage, Step

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROXIES = [name for lower in ("http_proxy", "https_proxy", "no_proxy") for name in (lower, lower.upper())]
"""What docker build hands on to its steps, too."""

# Debian's bookworm-slim is its smallest variant without manuals, documents and translations (debuerreotype's .slimify).
_DEBIAN = "debian:bookworm-slim"
_MMDEBSTRAP = (
    *("mmdebstrap", "--quiet", "--variant=minbase", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"),
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "bookworm",
)
_OF_THE_MACHINE = ("etc/hostname", "etc/hosts", "etc/resolv.conf")  # which an engine mounts, and an image has empty

_UNSHARE = ("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child")

# As a container engine has it: /proc, /sys and a small /dev. $1: the root.
_MOUNT = """
set -eu
root=$1
shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for name in null zero full random urandom; do
  : > "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,size=64m tmpfs "$root/dev/shm"
"""

# $@: pairs of a file and its path in the root, "--", and what to run.
_STEP = """
while [ "$1" != -- ]; do
  mount --bind "$1" "$root$2"
  shift 2
done
shift
exec chroot "$root" "$@"
"""

# As `docker run --network=none --read-only --tmpfs=/tmp --volume=$1:/work --user=$2` has it.
_PROGRAM = """
ip link set lo up || echo "without iproute2 there is no localhost" >&2
mount -t tmpfs -o mode=1777,nosuid tmpfs "$root/tmp"
echo "127.0.0.1 localhost $(uname -n)" > "$root/dev/.hosts"
mount --bind "$root/dev/.hosts" "$root/etc/hosts"
mount -o remount,bind,ro "$root"
if [ -n "$1" ]; then mount --bind "$1" "$root/work"; fi
user=$2
shift 2
exec chroot --groups= --userspec="$user" "$root" "$@"
"""


@dataclasses.dataclass
class Root:
    """A Debian root, and what the instructions so far say of it.

    Attributes:
        folder: Its "/".
        name: Of its stage, by which COPY --from has it.
        environment: Of what runs in it.
        workdir: Where that stands.
        user: Whose it is: "0:0".
        entry_point: What it begins with.
    """

    folder: pathlib.Path
    name: str
    environment: dict[str, str] = dataclasses.field(default_factory=lambda: {"PATH": _PATH})
    workdir: str = "/"
    user: str = "0:0"
    entry_point: tuple[str, ...] = ()

    def within(self, path: str) -> pathlib.Path:
        """Returns where a path of the root, which may be relative to its workdir, is on this machine."""
        return self.folder / str(pathlib.PurePosixPath(self.workdir, path)).lstrip("/")

    def environ(self, environment: Mapping[str, str]) -> list[str]:
        """Returns the words before a command that give it the environment, and nothing of this machine's."""
        return ["/usr/bin/env", "-i", f"--chdir={self.workdir}", *(f"{k}={v}" for k, v in environment.items())]

    def program(self, arguments: Sequence[str], work: pathlib.Path | None, user: str = "") -> list[str]:
        """Returns the command that runs the entry point: the root cannot be written, and there is no network.

        Args:
            arguments: Of the entry point.
            work: What is mounted at /work; none: nothing.
            user: In place of the image's own.
        """
        command = [*_UNSHARE, "--net", "sh", "-c", _MOUNT + _PROGRAM, "sh", str(self.folder), str(work or "")]
        return [*command, user or self.user, *self.environ(self.environment), *self.entry_point, *arguments]


@dataclasses.dataclass(frozen=True)
class Builder:
    """Makes the roots of a Dockerfile's stages.

    Attributes:
        context: What COPY copies from, but for what its .dockerignore names.
        secrets: Files, by the ids by which RUN asks for them. One that is not here is not mounted, as docker has it.
        folder: For the roots.
    """

    context: pathlib.Path
    secrets: Mapping[str, pathlib.Path]
    folder: pathlib.Path

    def make_base(self, stages: Sequence[Stage]) -> None:
        """Makes what all stages begin with."""
        for stage in stages:
            if stage.base != _DEBIAN:
                raise InputError(f"FROM {stage.base} is not known; tools/roots.py makes {_DEBIAN}.")
        # It binds this machine's /dev/shm, and leaves it so when killed: to remove the folder would then empty it.
        # In namespaces of its own, what it mounts is seen by nobody else.
        _call([*_UNSHARE, "--mount-proc", *_MMDEBSTRAP, str(self.folder / "base")])
        for name in _OF_THE_MACHINE:
            (self.folder / "base" / name).write_text("")

    def begin(self, stage: Stage, number: int) -> Root:
        """Returns a new root."""
        root = Root(self.folder / f"stage_{number}", stage.name)
        _call(["cp", "--archive", "--reflink=auto", str(self.folder / "base"), str(root.folder)])
        return root

    def take(self, step: Step, made: Sequence[Root]) -> None:
        """Does one step in the last root; a step that only says something of the root is noted there."""
        root = made[-1]
        if step.instruction == "RUN":
            self._run(step, root)
        elif step.instruction == "COPY":
            self._copy(step, root, made)
        elif step.instruction == "ENV":
            root.environment.update(dockerfile.variables(step.text))
        elif step.instruction == "WORKDIR":
            root.workdir = step.text
            root.within(".").mkdir(parents=True, exist_ok=True)
        elif step.instruction == "USER":
            root.user = step.text
        else:
            root.entry_point = tuple(json.loads(step.text))

    def _run(self, step: Step, root: Root) -> None:
        given = [(self.secrets[name], target) for name, target in step.secrets if name in self.secrets]
        environment = root.environment | {name: os.environ[name] for name in _PROXIES if name in os.environ}
        command = [*root.environ(environment), "/bin/sh", "-c", step.text]
        with _mounted_files(root, [*given, (pathlib.Path("/etc/resolv.conf"), "/etc/resolv.conf")]) as pairs:
            _call([*_UNSHARE, "sh", "-c", _MOUNT + _STEP, "sh", str(root.folder), *pairs, "--", *command])

    def _copy(self, step: Step, root: Root, made: Sequence[Root]) -> None:
        given, to = step.text.split()
        target = root.within(to)
        target.parent.mkdir(parents=True, exist_ok=True)
        if step.source:
            (source,) = (other for other in made if other.name == step.source)
            _call(["cp", "--archive", "--no-target-directory", str(source.within(given)), str(target)])
            return
        files = [path for path in sorted(self.context.joinpath(given).rglob("*")) if path.is_file()]
        ignored = (self.context / ".dockerignore").read_text()
        sent = [path for path in files or [self.context / given] if self._is_sent(path, ignored)]
        if not sent:
            raise InputError(f"line {step.line}: there is no {given} to copy, or .dockerignore names it.")
        for path in sent:
            copied = target / path.relative_to(self.context / given)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copied)

    def _is_sent(self, path: pathlib.Path, ignored: str) -> bool:
        return path.is_file() and dockerfile.is_sent(path.relative_to(self.context).as_posix(), ignored)


@contextlib.contextmanager
def _mounted_files(root: Root, files: Sequence[tuple[pathlib.Path, str]]) -> Iterator[list[str]]:
    """Yields each file and its path in the root; a path that is made only to be mounted at is removed afterwards."""
    targets = [root.folder / target.lstrip("/") for _, target in files]
    new = [target for target in targets if not target.exists()]
    try:
        for target in new:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        yield [word for source, target in files for word in (str(source.resolve()), target)]
    finally:
        for target in new:
            if target.exists() and not target.stat().st_size:
                target.unlink()


def _call(command: Sequence[str]) -> None:
    """Runs a command, whose output is the person's to see."""
    if status := subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
        raise InputError(f"a step ended with {status}; what stands above says why.")
