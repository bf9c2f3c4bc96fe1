"""Others' clients read our server, our client reads others', and nobody gets more than the rights that they have."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stix2
from cytaxii2 import cytaxii2
from taxii2client.v21 import Collection, Server

from share.servers import medallion, ours
from share.towns import ANN, CAMPAIGN, CANARY, HELD, NOW, SETTINGS, home_with_logs, with_finding
from stillwatch.disclose.for_machines import serve
from stillwatch.errors import OutsideError, UsageError
from stillwatch.service.taxii import LONGEST_BODY, MEDIA
from stillwatch.settings import Settings, ShareSettings
from stillwatch.share.collections import INDICATORS, SIGHTINGS, Collections
from stillwatch.share.incoming import take_in
from stillwatch.share.outgoing import Given, share_out, sightings
from stillwatch.share.reading import Received
from stillwatch.share.taxii_client import Server as Ours
from stillwatch.share.words import EXTENSION_ID
from stillwatch.store.indicators import Indicators


def released(home: Path, made: Given, at: float) -> None:
    """Serves a bundle, as releasing its package does."""
    serve(home, made.bundle["objects"], at)


B = Settings(share=ShareSettings(provider="Provider B"))


class Place:
    """A running server with one campaign published and a token for the peer B."""

    def __init__(self, url: str, home: Path, token: str, objects: list[dict[str, Any]]) -> None:
        self.url, self.root, self.home, self.token, self.objects = url, f"{url}/stillwatch/", home, token, objects

    def ask(
        self, path: str, *, method: str = "GET", token: str | None = None, accept: str = MEDIA, body: Any = None,
        content: str = MEDIA,
    ) -> tuple[int, Any, dict[str, str]]:  # fmt: skip
        """One request; (status, JSON, headers)."""
        headers = {"Accept": accept, "Authorization": f"Bearer {self.token if token is None else token}"}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = content
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method)) as got:
                return got.status, json.loads(got.read() or b"null"), dict(got.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null"), dict(error.headers)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("a")
    home = home_with_logs(folder)
    made = share_out(home, [with_finding(home)], folder / "out", SETTINGS, ANN, now=NOW)
    released(home, made, NOW)
    token = Collections(home).make_token("Provider B", NOW)
    with ours(home, SETTINGS, clock=lambda: NOW + 60) as url:
        yield Place(url, home, token, made.bundle["objects"])


BASE = f"/stillwatch/collections/{INDICATORS}"


def test_taxii2_client_reads_everything_by_pages_and_filters(place: Place) -> None:
    server = Server(f"{place.url}/taxii2/", user="Provider B", password=place.token)
    collections = {c.id: c for c in server.api_roots[0].collections}
    assert set(collections) == {INDICATORS, SIGHTINGS}
    shelf = collections[INDICATORS]
    assert shelf.can_read and not shelf.can_write
    assert len(shelf.get_objects()["objects"]) == len(place.objects)
    signs = shelf.get_objects(type="indicator,campaign")["objects"]
    assert {o["type"] for o in signs} == {"indicator", "campaign"}
    sign = next(o for o in signs if o["type"] == "indicator")
    assert shelf.get_object(sign["id"])["objects"] == [sign]
    assert shelf.object_versions(sign["id"])["versions"] == [sign["modified"]]
    manifest = shelf.get_manifest()["objects"]
    assert [m["id"] for m in manifest] == [o["id"] for o in place.objects]
    assert not shelf.get_objects(added_after="2026-11-26T00:00:00Z").get("objects")
    assert len(shelf.get_objects(added_after="2026-11-25T00:00:00Z")["objects"]) == len(place.objects)


def test_cytaxii2_is_a_second_client_that_reads_everything(place: Place) -> None:
    client = cytaxii2.cytaxii2(
        discovery_url=f"{place.url}/taxii2/", username="Provider B", password=place.token, version=2.1
    )
    assert client.root_discovery()["status"]
    polled = client.poll_request(collection_id=INDICATORS)
    assert polled["status"], polled
    assert len(polled["response"]["objects"]) == len(place.objects)


def test_the_stix2_library_reads_a_collection_as_a_source(place: Place) -> None:
    shelf = Collection(place.root + f"collections/{INDICATORS}/", user="Provider B", password=place.token)
    source = stix2.TAXIICollectionSource(shelf, allow_custom=False)
    found = source.query([stix2.Filter("type", "=", "indicator")])
    assert len(found) == 1


def test_our_client_reads_our_server_page_by_page(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Ours(place.root, place.token)
    assert {c["id"] for c in server.collections()} == {INDICATORS, SIGHTINGS}
    assert server.pull(INDICATORS) == place.objects
    status, page, _ = place.ask(f"{BASE}/objects/?limit=3")
    assert status == 200 and page["more"] and len(page["objects"]) == 3
    seen = page["objects"]
    while page.get("more"):
        page = place.ask(f"{BASE}/objects/?limit=3&next={page['next']}")[1]
        seen += page["objects"]
    assert seen == place.objects


@pytest.mark.parametrize(
    ("path", "ask", "status"),
    [
        (f"{BASE}/objects/", {"token": "sw_taxii_wrong"}, 401),
        ("/taxii2/", {"token": ""}, 401),
        (f"/stillwatch/collections/{SIGHTINGS}/objects/", {}, 403),
        (f"{BASE}/objects/", {"method": "POST", "body": {"objects": []}}, 403),
        ("/stillwatch/collections/none/objects/", {}, 404),
        (f"{BASE}/objects/indicator--0/", {}, 404),
        ("/stillwatch/status/9f8a0c1e-0000-4000-8000-000000000000/", {}, 404),
        (f"{BASE}/objects/", {"accept": "application/taxii+json;version=2.0"}, 406),
        (f"{BASE}/objects/", {"accept": "text/html"}, 406),
        (f"/stillwatch/collections/{SIGHTINGS}/objects/", {"method": "POST", "body": {}, "content": "text/plain"}, 415),
        (f"/stillwatch/collections/{SIGHTINGS}/objects/", {"method": "POST", "body": b"{"}, 400),
        (f"/stillwatch/collections/{SIGHTINGS}/objects/", {"method": "POST", "body": {"objects": {}}}, 400),
        (f"/stillwatch/collections/{SIGHTINGS}/objects/", {"method": "POST", "body": {"objects": [1] * 1001}}, 413),
        (f"{BASE}/objects/?added_after=yesterday", {}, 400),
        (f"{BASE}/objects/?limit=0", {}, 400),
        (f"{BASE}/objects/?match[version]=newest", {}, 400),
        (f"{BASE}/objects/?next=x", {}, 400),
    ],
)
def test_the_specs_clauses_on_errors_hold(place: Place, path: str, ask: dict[str, Any], status: int) -> None:
    got, body, headers = place.ask(path, **ask)
    assert got == status
    assert body["http_status"] == str(status) and body["title"]
    assert headers["content-type"] == MEDIA
    assert (status == 401) == ("www-authenticate" in headers)


def test_a_body_that_is_too_long_is_refused_before_it_is_read(place: Place) -> None:
    connection = http.client.HTTPConnection(place.url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", f"/stillwatch/collections/{SIGHTINGS}/objects/")
    for name, value in (("Authorization", f"Bearer {place.token}"), ("Accept", MEDIA), ("Content-Type", MEDIA),
                        ("Content-Length", str(LONGEST_BODY + 1))):  # fmt: skip
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_a_revoked_token_opens_nothing_at_once(place: Place) -> None:
    kept = Collections(place.home)
    token = kept.make_token("Provider C", NOW)
    assert place.ask("/taxii2/", token=token)[0] == 200
    kept.revoke("Provider C", NOW)
    assert place.ask("/taxii2/", token=token)[0] == 401


def test_a_token_for_the_decision_service_opens_nothing_here(place: Place) -> None:
    from stillwatch.decide.record import Record
    from stillwatch.decide.tokens import make_token

    token = make_token(Record(place.home), ANN, "a reader", "approver", NOW)
    assert place.ask("/taxii2/", token=token)[0] == 401


def test_what_a_peer_hands_in_is_taken_or_refused_object_by_object(place: Place, tmp_path: Path) -> None:
    b_home = home_with_logs(tmp_path, ring=3, people=30)
    server = Ours(place.root, place.token, user="Provider B")
    take_in(b_home, Received(objects=server.pull(INDICATORS)), "Example AI", B, ANN, now=NOW + 1)
    back = sightings(b_home, B, now=NOW + 5)["objects"]
    bad = {"type": "indicator", "id": "indicator--9f8a0c1e-0000-4000-8000-000000000000", "spec_version": "2.1",
           "name": "<b>", "created": "2026-11-25T00:00:00Z", "modified": "2026-11-25T00:00:00Z"}  # fmt: skip
    counts = server.push(SIGHTINGS, [*back, bad])
    assert counts == {"success": len(back), "failure": 1, "pending": 0}
    rows = Indicators(place.home).rows("SELECT source, of_id FROM sightings")
    assert [r["source"] for r in rows] == ["Provider B"]
    status, body, _ = place.ask(f"/stillwatch/collections/{SIGHTINGS}/objects/", method="POST", body={"objects": [bad]})
    assert status == 202
    assert place.ask(f"/stillwatch/status/{body['id']}/")[1]["failures"][0]["message"] == "markup in a name"
    other = Collections(place.home).make_token("Provider D", NOW)
    assert place.ask(f"/stillwatch/status/{body['id']}/", token=other)[0] == 404


def test_a_peer_takes_back_what_it_handed_in_and_nothing_else(place: Place) -> None:
    one = {"type": "identity", "id": "identity--9f8a0c1e-0000-4000-8000-000000000001", "spec_version": "2.1",
           "name": "B", "created": "2026-11-25T00:00:00Z", "modified": "2026-11-25T00:00:00Z"}  # fmt: skip
    path = f"/stillwatch/collections/{SIGHTINGS}/objects/"
    assert place.ask(path, method="POST", body={"objects": [one]})[1]["success_count"] == 1
    other = Collections(place.home).make_token("Provider E", NOW)
    assert place.ask(f"{path}{one['id']}/", method="DELETE", token=other)[0] == 404
    assert place.ask(f"{path}{one['id']}/", method="DELETE")[0] == 200
    assert place.ask(f"{path}{one['id']}/", method="DELETE")[0] == 404


def test_versions_of_an_object_are_told_apart(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    campaign = with_finding(home)
    for hour in (0, 1):
        at = NOW + 3600 * hour
        released(home, share_out(home, [campaign], tmp_path / str(hour), SETTINGS, ANN, now=at), at)
    token = Collections(home).make_token("Provider B", NOW)
    with ours(home, SETTINGS) as url:
        there = Place(url, home, token, [])
        ask = lambda version: there.ask(f"{BASE}/objects/?match[type]=indicator&match[version]={version}")[1]["objects"]  # noqa: E731
        last, first, every = (ask(v) for v in ("last", "first", "all"))
    assert len(last) == len(first) == 1 and len(every) == 2
    assert first[0]["modified"] < last[0]["modified"]
    assert sorted(every, key=lambda o: o["modified"]) == [*first, *last]


def test_our_client_reads_and_writes_somebody_elses_server(tmp_path: Path, place: Place) -> None:
    """OASIS' medallion; without extension definitions, on which it fails (it reads their version as a time)."""
    collection = "9f8a0c1e-0000-4000-8000-00000000000a"
    plain = [o for o in place.objects if o["type"] not in ("extension-definition", "marking-definition")]
    plain += [o for o in share_out(place.home, [CAMPAIGN], tmp_path / "o", SETTINGS, ANN, now=NOW, formats=("stix",),
                                   tokens={CAMPAIGN: HELD}).bundle["objects"]
              if "tokens" in o.get("extensions", {}).get(EXTENSION_ID, {})]  # fmt: skip
    with medallion(tmp_path, collection) as root:
        server = Ours(root, "pw", user="ann")
        assert [c["id"] for c in server.collections()] == [collection]
        assert server.push(collection, plain)["failure"] == 0
        pulled = server.pull(collection)
    assert len(pulled) == len(plain) > 7, "more than one of its pages"
    assert {o["id"] for o in pulled} == {o["id"] for o in plain}
    (told,) = [o for o in pulled if "tokens" in o.get("extensions", {}).get(EXTENSION_ID, {})]
    assert told["extensions"][EXTENSION_ID]["tokens"]["values"] == sorted(map(str, HELD.tokens))


def test_a_server_that_is_none_is_an_error_from_outside(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot be asked"):
        Ours("http://127.0.0.1:9/taxii2/", "t").collections()
    with pytest.raises(UsageError, match="in the clear"):
        Ours("http://taxii.example.test/root/", "t")
    with pytest.raises(UsageError, match="no address"):
        Ours("file:///etc/passwd")


def test_nothing_that_was_planted_is_served(place: Place) -> None:
    served = json.dumps(
        [place.ask(p)[1] for p in ("/taxii2/", "/stillwatch/", f"{BASE}/objects/", f"{BASE}/manifest/")]
    )
    assert CANARY not in served and base64.b64encode(CANARY.encode()).decode() not in served
    assert "indicator" in served
