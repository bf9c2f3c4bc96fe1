"""One value of a log, turned into what its contract column holds, or refused with a reason.

Lenient where nothing is lost: whole floats are ints, ids may be numbers, a time without a zone is UTC.
Strict where a guess would be one: a string is no number, a number is no time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from stillwatch.ingest.defects import RowFault
from stillwatch.records.tables import ACCOUNT, EXCHANGE, RELEASE

_IDS = frozenset(
    ("exchange_id", "account_id", "org_id", "key_id", "end_user_id", "session_id", "email_hash", "phone_hash",
     "payment_fingerprint", "device_fingerprint")
)  # fmt: skip
#: What a client can choose. A value of a wrong kind there is unknown, or a client could hide its rows with one.
CHOSEN = frozenset(
    ("end_user_id", "session_id", "messages", "prompt", "system", "temperature", "top_p", "max_tokens", "n", "logprobs",
     "stream", "tools", "user_agent", "client_fingerprint")
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WIDEST = 2**63 - 1


class Unreadable:
    """Stands for a value that has no form here, such as a time beyond all calendars: no reader takes it."""


class Micros(int):
    """Microseconds since 1970, UTC: a time that a dialect has already read."""


def micros(at: datetime) -> Micros:
    """A time as microseconds since 1970; one without a zone is UTC."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return Micros((at - _EPOCH) // _MICROSECOND)


def to_time(value: Any) -> int:
    """Microseconds since 1970, from RFC 3339, a datetime or `Micros`."""
    if isinstance(value, Micros):
        return int(value)
    if isinstance(value, datetime):
        return int(micros(value))
    if isinstance(value, date):
        return int(micros(datetime(value.year, value.month, value.day, tzinfo=UTC)))
    if not isinstance(value, str):
        raise RowFault("is no RFC 3339 time")
    text = value.strip()
    if not 10 <= len(text) <= 40:
        raise RowFault("is no RFC 3339 time")
    try:
        return int(micros(datetime.fromisoformat(text.upper())))
    except (ValueError, OverflowError):
        raise RowFault("is no RFC 3339 time") from None


def to_text(value: Any) -> str:
    """A string; bytes are taken as UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise RowFault("is not UTF-8") from None
    if not isinstance(value, str):
        raise RowFault("is not a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RowFault("is not UTF-8") from None
    return value


def to_id(value: Any) -> str:
    """A string, or a whole number written as one."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _WIDEST:
        return str(int(value))
    return to_text(value)


def to_int(value: Any) -> int:
    """A whole number; floats only where nothing is lost."""
    if isinstance(value, bool):
        raise RowFault("is not a whole number")
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value) or value != int(value):
            raise RowFault("is not a whole number")
        value = int(value)
    if not isinstance(value, int):
        raise RowFault("is not a whole number")
    return max(-_WIDEST, min(_WIDEST, value))


def to_asn(value: Any) -> int:
    """An AS number, also as `AS64500`."""
    if isinstance(value, str):
        digits = value.strip().upper().removeprefix("AS")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
            raise RowFault("is not an AS number")
        return int(digits)
    return to_int(value)


def to_float(value: Any) -> float | None:
    """A number; NaN is unknown."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise RowFault("is not a number")
    try:
        number = float(value)
    except OverflowError:
        return math.inf
    return None if math.isnan(number) else number


def to_bool(value: Any) -> bool:
    """True or false, nothing that merely looks so."""
    if not isinstance(value, bool):
        raise RowFault("is not true or false")
    return value


def to_names(value: Any) -> list[str]:
    """Names of tools: strings, or the tool objects of the common APIs; Parquet may hold the list as JSON."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise RowFault("is not a list of strings") from None
    if not isinstance(value, (list, tuple)):
        raise RowFault("is not a list of strings")
    return [_tool_name(item) for item in value]


def _tool_name(item: Any) -> str:
    if isinstance(item, dict):
        inner = item.get("function")
        item = (inner.get("name") if isinstance(inner, dict) else None) or item.get("name") or item.get("type")
    return to_text(item)


def to_messages(value: Any) -> str:
    """A conversation as a JSON array: text that begins as one, or a list that is written as one."""
    if isinstance(value, msgspec.Raw):
        value = bytes(value)
    if isinstance(value, (list, tuple)):
        try:
            return msgspec.json.encode(value).decode("utf-8")
        except (TypeError, ValueError, RecursionError, msgspec.EncodeError):
            raise RowFault("is not a list of messages") from None
    text = to_text(value).strip()
    if not (text.startswith("[") and text.endswith("]")):
        raise RowFault("is not a list of messages")
    return text


_BY_TYPE: dict[str, Callable[[Any], Any]] = {
    "string": to_text, "timestamp": to_time, "int64": to_int, "float64": to_float, "bool": to_bool,
    "list<string>": to_names,
}  # fmt: skip

#: Contract column to what reads one value of it (never given None), of an exchange and of the records beside it.
READ_VALUE: dict[str, Callable[[Any], Any]] = {
    **{c.name: to_id if c.name in _IDS else _BY_TYPE[c.type] for c in EXCHANGE},
    "asn": to_asn,
    "messages": to_messages,
}
READ_RECORD: dict[str, Callable[[Any], Any]] = {
    c.name: to_id if c.name in _IDS else _BY_TYPE[c.type] for c in (*ACCOUNT, *RELEASE)
}


def read_fields(
    row: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]] = READ_VALUE, *,
    lenient: Container[str] = (), dropped: Counter[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The known fields of a row, each as its column holds it; raises RowFault naming the field.

    A field that is `lenient` is left out instead, and counted in `dropped`.
    """
    out: dict[str, Any] = {}
    for name, value in row.items():
        reader = readers.get(name)
        if reader is None or value is None:
            continue
        try:
            out[name] = reader(value)
        except RowFault as fault:
            if name not in lenient:
                raise RowFault(fault.reason, name) from None
            if dropped is not None:
                dropped[name] += 1
    return out
