"""Signatures of bundles: Ed25519 (RFC 8032) of their list of checksums, and so of all that is in them."""

import base64
import binascii
import dataclasses
import hashlib
import json
import pathlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mammo.common import typed_json
from mammo.common.errors import InputError

MOST_BYTES = 4096
"""Of a signature, or of a key."""

_KEY_SUFFIX = ".pem"
_MAKE_PRIVATE = "make one with `openssl genpkey -algorithm ed25519 -out key.pem`"
_MAKE_PUBLIC = "make one with `openssl pkey -in key.pem -pubout -out public.pem`"


@dataclasses.dataclass(frozen=True)
class _Signature:
    """What the file of a signature holds, in base64: the key is there to tell who signed, not to be believed."""

    public_key: str
    signature: str


def read_private_key(path: pathlib.Path) -> Ed25519PrivateKey:
    """Reads the key that signs.

    Raises:
        InputError: The file is not there, or holds no such key.
    """
    content = _read(path)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        raise InputError(f"{path} is encrypted; give a key that is not, or {_MAKE_PRIVATE}.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{path} holds no private key in PEM; {_MAKE_PRIVATE}.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} holds a key of another kind than Ed25519; {_MAKE_PRIVATE}.")
    return key


def read_trusted(path: pathlib.Path) -> frozenset[str]:
    """Returns the fingerprints of public keys: of a file, or of all `*.pem` in a folder.

    Raises:
        InputError: There is none, or a file holds no such key.
    """
    paths = sorted(path.glob(f"*{_KEY_SUFFIX}")) if path.is_dir() else [path]
    if not paths:
        raise InputError(f"{path} holds no *{_KEY_SUFFIX}; put the public keys there that you trust.")
    return frozenset(fingerprint(_read_public_key(one)) for one in paths)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Returns what a key is known by: SHA-256 of its DER form, as `openssl pkey -pubin -outform DER | sha256sum`."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, spki)).hexdigest()


def sign(content: bytes, key: Ed25519PrivateKey) -> str:
    """Returns the text of a signature, as `verify` reads it."""
    raw = key.public_key().public_bytes_raw()
    made = _Signature(base64.b64encode(raw).decode(), base64.b64encode(key.sign(content)).decode())
    return json.dumps(dataclasses.asdict(made), indent=2) + "\n"


def verify(content: bytes, text: bytes) -> str:
    """Checks a signature, and returns the fingerprint of the key that made it.

    Raises:
        ValueError: It is none, or one of other content; the message is a clause.
    """
    said = typed_json.into(typed_json.decode(text), _Signature)
    try:
        public_key, signature = (base64.b64decode(part, validate=True) for part in (said.public_key, said.signature))
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise ValueError("it holds no key and signature of Ed25519") from None
    try:
        key.verify(signature, content)
    except InvalidSignature:
        raise ValueError("it is of other content") from None
    return fingerprint(key)


def _read_public_key(path: pathlib.Path) -> Ed25519PublicKey:
    content = _read(path)
    if b"PRIVATE KEY" in content:
        raise InputError(f"{path} holds a private key, which only who signs may have; {_MAKE_PUBLIC}.")
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{path} holds no public key in PEM; {_MAKE_PUBLIC}.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path} holds a key of another kind than Ed25519; {_MAKE_PRIVATE}.")
    return key


def _read(path: pathlib.Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"{path} is no file; give a key in PEM.") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{path} is too large for a key; give one in PEM.")
    return content
