"""Signatures, trees and timestamps agree with their standards' own examples and with outside programs."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.disclose import merkle, timestamp
from stillwatch.disclose.signing import (
    canonical,
    opened,
    pre_authentication_encoding,
    public_key_of,
    sign,
    statement,
)
from stillwatch.errors import UsageError

#: The entries and tree heads with which the implementations of RFC 6962 are tested.
ENTRIES = [bytes.fromhex(h) for h in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
HEADS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_tree_heads_are_those_of_the_reference_implementation(size: int) -> None:
    leaves = [merkle.leaf_hash(e) for e in ENTRIES[:size]]
    assert merkle.root(leaves).hex() == HEADS[size - 1]


def test_the_empty_tree_and_a_known_audit_path() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()
    leaves = [merkle.leaf_hash(e) for e in ENTRIES]
    assert [p.hex() for p in merkle.inclusion_path(0, leaves)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@given(st.integers(1, 40), st.data())
def test_every_leaf_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(str(i).encode()) for i in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, head = merkle.inclusion_path(index, leaves), merkle.root(leaves)
    assert merkle.is_included(leaves[index], index, size, path, head)
    assert not merkle.is_included(merkle.leaf_hash(b"another"), index, size, path, head)
    assert not merkle.is_included(leaves[index], index, size, [*path, head], head)
    old = data.draw(st.integers(1, size))
    proof = merkle.consistency_path(old, leaves)
    assert merkle.is_consistent(old, size, merkle.root(leaves[:old]), head, proof)
    if old < size:
        forged = [merkle.leaf_hash(b"forged"), *leaves[1:]]
        assert not merkle.is_consistent(old, size, merkle.root(forged[:old]), head, proof)


def test_canonical_json_is_that_of_the_standard() -> None:
    given_value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f", "literals": [None, True, False],
    }  # fmt: skip
    wanted = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(given_value).decode() == wanted


def test_what_is_signed_is_encoded_as_dsse_says() -> None:
    assert pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_an_envelope_opens_with_its_key_only_and_only_unchanged(tmp_path: Path) -> None:
    envelope = sign(tmp_path, statement({"a.txt": "00" * 32}, "disclosure/v1", {"id": "X"}))
    key = public_key_of(tmp_path)
    assert key is not None and opened(envelope, key)["predicate"] == {"id": "X"}
    message = pre_authentication_encoding(envelope["payloadType"], base64.b64decode(envelope["payload"]))
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)  # the library itself agrees
    other = tmp_path / "other"
    other.mkdir()
    sign(other, statement({}, "x", {}))
    with pytest.raises(UsageError, match="another key"):
        opened(envelope, public_key_of(other) or b"")
    changed = base64.b64decode(envelope["payload"]).replace(b'"X"', b'"Y"')
    with pytest.raises(UsageError, match="was changed"):
        opened({**envelope, "payload": base64.b64encode(changed).decode()}, key)
    assert (tmp_path / "release.key").stat().st_mode & 0o077 == 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A timestamp authority of openssl's own, behind HTTP on loopback."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "tsa.cnf").write_text(
        "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=Test authority\n[ca]\nbasicConstraints=critical,CA:TRUE\n"
        "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n[leaf]\nbasicConstraints=CA:FALSE\n"
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\n"
        "authorityKeyIdentifier=keyid\n[tsa]\ndefault_tsa=tsa1\n[tsa1]\nserial=serial\ndefault_policy=1.2.3.4.1\n"
        "digests=sha256,sha512\nsigner_digest=sha256\naccuracy=secs:1\nordering=no\ntsa_name=no\ness_cert_id_chain=no\n"
        "ess_cert_id_alg=sha256\n"
    )
    (folder / "serial").write_text("01\n")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "30",
            "-config", "tsa.cnf", "-extensions", "ca", "-subj", "/CN=Test root")  # fmt: skip
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-config", "tsa.cnf")
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.crt",
            "-days", "30", "-extfile", "tsa.cnf", "-extensions", "leaf")  # fmt: skip

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "q.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts", "-reply", "-queryfile", "q.tsq", "-signer", "tsa.crt", "-inkey", "tsa.key", "-out", "r.tsr",
                    "-config", "tsa.cnf")  # fmt: skip
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "r.tsr").read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()


def test_a_timestamp_verifies_here_and_with_openssl(authority: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = authority
    message = b"what was signed"
    reply = timestamp.fetch(url, message)
    assert timestamp.verify(reply, message, (folder / "ca.crt").read_bytes()).endswith("Z")
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "reply").write_bytes(reply)
    told = subprocess.run(
        ["openssl", "ts", "-verify", "-data", str(tmp_path / "message"), "-in", str(tmp_path / "reply"), "-CAfile",
         str(folder / "ca.crt")], capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert told.returncode == 0 and "Verification: OK" in told.stdout + told.stderr


def test_a_timestamp_of_other_content_does_not_hold(authority: tuple[str, Path]) -> None:
    url, folder = authority
    reply = timestamp.fetch(url, b"one thing")
    with pytest.raises(UsageError, match="does not hold"):
        timestamp.verify(reply, b"another thing", (folder / "ca.crt").read_bytes())


def test_a_release_is_timestamped_where_a_server_is_configured(authority: tuple[str, Path], tmp_path: Path) -> None:
    from dataclasses import replace

    from cases import approver, base, home_in, released
    from stillwatch.disclose.gate import check, failed
    from stillwatch.disclose.package import read_package
    from stillwatch.disclose.release import publish, verify_received

    url, folder = authority
    package = base("february", tmp_path)
    roots = (folder / "ca.crt").read_bytes()
    outside = replace(released(package, tmp_path), timestamp_roots=roots, timestamp_required=True)
    record = home_in(tmp_path)
    assert "I2" in failed(check(read_package(package, outside)))
    publish(package, record, approver(record, "Publisher"), outside, server=url, to=tmp_path / "sent")
    assert failed(check(read_package(package, outside))) == ()
    assert verify_received(tmp_path / "sent", outside.public_key or b"", roots)["timestamp"]
    (package / "release" / "timestamp.tsr").unlink()
    assert failed(check(read_package(package, outside))) == ("I2",)
