"""A proxy for HTTPS that asks nobody: it answers for hosts itself, with a certificate of its own."""

import datetime
import http.server
import pathlib
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from http import HTTPStatus

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CERTIFICATE = "certificate.pem"
Headers = Message
Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


def start(folder: pathlib.Path, hosts: Iterable[str], answer: Callable[[str, str, Headers, bytes], Answer]) -> int:
    """Starts a proxy in a thread, which serves until the process ends.

    Args:
        folder: Where it puts its certificate, `CERTIFICATE`, and its key.
        hosts: What it answers for.
        answer: Returns the answer to a method, a URL without its host, headers and a body.

    Returns:
        Its port.
    """
    certified = _certified(folder, hosts)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # which has the body wait for an answer to the headers: 40 ms

        def do_CONNECT(self) -> None:
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.connection = certified.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            self.close_connection = False  # what follows is asked of the host that it believes to be connected with

        def _answer(self) -> None:
            chunks = list(iter(self._chunk, b"")) if self.headers.get("Transfer-Encoding") == "chunked" else []
            status, headers, content = answer(self.command, self.path, self.headers, b"".join(chunks))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  as the base class asks for them

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline(), 16)
            return self.rfile.read(size + 2)[:size]

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _certified(folder: pathlib.Path, hosts: Iterable[str]) -> ssl.SSLContext:
    """Writes a certificate into a folder, of an authority that is the server itself; returns what proves to be it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    names = [x509.DNSName(host) for host in hosts]
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / CERTIFICATE).write_bytes(pem)
    kind, unlocked = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, unlocked))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / CERTIFICATE, folder / "key.pem")
    return context
