"""One world: its customers, its log, the truth beside it, and how all of it is written to files."""

# Word lists read better as one string each.
# ruff: noqa: SIM905
from __future__ import annotations

import csv
import gzip
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 10, 5, tzinfo=UTC)
HARVEST_KINDS = ("distillation", "relay", "replay")
SCHEMA = pa.schema(
    [
        *[
            (c, pa.string())
            for c in (
                "exchange_id",
                "account_id",
                "model",
                "org_id",
                "key_id",
                "end_user_id",
                "session_id",
                "channel",
                "messages",
                "prompt",
                "system",
                "completion",
                "finish_reason",
            )
        ],
        ("started_at", pa.timestamp("us", tz="UTC")),
        *[(c, pa.int64()) for c in ("input_tokens", "output_tokens", "max_tokens", "status", "asn")],
        *[(c, pa.float64()) for c in ("temperature", "top_p", "latency_ms")],
        ("stream", pa.bool_()),
        ("tools", pa.list_(pa.string())),
        *[(c, pa.string()) for c in ("ip", "country", "user_agent", "client_fingerprint")],
    ]
)
ACCOUNT_COLUMNS = (
    "account_id created_at org_id plan kind verification email_domain email_shape email_hash phone_hash "
    "payment_fingerprint payment_kind device_fingerprint signup_ip signup_country referrer status "
    "status_changed_at "
    "allow allow_until"
).split()
MODELS = ["vega-3", "vega-3-mini", "vega-2"]
NEW_MODEL = "vega-4"
AGENTS = [
    "vega-python/1.14.2",
    "vega-python/1.15.0",
    "vega-python/1.12.9",
    "vega-node/0.33.1",
    "vega-node/0.34.0",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    "Mozilla/5.0 (Macintosh) VegaDesk/2.1",
    "axios/1.7.4",
    "Mozilla/5.0 (Windows NT 10.0) VegaDesk/2.2",
    "Go-http-client/2.0",
    "curl/8.5.0",
    "python-httpx/0.27.2",
    "aiohttp/3.10.5",
    "vega-python/1.13.0 async",
    "Go-http-client/1.1",
]
FIRST_OCTETS = (23, 31, 45, 62, 78, 85, 91, 98, 104, 143, 172, 185, 203)
COUNTRIES = {
    "US": 30,
    "DE": 10,
    "GB": 9,
    "IN": 11,
    "BR": 7,
    "FR": 6,
    "JP": 5,
    "ES": 4,
    "CA": 4,
    "SG": 3,
    "KR": 3,
    "RU": 1,
}
TONGUE_OF = {"DE": "de", "FR": "fr", "BR": "pt", "JP": "ja", "ES": "es", "RU": "ru", "SG": "zh"}
ZONE = {
    "US": -6,
    "CA": -5,
    "BR": -3,
    "GB": 0,
    "FR": 1,
    "DE": 1,
    "ES": 1,
    "RU": 3,
    "IN": 5,
    "SG": 8,
    "CN": 8,
    "JP": 9,
    "KR": 9,
    "HK": 8,
}
#: Relative activity by local hour of people.
WAKING = [2, 1, 1, 0.5, 0.5, 1, 2, 5, 8, 10, 11, 10, 8, 10, 11, 10, 9, 8, 7, 8, 9, 8, 6, 4]
OFFICE = [0] * 9 + [9, 10, 10, 5, 9, 10, 10, 8] + [0] * 7
FLAT = [1] * 24


@dataclass
class Client:
    """An account as it calls: where from, with what. `ips`, `agents`, `keys` are drawn from at each call."""

    account_id: str
    country: str
    asn: int
    ips: list[str]
    agents: list[str]
    prints: list[str]
    keys: list[str]
    channel: str
    language: str
    model: str
    org_id: str | None = None
    hours: list[float] = field(default_factory=lambda: WAKING)
    weekend: float = 0.5
    max_tokens: int | None = None
    temperature: float | None = None
    row: dict[str, Any] = field(default_factory=dict)


class World:
    """Accounts, exchanges and truth, drawn from one seed. `scale` multiplies accounts, never rates."""

    def __init__(self, name: str, seed: int, scale: float, *, days: int = 10, form: str = "parquet") -> None:
        self.name, self.seed, self.scale, self.days, self.form = name, seed, scale, days, form
        self.r = random.Random(f"{name}/{seed}")
        self.accounts: list[dict[str, Any]] = []
        self.truth: dict[str, list[dict[str, Any]]] = {"campaigns": [], "networks": [], "cohorts": []}
        self.columns: tuple[str, ...] | None = None
        self.accounts_file = True
        self.released_day: int | None = None
        self._rows: list[dict[str, Any]] = []
        self._tables: list[pa.Table] = []
        self._used: set[str] = set()
        self._ips: set[str] = set()

    def count(self, n: int, least: int = 3) -> int:
        """`n` accounts at this world's scale."""
        return max(least, round(n * self.scale))

    def token(self, width: int = 16) -> str:
        """A fresh identifier that says nothing."""
        while True:
            t = f"{self.r.getrandbits(width * 4):0{width}x}"
            if t not in self._used:
                self._used.add(t)
                return t

    def build(self) -> str:
        """A TLS fingerprint that few share."""
        return f"t13d{self.r.randint(1000, 2999)}h{self.r.randint(1, 2)}_{self.r.getrandbits(16):04x}"

    def address(self, prefix: str | None = None) -> str:
        """A fresh public address, in `prefix` (two or three octets) where given."""
        for _ in range(64):
            head = prefix or f"{self.r.choice(FIRST_OCTETS)}.{self.r.randint(32, 254)}"
            parts = head.split(".")
            while len(parts) < 4:
                parts.append(str(self.r.randint(1, 254)))
            ip = ".".join(parts)
            if ip not in self._ips:
                break
        self._ips.add(ip)
        return ip

    def client(self, *, born: float | None = None, country: str | None = None, **given: Any) -> Client:
        """A new account; `given` replaces columns of the accounts file or fields of `Client`.

        `born` is days before (positive) or after (negative) the first day of the log.
        """
        r = self.r
        country = country or r.choices(list(COUNTRIES), list(COUNTRIES.values()))[0]
        if born is None:
            born = r.uniform(1, 600) if r.random() < 0.9 else -r.uniform(0, self.days * 0.8)
        business = r.random() < 0.25
        domain = (
            f"{self.token(6)}.example"
            if business
            else r.choices(
                ["gmail.example", "outlook.example", "icloud.example", "yahoo.example", "proton.example"],
                [50, 20, 15, 8, 7],
            )[0]
        )
        home = self.address()
        shape = "".join(
            "a" * r.randint(3, 9) + r.choice(("", ".", "_")) + "9" * r.choice((0, 0, 0, 1, 2, 2, 4))
        )
        row: dict[str, Any] = {
            "account_id": "ac_" + self.token(12),
            "created_at": START - timedelta(days=born),
            "org_id": "org_" + self.token(8) if business else None,
            "plan": r.choices(["free", "payg", "pro", "team"], [10, 50, 30, 10])[0],
            "kind": r.choices(["business", "startup"], [3, 1])[0]
            if business
            else r.choices(["individual", "research", "education"], [90, 4, 6])[0],
            "verification": "business"
            if business and r.random() < 0.4
            else r.choices(["none", "email", "phone", "identity"], [5, 45, 42, 8])[0],
            "email_domain": domain,
            "email_shape": shape,
            "email_hash": self.token(),
            "phone_hash": self.token(),
            "payment_fingerprint": self.token(),
            "payment_kind": r.choices(
                ["card", "virtual_card", "prepaid", "invoice", "credits"], [78, 5, 4, 8, 5]
            )[0],
            "device_fingerprint": self.token(),
            "signup_ip": home,
            "signup_country": country,
            "referrer": r.choices(
                ["search", "friend", "docs", "news", "forum", None], [30, 15, 15, 6, 8, 26]
            )[0],
            "status": "active",
            "status_changed_at": None,
            "allow": None,
            "allow_until": None,
        }
        row |= {k: given.pop(k) for k in list(given) if k in row}
        c = Client(
            account_id=row["account_id"],
            country=country,
            asn=r.choice((3320, 7018, 7922, 4134, 9121, 12876, 55836, 28573, 2516, 14061, 16509)),
            ips=[home] + [self.address(".".join(home.split(".")[:2])) for _ in range(r.choice((0, 0, 1, 2)))],
            agents=[r.choice(AGENTS)],
            prints=[
                self.build()
                if r.random() < 0.15
                else f"t13d{r.choice(('1516', '1715', '1011', '2014'))}h2_{r.randint(0, 30):04x}"
            ],
            keys=["key_" + self.token(10) for _ in range(r.choice((1, 1, 1, 2)))],
            channel=r.choices(["first_party", "bedrock", "vertex", "aggregator"], [80, 8, 6, 6])[0],
            language=TONGUE_OF.get(country, "en") if r.random() < 0.7 else "en",
            model=r.choices(MODELS, [6, 3, 1])[0],
            org_id=row["org_id"],
            row=row,
            max_tokens=r.choice((None, None, None, 1024, 2048, 4096, 8192, 6000)),
            temperature=r.choice((None, None, None, 0.0, 0.2, 0.7, 1.0)),
        )
        for k, v in given.items():
            setattr(c, k, v)
        self.accounts.append(row)
        return c

    def moment(self, c: Client, first: float = 0.0, last: float | None = None) -> datetime:
        """A time between day `first` and day `last` of the window at this client's local habits."""
        r = self.r
        last = self.days if last is None else last
        born = (c.row["created_at"] - START) / timedelta(days=1)
        first = min(max(first, born), last - 0.05)
        zone = ZONE.get(c.country, 0)
        for _ in range(40):
            day = r.uniform(first, last)
            date = START + timedelta(days=int(day))
            hour = r.choices(range(24), c.hours)[0]
            at = date + timedelta(hours=(hour - zone) % 24 + r.random())
            if at.weekday() > 4 and r.random() > c.weekend:
                continue
            if first <= (at - START) / timedelta(days=1) <= last:
                return at
        return START + timedelta(days=r.uniform(first, last))

    def call(
        self,
        c: Client,
        at: datetime,
        *,
        prompt: str,
        completion: str | None,
        history: list[dict[str, str]] | None = None,
        system: str | None = None,
        session: str | None = None,
        end_user: str | None = None,
        tools: list[str] | None = None,
        model: str | None = None,
        status: int = 200,
        finish: str = "stop",
        **over: Any,
    ) -> str:
        """One exchange; gives the answer as delivered. `history`: messages before `prompt`, oldest first."""
        r = self.r
        limit = over.get("max_tokens", c.max_tokens)
        said = completion or ""
        written = len(said.encode()) // 4 + 1 if said else 0
        if limit and written > limit:
            said, written, finish = said[: limit * 4], limit, "length"
        talk = [
            *([{"role": "system", "content": system}] if system else []),
            *(history or []),
            {"role": "user", "content": prompt},
        ]
        body = json.dumps(talk, ensure_ascii=False)
        row = {
            "exchange_id": self.token(20),
            "started_at": at,
            "account_id": c.account_id,
            "model": model or c.model,
            "org_id": c.org_id,
            "key_id": r.choice(c.keys),
            "end_user_id": end_user,
            "session_id": session,
            "channel": c.channel,
            "messages": body,
            "prompt": prompt if self.columns else None,
            "completion": said if status == 200 else None,
            "finish_reason": finish if status == 200 else None,
            "input_tokens": len(body) // 4,
            "output_tokens": written if status == 200 else 0,
            "max_tokens": limit,
            "status": status,
            "asn": c.asn,
            "temperature": c.temperature,
            "top_p": None,
            "latency_ms": round(300 + written * r.uniform(8, 20), 1),
            "stream": c.max_tokens is None,
            "tools": tools or [],
            "ip": r.choice(c.ips),
            "country": c.country,
            "user_agent": r.choice(c.agents),
            "client_fingerprint": r.choice(c.prints),
        }
        row.update(over)
        self._rows.append(row)
        if len(self._rows) >= 50_000:
            self._flush()
        return said

    def _flush(self) -> None:
        self._tables.append(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows = []

    def cohort(self, label: str, clients: list[Client], *, ordinary: bool = False) -> None:
        """Records innocent accounts under a name; all but the ordinary crowd count as look-alikes."""
        self.truth["cohorts"].append(
            {"name": label, "ordinary": ordinary, "account_ids": sorted(c.account_id for c in clients)}
        )

    def campaign(
        self, label: str, kind: str, clients: list[Client], right_kinds: list[str] | None = None
    ) -> None:
        """Records the accounts of one harvest, and the kinds of finding that name it rightly."""
        self.truth["campaigns"].append(
            {
                "name": label,
                "kind": kind,
                "right_kinds": right_kinds or [kind],
                "account_ids": sorted(c.account_id for c in clients),
            }
        )

    def network(self, label: str, clients: list[Client]) -> None:
        """Records all accounts that one operator runs, whoever stands behind them."""
        self.truth["networks"].append({"name": label, "account_ids": sorted(c.account_id for c in clients)})

    def log(self) -> pa.Table:
        """The whole log by time."""
        if self._rows:
            self._flush()
        return pa.concat_tables(self._tables).sort_by(
            [("started_at", "ascending"), ("exchange_id", "ascending")]
        )

    def save(self, out: Path) -> dict[str, Any]:
        """Writes logs, accounts, releases and truth under `out`, and returns the truth."""
        (out / "logs").mkdir(parents=True, exist_ok=True)
        for old in (out / "logs").iterdir():
            old.unlink()
        table = self.log()
        if self.columns:
            table = table.select(list(self.columns))
        parts = 3
        step = -(-table.num_rows // parts)
        for i in range(parts):
            part = table.slice(i * step, step)
            if self.form == "jsonl":
                _write_jsonl(part, out / "logs" / f"part-{i}.jsonl.gz")
            else:
                pq.write_table(part, out / "logs" / f"part-{i}.parquet")
        if self.accounts_file:
            people = sorted(self.accounts, key=lambda a: str(a["account_id"]))
            with (out / "accounts.csv").open("w", newline="") as f:
                w = csv.DictWriter(f, ACCOUNT_COLUMNS, lineterminator="\n")
                w.writeheader()
                w.writerows({k: _cell(v) for k, v in a.items()} for a in people)
        else:
            (out / "accounts.csv").unlink(missing_ok=True)
        released = {m: START - timedelta(days=90 + 120 * i) for i, m in enumerate(MODELS)}
        if self.released_day is not None:
            released[NEW_MODEL] = START + timedelta(days=self.released_day, hours=17)
        with (out / "releases.csv").open("w", newline="") as f:
            f.write("model,released_at\n" + "".join(f"{m},{_cell(t)}\n" for m, t in sorted(released.items())))
        per = {str(v["values"]): v["counts"] for v in table["account_id"].value_counts().to_pylist()}
        for group in (g for groups in self.truth.values() for g in groups):
            group["account_ids"] = [a for a in group["account_ids"] if a in per]
            group["accounts"] = len(group["account_ids"])
            group["exchanges"] = sum(per[a] for a in group["account_ids"])
        truth = {
            "world": self.name,
            "seed": self.seed,
            "scale": self.scale,
            "exchanges": table.num_rows,
            "accounts": len(per),
            "accounts_file": self.accounts_file,
            **self.truth,
        }
        (out / "truth.json").write_text(json.dumps(truth, indent=1, sort_keys=True) + "\n")
        return truth


def _cell(v: Any) -> Any:
    return v.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(v, datetime) else v


def _write_jsonl(part: pa.Table, path: Path) -> None:
    # gzip with a fixed time and no name, so that equal worlds are equal files
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 4, raw, mtime=0) as f:
        for row in part.to_pylist():
            row["started_at"] = row["started_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            if row.get("messages") is not None:
                row["messages"] = json.loads(row["messages"])
            f.write(
                (
                    json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False) + "\n"
                ).encode()
            )
