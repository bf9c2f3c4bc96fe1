"""The gateway's settings, from environment variables `STILLWATCH_GATEWAY_*`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

Networks = tuple[IPv4Network | IPv6Network, ...]
PREFIX = "STILLWATCH_GATEWAY_"
LONGEST_TOKEN = 4096


class SettingsError(ValueError):
    """What is wrong with the settings, a line each: `variable: what`. Values are never quoted."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """All settings; each is read from the variable ``STILLWATCH_GATEWAY_`` + its name in capitals.

    `url`: the decision service (http or https). `token`, or `token_file` (read anew at each use, so that it can be
    rotated): the bearer token. `redis`: follow a shared cache instead (``redis://`` or ``rediss://``). `cache_dir`:
    where decisions are kept over a restart; none: nowhere.

    `fail`: what a request gets when judging it raises: `open` (passes) or `closed` (suspend with a neutral sentence).
    `stale`: what holds when nothing was heard from the service for `stale_after_s` seconds: `open` (nothing is
    enforced), `keep` (decisions go on until they expire) or `closed` (every request is suspended).

    `text_limit`: characters of a prompt that are read. `shingles`: whose prompts are searched for a campaign's
    shingles (a newcomer's first ones at once, all others after the request, in a background thread), and `rules`: whose
    are scanned with the pattern rules, at once: `newcomers`, `all` or `none`. `wait_s`: how long a poll of the
    service may stay open; `known_every_s`: how often the list of known accounts and the rules are asked for;
    `post_every_s`: how often usage and sightings are sent. `log`: a file or folder for exchange logs, for the plug-ins
    that write them (`log_text` false: without prompts and answers; a new file begins at `log_max_mb`, and `log_keep`
    old ones stay).

    `verify_url`: where a customer is sent by `step_up`. `trusted_proxies`: networks (CIDR, commas) of your own proxies,
    passed over when the client's address is read from a list.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    redis: str | None = field(default=None, repr=False)
    cache_dir: Path | None = None
    fail: str = "open"
    stale: str = "open"
    stale_after_s: float = 3600.0
    text_limit: int = 4096
    shingles: str = "newcomers"
    rules: str = "newcomers"
    wait_s: float = 20.0
    known_every_s: float = 60.0
    post_every_s: float = 10.0
    log: Path | None = None
    log_text: bool = True
    log_max_mb: int = 256
    log_keep: int = 8
    verify_url: str = ""
    trusted_proxies: Networks = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> GatewaySettings:
        """Settings from the environment. SettingsError lists everything that is wrong with it."""
        environment = os.environ if environment is None else environment
        faults: list[str] = []
        values: dict[str, object] = {}
        for one in fields(cls):
            raw = environment.get(PREFIX + one.name.upper(), "").strip()
            if raw:
                try:
                    values[one.name] = _READERS[one.name](raw)
                except ValueError as fault:
                    faults.append(f"{PREFIX}{one.name.upper()}: {fault}")
        known = {PREFIX + one.name.upper() for one in fields(cls)}
        faults += [
            f"{name}: no such setting" for name in sorted(environment) if name.startswith(PREFIX) and name not in known
        ]
        if "token" in values and "token_file" in values:
            faults.append(f"{PREFIX}TOKEN: set this or {PREFIX}TOKEN_FILE, not both")
        if faults:
            raise SettingsError("\n".join(faults))
        return cls(**values)  # type: ignore[arg-type]

    def bearer(self) -> str | None:
        """The bearer token now; OSError where the file of the token cannot be read."""
        if self.token_file is None:
            return self.token
        with self.token_file.open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_TOKEN).strip() or None


def _yes_or_no(raw: str) -> bool:
    if raw.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return raw.lower() == "true"


def _networks(raw: str) -> Networks:
    try:
        return tuple(ip_network(name.strip(), strict=False) for name in raw.split(",") if name.strip())
    except ValueError:
        raise ValueError("networks such as 10.0.0.0/8, with commas between them") from None


def _url(*schemes: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"an address that begins with {' or '.join(s + '://' for s in schemes)}")
        return raw.rstrip("/")

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        if raw.lower() not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return raw.lower()

    return read


def _number(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    def read(raw: str) -> float:
        try:
            value: float = kind(raw)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise ValueError(f"a number from {least:g} to {most:g}")
        return value

    return read


_READERS: dict[str, Callable[[str], object]] = {
    "url": _url("http", "https"), "token": str, "token_file": Path, "redis": _url("redis", "rediss"),
    "cache_dir": Path, "fail": _one_of("open", "closed"), "stale": _one_of("open", "keep", "closed"),
    "stale_after_s": _number(float, 1, 30 * 86400), "text_limit": _number(int, 64, 1 << 16),
    "shingles": _one_of("newcomers", "all", "none"), "rules": _one_of("newcomers", "all", "none"),
    "wait_s": _number(float, 0, 25),
    "known_every_s": _number(float, 1, 86400), "post_every_s": _number(float, 1, 3600), "log": Path,
    "log_text": _yes_or_no, "log_max_mb": _number(int, 1, 1 << 20), "log_keep": _number(int, 0, 1000),
    "verify_url": _url("http", "https"), "trusted_proxies": _networks,
}  # fmt: skip
