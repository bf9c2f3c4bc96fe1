"""A home directory, opened: what is stored, for those who read it."""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.errors import OutsideError, UsageError
from stillwatch.records.tables import EXCHANGE, KEPT_ACCOUNT
from stillwatch.store.indicators import active_marks
from stillwatch.store.key_check import check_key
from stillwatch.store.ledger import Ledger
from stillwatch.store.parts import add_names, open_part, read_part, sync_folder
from stillwatch.store.window import Window

_FOLDERS = ("exchanges", "fingerprints", "turns", "quarantine", "findings", "history")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOGGED = frozenset(column.name for column in EXCHANGE)
#: Contract column of an account to the kept one, where the names differ.
_KEPT_NAME = {
    "org_id": "org", "email_hash": "email", "phone_hash": "phone", "payment_fingerprint": "payment",
    "device_fingerprint": "device",
}  # fmt: skip


def open_store(home: Path, *, create: bool = False) -> Store:
    """The store in `home`; UsageError where there is none and `create` is not said, OutsideError from the disk."""
    home = Path(home)
    if not create and not (home / "ledger.sqlite").is_file():
        raise UsageError(str(home), "there is no store here", "sweep some logs first: stillwatch sweep LOGS --home DIR")
    # Findings, history and SQLite's own files are opened in many places: what this process writes is its owner's alone.
    os.umask(0o077)
    try:
        if create:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in _FOLDERS:
                (home / folder).mkdir(exist_ok=True, mode=0o700)
        key = _key(home / "secret.key", create=create)
    except FileExistsError as error:
        raise UsageError(str(home), "is a file", "give --home a folder") from error
    except OSError as error:
        raise OutsideError(str(home), f"cannot be opened ({error.strerror})", "check the folder's rights") from error
    ledger = Ledger(home / "ledger.sqlite")
    try:
        check_key(ledger, key, home)
    except BaseException:
        ledger.db.close()
        raise
    return Store(home, key, ledger)


class Store:
    """What a home holds. Reading takes no lock; `Writer` and `forget` take the one there is."""

    def __init__(self, home: Path, key: bytes, ledger: Ledger) -> None:
        self.home = home
        self.key = key
        self.ledger = ledger

    def exchange_files(self, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
        """Parts in KEPT that may hold exchanges from `since` to before `until`."""
        return self._files("exchanges", since, until)

    def fingerprint_files(self, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
        """Parts in FINGERPRINTS, likewise."""
        return self._files("fingerprints", since, until)

    def turn_files(self, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
        """Parts in TURNS, likewise."""
        return self._files("turns", since, until)

    def _files(self, kind: str, since: datetime | None, until: datetime | None) -> list[Path]:
        names = self.ledger.parts(kind, _micros(since), _micros(until))
        return [self.home / kind / name for name in names]

    def account_ids(self) -> pa.Table:
        """`account` int32, `account_id` string: every account that a log ever named."""
        return self.ledger.account_ids()

    def accounts(self) -> pa.Table:
        """The latest record of each account, in KEPT_ACCOUNT."""
        return self.ledger.accounts()

    def status_changes(self) -> pa.Table:
        """`account_id`, `status`, `at` (UTC): as the records told it, or when the change was first read."""
        return self.ledger.status_changes()

    def releases(self) -> pa.Table:
        """RELEASE."""
        return self.ledger.releases()

    def missing(self) -> dict[str, int]:
        """Contract column to the number of stored exchanges that lack it (columns that only
        accounts have: whose account does)."""
        out = self.ledger.missing()
        kept = sum(self.ledger.part_rows("exchanges").values())
        accounts = self.accounts()
        counts = self._exchanges_by_account() if accounts.num_rows else {}
        numbers = {i: n for n, i in zip(*self.account_ids().to_pydict().values(), strict=True)} if counts else {}
        ids = accounts.column("account_id").to_pylist()
        rows = [counts.get(numbers.get(i, -1), 0) for i in ids]
        back = {kept_name: name for name, kept_name in _KEPT_NAME.items()}
        for column in KEPT_ACCOUNT:
            name = back.get(column.name, column.name)
            if name in _LOGGED or name == "signup_net":
                continue
            valid = accounts.column(column.name).is_valid().to_pylist()
            lacking = kept - sum(n for n, known in zip(rows, valid, strict=True) if known)
            out[name] = lacking
        return {name: count for name, count in out.items() if count}

    def _exchanges_by_account(self) -> dict[int, int]:
        out: Counter[int] = Counter()
        for name in self.ledger.part_rows("exchanges"):
            column = open_part(self.home, "exchanges", name).read(["account"]).column(0)
            for entry in column.value_counts().to_pylist():
                out[entry["values"]] += entry["counts"]
        return dict(out)

    def inputs(self) -> list[dict[str, Any]]:
        """Every input that was read: path, bytes, sha256, rows, quarantined, dialect, what was wrong with it."""
        return [self.input_line(path, at) for path, at in sorted(self.ledger.positions().items())]

    @staticmethod
    def input_line(path: str, at: Mapping[str, Any]) -> dict[str, Any]:
        """What is told of one input."""
        keys = ("bytes", "sha256", "rows", "kept", "quarantined", "duplicates", "dialect", "defect")
        return {"path": path, **{key: at.get(key) for key in keys}}

    def totals(self) -> dict[str, Any]:
        """`read`, `kept`, `quarantined`, `duplicates`, `reasons`, `unknown_fields`, `set_unknown` of all runs kept."""
        totals: dict[str, Any] = {"read": 0, "kept": 0, "quarantined": 0, "duplicates": 0}
        nested = {name: Counter[str]() for name in ("reasons", "unknown_fields", "set_unknown")}
        for run in self.ledger.runs():
            for name in ("read", "quarantined", "duplicates"):
                totals[name] += run.get(name, 0)
            for name, counter in nested.items():
                add_names(counter, run.get(name, {}))
        totals["kept"] = sum(self.ledger.part_rows("exchanges").values())
        return {**totals, **{name: dict(counter.most_common()) for name, counter in nested.items()}}

    def window(
        self, since: datetime | None = None, until: datetime | None = None, memory_gib: float = 2.0, threads: int = 2
    ) -> Window:
        """The stored rows from `since` (inclusive) to `until` (exclusive) as Ibis tables; close it after use."""
        return Window.over(
            self.exchange_files(since, until), self.fingerprint_files(since, until), self.turn_files(since, until),
            account_ids=self.account_ids(), accounts=self.accounts(), releases=self.releases(),
            status_changes=self.status_changes(), since=since, until=until, memory_gib=memory_gib, threads=threads,
            indicators=active_marks(self.home, time.time()), scratch=self.home / "scratch",
        )  # fmt: skip

    def part(self, kind: str, name: str) -> pa.Table:
        """One registered part, whole."""
        return read_part(self.home, kind, name)

    def forget(self, account_id: str) -> dict[str, Any]:
        """Removes a customer from everything kept here; says how many rows of what it touched."""
        from stillwatch.store.forgetting import forget

        return forget(self, account_id)

    def rotate_key(self) -> dict[str, Any]:
        """A new secret key. What was hashed with the old one becomes unknown: see `store/forgetting.py`."""
        from stillwatch.store.forgetting import rotate_key

        return rotate_key(self)

    def close(self) -> None:
        """Closes the ledger."""
        self.ledger.db.close()


def _micros(at: datetime | None) -> int | None:
    if at is None:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


def _key(path: Path, *, create: bool) -> bytes:
    used = (path.parent / "ledger.sqlite").exists()  # looked at first: another process makes the key, then the ledger
    if not path.exists():
        if not create or used:
            raise UsageError(str(path), "the secret key is gone", "restore it; without it old and new hashes differ")
        write_key(path, secrets.token_bytes(32), replace=False)
    return read_key(path)


def read_key(path: Path) -> bytes:
    """The secret key; UsageError where the file holds none."""
    key = path.read_bytes()
    if len(key) != 32:
        raise UsageError(str(path), "is no key of 32 bytes", "restore it from a backup")
    return key


def write_key(path: Path, key: bytes, *, replace: bool = True) -> None:
    """Writes a key that only its owner may read, whole or not at all; without `replace` one that is there stays."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.writing")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    if replace:
        temporary.replace(path)
    else:
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
        temporary.unlink()
    sync_folder(path.parent)
