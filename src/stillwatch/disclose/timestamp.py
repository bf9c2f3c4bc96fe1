"""A time that somebody else vouches for: RFC 3161 tokens, asked of a server and verified against its roots."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from stillwatch.disclose.signing import missing
from stillwatch.errors import OutsideError, UsageError

_TIMEOUT_SECONDS = 20
_LARGEST = 1 << 20


def request(message: bytes) -> bytes:
    """A DER request for a timestamp on `message` (SHA-256), which asks for the server's certificate."""
    made = _client().TimestampRequestBuilder().data(message).hash_algorithm(_client().HashAlgorithm.SHA256)
    return bytes(made.cert_request(cert_request=True).build().as_bytes())


def fetch(url: str, message: bytes) -> bytes:
    """The DER reply of a timestamp server. OutsideError where it cannot be reached or refuses."""
    if not url.startswith(("http://", "https://")):
        raise UsageError("--timestamp-server", "is no http(s) URL", "such as https://tsa.example/tsr")
    asked = urllib.request.Request(url, request(message), {"Content-Type": "application/timestamp-query"})
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:
            data: bytes = answer.read(_LARGEST)
    except (OSError, urllib.error.URLError) as error:
        raise OutsideError("timestamp server", "cannot be reached", "try again, or publish without") from error
    return data


def verify(reply: bytes, message: bytes, roots: bytes) -> str:
    """When the reply says that `message` existed (RFC 3339, UTC). UsageError where it does not hold.

    `roots` are PEM certificates, of which the last is taken as root and the first as the server's own.
    """
    client = _client()
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        token = client.decode_timestamp_response(reply)
        builder = VerifierBuilder()
        for certificate in x509.load_pem_x509_certificates(roots):
            builder = builder.add_root_certificate(certificate)
        builder.build().verify_message(token, message)
        return str(token.tst_info.gen_time.isoformat()).replace("+00:00", "Z")
    except VerificationError as error:
        raise UsageError("timestamp", "does not hold for this content", "ask the server again") from error
    except ValueError as error:
        raise UsageError("timestamp", f"cannot be read ({str(error)[:80]})", "ask the server again") from error


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError as error:
        raise missing("timestamps") from error
    return rfc3161_client
