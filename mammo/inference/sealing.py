"""The folder of a bundle with its checksums: which files may be in it, and that each is what was sealed."""

import dataclasses
import hashlib
import os
import pathlib
import re
import stat
from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mammo.common import errors, files, storage
from mammo.common.errors import InputError
from mammo.inference import signing

FACTS_FILE = "bundle.json"
CARD_FILE = "MODEL_CARD.md"
SUMS_FILE = "SHA256SUMS"
SIGNATURE_FILE = "SHA256SUMS.sig"
NETWORKS_FOLDER = "networks"
PLAN_FILE, GRAPH_FILE = "plan.json", "graph.pb"
MOST_GRAPH_BYTES = 512 << 20
"""Of a stored graph; the weights of EfficientNet-B7 take half of it."""

ADVICE = "export it again with //mammo:export"

_NAME = re.compile(
    rf"{re.escape(FACTS_FILE)}|{re.escape(CARD_FILE)}"
    rf"|{NETWORKS_FOLDER}/[a-z_]{{1,40}}/({re.escape(PLAN_FILE)}|{re.escape(GRAPH_FILE)})"
)
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
_MOST_TEXT_BYTES = 1 << 20
_MOST_FILES = 100
_MOST_FOLDERS_DEEP = 3


@dataclasses.dataclass(frozen=True)
class SealedFolder:
    """A folder whose files are those that its list of checksums names.

    Attributes:
        folder: Which, as people know it.
        local: Where its files are: that folder, or a copy of one in an object store.
        sums: The list, as it is stored.
        digests: SHA-256 of each file in hexadecimal, by its name in the folder.
    """

    folder: pathlib.Path
    local: pathlib.Path
    sums: bytes
    digests: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Of the list, and so of all that is in the folder."""
        return hashlib.sha256(self.sums).hexdigest()

    def read(self, name: str) -> bytes:
        """Returns the content of a file, which may have been replaced since the folder was opened.

        Raises:
            InputError: It is not what was sealed.
        """
        content = read_bounded(self.local, name)
        if hashlib.sha256(content).hexdigest() != self.digests.get(name):
            raise InputError(f"{self.folder} was altered: {name} is not what was exported; {ADVICE}.")
        return content


def seal(folder: pathlib.Path, key: Ed25519PrivateKey | None = None) -> None:
    """Writes the checksums of all files of a folder, and signs them with a key, if there is one."""
    (folder / SIGNATURE_FILE).unlink(missing_ok=True)
    text = "".join(f"{files.sha256_of(folder / name)}  {name}\n" for name in sorted(_content(folder)))
    files.write_text(folder / SUMS_FILE, text)
    if key is not None:
        files.write_text(folder / SIGNATURE_FILE, signing.sign(text.encode(), key))


def open_folder(folder: pathlib.Path) -> SealedFolder:
    """Checks every file of a folder; one in an object store is copied first.

    Raises:
        InputError: A file is missing, was added or was altered, or is none that a bundle has.
    """
    local = _copy(folder) if storage.is_stored(folder) else folder
    sums = read_bounded(local, SUMS_FILE)
    digests = _parse(folder, sums)
    there = set(_content(local))
    for name in sorted(digests.keys() | there):
        if name not in there:
            raise InputError(f"{folder} was altered: {name} is missing; {ADVICE}.")
        if name not in digests:
            raise InputError(f"{folder} was altered: {ascii(name)[1:-1]} was added; {ADVICE}.")
        _check_size(local, name)
        if files.sha256_of(local / name) != digests[name]:
            raise InputError(f"{folder} was altered: {name} is not what was exported; {ADVICE}.")
    return SealedFolder(folder, local, sums, digests)


def signer(sealed: SealedFolder) -> str | None:
    """Returns the fingerprint of the key that signed a folder; None: it is not signed.

    Raises:
        InputError: Its signature does not fit.
    """
    if not os.path.lexists(sealed.local / SIGNATURE_FILE):
        return None
    try:
        return signing.verify(sealed.sums, read_bounded(sealed.local, SIGNATURE_FILE))
    except ValueError as error:
        raise InputError(
            f"{sealed.folder / SIGNATURE_FILE} cannot be used: {errors.in_line(error)}; {ADVICE}."
        ) from None


def _copy(folder: pathlib.Path) -> pathlib.Path:
    """Copies what a bundle in an object store says that it has, of names and sizes that a bundle can have."""
    local = storage.temporary_folder()
    storage.fetch(_checked(folder, SUMS_FILE), local / SUMS_FILE)
    names = [*_parse(folder, read_bounded(local, SUMS_FILE))]
    if (folder / SIGNATURE_FILE).is_file():
        names.append(SIGNATURE_FILE)
    for name in names:
        storage.fetch(_checked(folder, name), local / name)
    return local


def _checked(folder: pathlib.Path, name: str) -> pathlib.Path:
    _check_size(folder, name)
    return folder / name


def read_bounded(folder: pathlib.Path, name: str) -> bytes:
    """Returns the content of a file of a bundle; a link is not followed.

    Raises:
        InputError: It is not there, or is no file, or larger than such a file can be.
    """
    most = _check_size(folder, name)
    if storage.is_stored(folder):
        with (folder / name).open("rb") as stored:
            return bytes(stored.read(most))
    with os.fdopen(os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read(most)


def _check_size(folder: pathlib.Path, name: str) -> int:
    """Checks that a file is one, and no larger than it can be; returns how large that is."""
    most = MOST_GRAPH_BYTES if name.endswith(f"/{GRAPH_FILE}") else _MOST_TEXT_BYTES
    try:
        found = (folder / name).lstat()
    except FileNotFoundError:
        raise InputError(f"{folder} was altered: {name} is missing; {ADVICE}.") from None
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{folder} was altered: {name} is no file; {ADVICE}.")
    if found.st_size > most:
        raise InputError(f"{folder} was altered: {name} is larger than {most >> 20} MiB; {ADVICE}.")
    return most


def _parse(folder: pathlib.Path, sums: bytes) -> dict[str, str]:
    digests: dict[str, str] = {}
    for line in sums.decode("ascii", "replace").splitlines():
        entry = _LINE.fullmatch(line)
        if entry is None or not _NAME.fullmatch(entry[2]) or entry[2] in digests:
            raise InputError(f"{folder / SUMS_FILE} has a line that no export writes; {ADVICE}.")
        digests[entry[2]] = entry[1]
    return digests


def _content(folder: pathlib.Path) -> Iterator[str]:
    """Yields the names of all files but the checksums and their signature.

    Raises:
        InputError: There is a link or a device, or more than a bundle has.
    """
    waiting, count = [(folder, "", 1)], 0
    while waiting:
        place, before, depth = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                name, count = f"{before}{entry.name}", count + 1
                is_folder = entry.is_dir(follow_symlinks=False)
                if count > _MOST_FILES or depth > _MOST_FOLDERS_DEEP:
                    raise InputError(f"{folder} was altered: it holds more than a bundle does; {ADVICE}.")
                if not is_folder and not entry.is_file(follow_symlinks=False):
                    raise InputError(f"{folder} was altered: {ascii(name)[1:-1]} is no file; {ADVICE}.")
                if is_folder:
                    waiting.append((pathlib.Path(entry.path), f"{name}/", depth + 1))
                elif name not in (SUMS_FILE, SIGNATURE_FILE):
                    yield name
