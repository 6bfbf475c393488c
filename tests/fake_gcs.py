"""A Google Cloud Storage of this machine, for TensorFlow's own client: it answers as Google's JSON API does.

The client knows one address, and takes the proxy to it and the certificates from the environment: see `https_proxy`. Of
the API (https://cloud.google.com/storage/docs/json_api/v1) the server has what the client asks for.
"""

import contextlib
import json
import pathlib
import re
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from http import HTTPStatus
from multiprocessing import managers
from typing import NamedTuple, Self

from tests import https_proxy
from tests.https_proxy import Answer, Headers

BUCKET = "bucket"
"""The one that is there."""

_PAGE_NAMES = 1000  # in one answer, at most
_ORIGIN = "https://www.googleapis.com"
_API = r"/storage/v1/b/([^/?]+)"
_OBJECT = rf"{_API}/o/([^/?]+)"
_KINDS = (
    ("GET", "bucket", _API),
    ("GET", "list", rf"{_API}/o\?.*"),
    ("GET", "stat", rf"{_OBJECT}\?.*"),
    ("DELETE", "delete", _OBJECT),
    ("POST", "copy", rf"{_OBJECT}/rewriteTo/b/{BUCKET}/o/([^/?]+)"),
    ("POST", "folder", rf"/upload{_API}/o\?uploadType=media&.*"),
    ("POST", "begin", rf"/upload{_API}/o\?uploadType=resumable&.*"),
    ("PUT", "upload", rf"/upload{_API}/o\?uploadType=resumable&.*"),
    ("GET", "read", r"/([^/?]+)/([^/?]+)"),
)


class Request(NamedTuple):
    """What came: a method of HTTP, a kind of `_KINDS`, and an object, or what the names of a list begin with."""

    method: str
    kind: str
    name: str


class FakeGcs:
    """A server with one bucket, which answers while the block lasts, in a process of its own.

    TensorFlow at times keeps Python to itself while it waits for an answer: a thread could not give it.

    Attributes:
        objects: What is in the bucket, by name.
        requests: All that came.
        failures: See `failing`; what has been answered so is no longer in it.
        environment: Variables with which a client finds it; TensorFlow reads those of retries as it is imported.
    """

    def __enter__(self) -> Self:
        self._held = contextlib.ExitStack()
        folder = pathlib.Path(self._held.enter_context(tempfile.TemporaryDirectory()))
        self._server = self._held.enter_context(_Manager()).server(folder)  # type: ignore[attr-defined]
        self.objects: MutableMapping[str, bytes] = self._server.get_objects()
        self.requests: MutableSequence[Request] = self._server.get_requests()
        self.failures: MutableSequence[tuple[int, str]] = self._server.get_failures()
        proxy = f"http://127.0.0.1:{self._server.get_port()}"
        self.environment = {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
            "CURL_CA_BUNDLE": str(folder / https_proxy.CERTIFICATE),
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
            "NO_GCE_CHECK": "true",
            "GCS_RETRY_CONFIG_MAX_RETRIES": "1",  # before each it waits for up to a second
            **dict.fromkeys(("GCS_RETRY_CONFIG_INIT_DELAY_TIME_US", "GCS_RETRY_CONFIG_MAX_DELAY_TIME_US"), "1000"),
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @contextlib.contextmanager
    def failing(self, status: int, pattern: str = "", times: int = 1000) -> Iterator[None]:
        """Answers with an error while the block lasts.

        Args:
            status: Of HTTP.
            pattern: Found in the requests that fail, as they are written here: "PUT upload folder/file".
            times: So many requests at most.
        """
        self.failures.extend([(status, pattern)] * times)
        try:
            yield
        finally:
            self.failures[:] = []


class _Server:
    """What a `FakeGcs` asks of, in a process of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._objects: dict[str, bytes] = {}
        self._requests: list[Request] = []
        self._failures: list[tuple[int, str]] = []
        self._port = https_proxy.start(folder, ("www.googleapis.com", "storage.googleapis.com"), self.answer)

    def get_objects(self) -> dict[str, bytes]:
        return self._objects

    def get_requests(self) -> list[Request]:
        return self._requests

    def get_failures(self) -> list[tuple[int, str]]:
        return self._failures

    def get_port(self) -> int:
        return self._port

    def answer(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        """Returns the status, headers and body with which a request is answered."""
        matches = ((kind, re.fullmatch(pattern, url)) for asked, kind, pattern in _KINDS if asked == method)
        kind, match = next((kind, match) for kind, match in matches if match)
        bucket, *names = (urllib.parse.unquote(group) for group in match.groups())
        query = dict(urllib.parse.parse_qsl(url.partition("?")[2]))
        name = names[0] if names else query.get("name", query.get("prefix", ""))
        self._requests.append(Request(method, kind, name))
        if self._failures and re.search(self._failures[0][1], f"{method} {kind} {name}"):
            return self._failures.pop()[0], {}, b"{}"
        if bucket != BUCKET or (kind in ("stat", "read", "copy", "delete") and name not in self._objects):
            return HTTPStatus.NOT_FOUND, {}, b"{}"
        if method == "GET":
            return self._read(kind, name, query, headers)
        return self._change(kind, names or [name], body)

    def _read(self, kind: str, name: str, query: Mapping[str, str], headers: Headers) -> Answer:
        match kind:
            case "list":
                return _json(self._listed(name, query))
            case "read":
                first, last = map(int, headers["Range"].removeprefix("bytes=").split("-"))
                return HTTPStatus.PARTIAL_CONTENT, {}, self._objects[name][first : last + 1]
            case "stat":
                size = f"{len(self._objects[name])}"
                return _json({"size": size, "generation": "1", "updated": "2024-01-01T00:00:00.000Z"})
        return _json({})

    def _change(self, kind: str, names: Sequence[str], body: bytes) -> Answer:
        name = names[0]
        match kind:
            case "begin":
                again = urllib.parse.urlencode({"uploadType": "resumable", "name": name})
                return HTTPStatus.OK, {"Location": f"{_ORIGIN}/upload/storage/v1/b/{BUCKET}/o?{again}"}, b""
            case "folder" | "upload":
                self._objects[name] = body
            case "copy":
                self._objects[names[1]] = self._objects[name]
            case "delete":
                del self._objects[name]
        return _json({"done": True})

    def _listed(self, prefix: str, query: Mapping[str, str]) -> dict[str, object]:
        """Returns a page of the names that begin with a prefix, up to the delimiter that follows it."""
        limit = int(query.get("maxResults", _PAGE_NAMES))
        delimiter = query.get("delimiter", "\0")
        ends = {name: name.find(delimiter, len(prefix)) + 1 or None for name in list(self._objects)}
        names = sorted({name[:end] for name, end in ends.items() if name.startswith(prefix)})
        names = [name for name in names if name > query.get("pageToken", "")]
        page = names[:limit]
        return {
            "items": [{"name": name} for name in page if not name.endswith(delimiter)],
            "prefixes": [name for name in page if name.endswith(delimiter)],
            **({"nextPageToken": page[-1]} if len(names) > limit else {}),
        }


class _Manager(managers.SyncManager):
    """Starts the process of a `_Server`, and ends it."""


_SHARED = {"get_objects": "shared_dict", "get_requests": "shared_list", "get_failures": "shared_list"}
_Manager.register("server", _Server, exposed=("get_port", *_SHARED), method_to_typeid=_SHARED)
_Manager.register("shared_dict", proxytype=managers.DictProxy, create_method=False)
_Manager.register("shared_list", proxytype=managers.ListProxy, create_method=False)


def _json(content: Mapping[str, object]) -> Answer:
    return HTTPStatus.OK, {}, json.dumps(content).encode()
