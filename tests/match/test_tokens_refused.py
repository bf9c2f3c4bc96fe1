"""Plain hashes and raw identifiers are refused wherever tokens are accepted, and a real token passes."""

from __future__ import annotations

import base64
import hashlib
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import UsageError
from stillwatch.match.oprf import input_of, read_token
from stillwatch.records.token import digest_named, why_no_token

PERSONAL = (b"203.0.113.7", b"ann@example.org", b"4242424242424242", b"+4915112345678")
GOOD = f"swt1.{'0123456789abcdef'}.684.payment.{base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip('=')}"


@pytest.mark.parametrize("name", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("value", PERSONAL)
def test_a_bare_hash_is_refused_however_it_is_written(name: str, value: bytes) -> None:
    digest = hashlib.new(name, value)
    shown = digest.hexdigest()
    pairs = ":".join(shown[i : i + 2] for i in range(0, len(shown), 2))
    plain = base64.b64encode(digest.digest()).decode()
    for text in (shown, shown.upper(), f"{name}:{shown}", f"0x{shown}", pairs, plain, plain.rstrip("="),
                 base64.urlsafe_b64encode(digest.digest()).decode(), f"{{{name.upper()}}}{plain}"):  # fmt: skip
        why = why_no_token(text)
        assert why is not None and "bare" in why and "can try all" in why, text
        assert shown not in why and plain not in why
        with pytest.raises(UsageError, match="bare"):
            read_token(text)


@given(st.binary(max_size=40))
def test_any_sha256_in_hexadecimal_is_seen_for_what_it_is(value: bytes) -> None:
    assert digest_named(hashlib.sha256(value).hexdigest()) == "SHA-256"


@pytest.mark.parametrize(
    ("text", "is_"),
    [
        ("203.0.113.7", "an address"), ("203.0.113.0/24", "an address"), ("2001:db8::1", "an address"),
        ("ann@example.org", "a mail address"), ("+49 151 12345678", "a phone number"),
        ("4242 4242 4242 4242", "a card number"), ("42", "too short"), ("a" * 60, "too even"),
        ("swt1.0123456789abcdef.684.payment." + "A" * 43, "too little"),
        ("swt1.x.y.z.w-and-more-letters", "key nor epoch"),
    ],
)  # fmt: skip
def test_what_stands_for_itself_or_is_guessable_is_refused_with_the_reason(text: str, is_: str) -> None:
    why = why_no_token(text)
    assert why is not None and is_ in why and text not in why


def test_a_token_names_its_key_and_epoch_and_passes() -> None:
    assert why_no_token(GOOD) is None
    token = read_token(GOOD)
    assert (token.key_id, token.epoch, token.kind, str(token)) == ("0123456789abcdef", 684, "payment", GOOD)
    with pytest.raises(UsageError, match="no kind"):
        read_token(GOOD.replace("payment", "shoesize"))


def test_words_are_no_hashes() -> None:
    for text in (
        "ring of thirty accounts with one card",
        "fp_1Nq2Xt5EWLLDS7FJ",
        "internationalization",
        secrets.token_hex(9),
    ):
        assert digest_named(text) is None


def test_no_token_is_made_of_a_hash_of_a_mail_phone_or_address() -> None:
    for kind in ("email", "phone", "network"):
        for value in (hashlib.sha256(b"x").hexdigest(), hashlib.md5(b"x").hexdigest()):
            with pytest.raises(UsageError, match="is a bare") as refused:
                input_of(kind, value)
            assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "value"), [("payment", "unknown"), ("device", "0000-0000"), ("email", "N/A"), ("phone", "-")]
)
def test_no_token_is_made_of_what_everyone_has(kind: str, value: str) -> None:
    with pytest.raises(UsageError, match="is no value"):
        input_of(kind, value)
