import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption

from mammo.common.errors import InputError
from mammo.inference import signing

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OF_OTHER_KIND = ec.derive_private_key(7, ec.SECP256R1())
PEM = serialization.Encoding.PEM


def _private(key, encryption=None):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption or NoEncryption())


def _public(key):
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write(path, content):
    path.write_bytes(content)
    return path


def test_what_a_key_signed_is_known_by_its_fingerprint(tmp_path):
    key = signing.read_private_key(_write(tmp_path / "key.pem", _private(KEY)))
    text = signing.sign(b"content", key).encode()
    assert signing.verify(b"content", text) == signing.fingerprint(KEY.public_key())
    with pytest.raises(ValueError, match="of other content"):
        signing.verify(b"contents", text)


def test_the_fingerprint_is_that_of_the_public_key_as_openssl_writes_it():
    # openssl pkey -in key.pem -pubout -outform DER | sha256sum
    expected = "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
    assert signing.fingerprint(KEY.public_key()) == expected


def test_keys_that_are_trusted_are_a_file_or_all_of_a_folder(tmp_path):
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    paths = [_write(tmp_path / f"{name}.pem", _public(key)) for name, key in (("a", KEY), ("b", other))]
    (tmp_path / "README").write_text("whose keys these are")
    expected = [signing.fingerprint(key.public_key()) for key in (KEY, other)]
    assert signing.read_trusted(paths[0]) == {expected[0]}
    assert signing.read_trusted(tmp_path) == set(expected)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no private key in PEM; make one with `openssl genpkey"),
        (b"\xff" * 100, "holds no private key in PEM"),
        (bytes(10_000), "is too large for a key"),
        (_public(KEY), "holds no private key in PEM"),
        (_private(KEY, BestAvailableEncryption(b"secret")), "is encrypted; give a key that is not"),
        (_private(OF_OTHER_KIND), "of another kind than Ed25519"),
    ],
)
def test_what_cannot_sign_is_refused_in_a_sentence(tmp_path, content, sentence):
    with pytest.raises(InputError, match=rf"key\.pem .*{sentence}"):
        signing.read_private_key(_write(tmp_path / "key.pem", content))
    with pytest.raises(InputError, match=r"nowhere\.pem is no file"):
        signing.read_private_key(tmp_path / "nowhere.pem")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no public key in PEM"),
        (_private(KEY), "holds a private key, which only who signs may have"),
        (_public(OF_OTHER_KIND), "of another kind than Ed25519"),
    ],
)
def test_what_cannot_be_trusted_is_refused_in_a_sentence(tmp_path, content, sentence):
    with pytest.raises(InputError, match=rf"key\.pem .*{sentence}"):
        signing.read_trusted(_write(tmp_path / "key.pem", content))
    (tmp_path / "key.pem").unlink()
    with pytest.raises(InputError, match=r"holds no \*\.pem"):
        signing.read_trusted(tmp_path)
