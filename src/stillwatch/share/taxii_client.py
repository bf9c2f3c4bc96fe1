"""A TAXII 2.1 client: what collections a server has, their objects page by page, and handing objects in."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from stillwatch.errors import OutsideError, UsageError
from stillwatch.share.reading import MOST_BYTES, parsed

MEDIA = "application/taxii+json;version=2.1"
MOST_PAGES = 500
#: Objects handed in at once, and how long a server's answer about them is waited for.
_EACH, _WAIT_S = 500, 60.0
#: Said with every page: there are servers that cannot go on without it.
_A_PAGE = "1000"
_COLLECTION = re.compile(r"[\w.-]{1,100}")


def http_client(timeout_s: float = 60.0) -> Any:
    """An HTTP client that follows no redirect and no proxy of the environment. UsageError where httpx is missing."""
    try:
        import httpx
    except ImportError as error:
        raise UsageError("network", "needs httpx", "pip install 'stillwatch[share]'") from error
    return httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)


def body_of(
    client: Any, method: str, url: str, *, most: int = MOST_BYTES, headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> bytes:  # fmt: skip
    """The body of an answer in the 200s. OutsideError otherwise, or where it is larger than `most` bytes."""
    import httpx

    where = urlsplit(url).netloc[:200]
    try:
        with client.stream(method, url, headers=dict(headers or {}), content=content) as answer:
            if not 200 <= answer.status_code < 300:
                raise OutsideError(where, f"answered {answer.status_code}", _HINTS.get(answer.status_code, ""))
            parts: list[bytes] = []
            size = 0
            for part in answer.iter_bytes():
                size += len(part)
                if size > most:
                    raise OutsideError(where, f"answered more than {most >> 20} MiB", "ask for less at once")
                parts.append(part)
            return b"".join(parts)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OutsideError(
            where or url[:80], f"cannot be asked ({type(error).__name__})", "check the address"
        ) from error


_HINTS = {
    401: "give a token that holds", 403: "ask the server's owner for the right to that collection",
    404: "check the address of the API root and the collection's id",
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A TAXII API root. With a user the token is sent as a password (HTTP Basic), else as a bearer token."""

    root: str
    token: str = ""
    user: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.root)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.username:
            raise UsageError("URL", "is no address of a TAXII API root", "https://example.org/taxii2/stillwatch/")
        if parts.scheme == "http" and self.token and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise UsageError("URL", "would send the token in the clear", "use https")

    def collections(self) -> list[dict[str, Any]]:
        """The server's collections; only those of the right form."""
        with http_client() as client:
            found = self._get(client, "collections/").get("collections") or []
        return [c for c in found if isinstance(c, dict) and isinstance(c.get("id"), str)]

    def pull(self, collection: str, added_after: str | None = None) -> list[Any]:
        """Objects of a collection, all pages. OutsideError where the server or the network fails."""
        self._known(collection)
        objects: list[Any] = []
        following: str | None = None
        with http_client() as client:
            for _ in range(MOST_PAGES):
                query = {"added_after": added_after, "next": following, "limit": _A_PAGE}
                page = self._get(client, f"collections/{collection}/objects/", {k: v for k, v in query.items() if v})
                found = page.get("objects") or []
                objects += found if isinstance(found, list) else []
                following = page.get("next") if page.get("more") is True else None
                if not isinstance(following, str) or not following:
                    return objects
        raise OutsideError(urlsplit(self.root).netloc, f"gave more than {MOST_PAGES} pages", "pull from a later time")

    def push(self, collection: str, objects: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Hands objects in and waits for what came of it: `success`, `failure`, `pending` counts."""
        self._known(collection)
        counts = {"success": 0, "failure": 0, "pending": 0}
        with http_client() as client:
            for start in range(0, len(objects), _EACH):
                body = json.dumps({"objects": list(objects[start : start + _EACH])}).encode()
                url = urljoin(self.root, f"collections/{collection}/objects/")
                headers = self._headers() | {"Content-Type": MEDIA}
                status = _object(body_of(client, "POST", url, headers=headers, content=body), self.root)
                until = time.monotonic() + _WAIT_S
                while status.get("status") == "pending" and time.monotonic() < until:
                    time.sleep(0.5)
                    status = self._get(client, f"status/{status.get('id', '')}/")
                for name in counts:
                    told = status.get(f"{name}_count", 0)
                    counts[name] += told if isinstance(told, int) else 0
        return counts

    def _get(self, client: Any, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        import httpx

        url = str(httpx.URL(urljoin(self.root, path), params=dict(query or {})))
        return _object(body_of(client, "GET", url, headers=self._headers()), self.root)

    def _headers(self) -> dict[str, str]:
        out = {"Accept": MEDIA}
        if self.token and self.user:
            import base64

            out["Authorization"] = "Basic " + base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        elif self.token:
            out["Authorization"] = f"Bearer {self.token}"
        return out

    @staticmethod
    def _known(collection: str) -> None:
        if not _COLLECTION.fullmatch(collection):
            raise UsageError("--collection", "is no collection's id", "leave it out to see what there is")


def _object(raw: bytes, root: str) -> dict[str, Any]:
    document, fault = parsed(raw)
    if fault or not isinstance(document, dict):
        raise OutsideError(urlsplit(root).netloc, "answered what is no TAXII", "check the address of the API root")
    return document
