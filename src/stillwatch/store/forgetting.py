"""Forgetting a customer, and changing the secret key.

A keyed hash cannot be keyed anew without what was hashed, and that is not kept. So a rotation makes everything
that was hashed with the old key *unknown* in the rows already stored (and removes the stored turns, which are
nothing else), and new rows are hashed with the new key. Nothing pretends that hashes of two keys could meet.
Whoever wants the old rows under the new key reads the logs again into a new home. Accounts files are simply
read again.
"""

from __future__ import annotations

import difflib
import json
import secrets
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import UnknownAccount, UsageError
from stillwatch.records.tables import KEPT, KEPT_ACCOUNT
from stillwatch.store.key_check import remember_keys
from stillwatch.store.locks import FINDINGS_LOCK, FINDINGS_WAIT, WRITE_WAIT, locked
from stillwatch.store.parts import KINDS, read_part
from stillwatch.store.writing import clear_unfinished, replace_parts, sweep_up

#: Columns of KEPT that hold hashes made with the secret key.
KEYED = tuple(c.name for c in KEPT if c.type == "int64" and "hash" in c.meaning and "public" not in c.meaning)
_KEYED_ACCOUNT = tuple(c.name for c in KEPT_ACCOUNT if c.type == "int64")


def forget(store: Any, account_id: str) -> dict[str, Any]:
    """Removes an account from parts, ledger, kept text, findings and history. Returns rows touched, by place.

    UnknownAccount where nothing here names it: a misspelt id must not look like a customer who is gone.
    """
    touched: dict[str, Any] = {}
    with locked(store.home, wait=WRITE_WAIT), locked(store.home, FINDINGS_LOCK, FINDINGS_WAIT):
        sweep_up(store)
        clear_unfinished(store.home)
        if store.ledger.db.execute("SELECT 1 FROM runs WHERE state='open'").fetchone():
            raise UsageError(str(store.home), "an ingest was cut off here", "run it again first, then forget")
        row = store.ledger.db.execute("SELECT number FROM accounts_seen WHERE account_id=?", (account_id,)).fetchone()
        ids: set[str] = set()
        if row is not None:
            for kind in KINDS:
                touched[kind] = _without_rows(store, kind, "account", row[0], ids)
        touched["text"] = _without_rows(store, "text", "account_id", account_id, set())
        touched.update(_from_findings(store.home / "findings", account_id, ids))
        touched.update(_from_history(store.home / "history", account_id))
        with store.ledger.transaction() as db:
            for table in ("account_records", "status_changes", "accounts_seen"):
                cursor = db.execute(f"DELETE FROM {table} WHERE account_id=?", (account_id,))  # noqa: S608
                touched[table] = cursor.rowcount
        if not any(touched.values()):
            raise _unknown(store, account_id)
        store.ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.ledger.db.execute("VACUUM")
    return touched


def rotate_key(store: Any) -> dict[str, Any]:
    """A new key; what the old one hashed becomes unknown in stored rows. Returns rows touched, by place."""
    from stillwatch.store.home import write_key

    touched = {"exchanges": 0, "turns": 0}
    with locked(store.home, wait=WRITE_WAIT):
        sweep_up(store)
        for name in store.ledger.parts("exchanges"):
            table = read_part(store.home, "exchanges", name)
            for column in KEYED:
                place = table.schema.get_field_index(column)
                table = table.set_column(place, column, pa.nulls(table.num_rows, pa.int64()))
            replace_parts(store, "exchanges", [name], table)
            touched["exchanges"] += table.num_rows
        for name, rows in store.ledger.part_rows("turns").items():
            replace_parts(store, "turns", [name], read_part(store.home, "turns", name).slice(0, 0))
            touched["turns"] += rows
        with store.ledger.transaction() as db:
            cleared = ", ".join(f"{column}=NULL" for column in _KEYED_ACCOUNT)
            touched["account_records"] = db.execute(f"UPDATE account_records SET {cleared}").rowcount  # noqa: S608
        fresh = secrets.token_bytes(32)
        remember_keys(store.ledger, store.key, fresh)  # killed between these lines, either is right
        write_key(store.home / "secret.key", fresh)
        remember_keys(store.ledger, fresh)
        store.key = fresh
    return touched


def _without_rows(store: Any, kind: str, column: str, value: Any, ids: set[str]) -> int:
    removed = 0
    for name in store.ledger.parts(kind):
        table = read_part(store.home, kind, name)
        theirs = pc.equal(table.column(column), value)
        count = int(pc.sum(theirs).as_py() or 0)
        if not count:
            continue
        if kind == "exchanges":
            ids.update(table.filter(theirs).column("exchange_id").to_pylist())
        replace_parts(store, kind, [name], table.filter(pc.invert(theirs)))
        removed += count
    return removed


def _unknown(store: Any, account_id: str) -> UnknownAccount:
    known = store.account_ids().column("account_id").to_pylist()[:100_000]
    near = difflib.get_close_matches(account_id[:200], known, 1, 0.8)
    hint = f"the nearest account is {near[0][:200]!r}" if near else "check the id: stillwatch explain ID"
    return UnknownAccount("ACCOUNT", f"nothing here names {account_id[:200]!r}", hint)


def _from_history(folder: Path, account_id: str) -> dict[str, int]:
    """What earlier sweeps remember of campaigns, and what pictures are drawn from, without the account."""
    touched = {"history_campaigns": 0, "history_ties": 0}
    memory = folder / "campaigns.json"
    if memory.exists() and account_id in (text := memory.read_text("utf-8")):
        try:
            rows = json.loads(text)
            for row in rows:
                if account_id in row["account_ids"]:
                    row["account_ids"].remove(account_id)
                    touched["history_campaigns"] += 1
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(str(memory), "cannot be read, and names the account", "remove the file") from error
        fresh = memory.with_suffix(".new")
        fresh.write_text(json.dumps([row for row in rows if row["account_ids"]]), "utf-8")
        fresh.replace(memory)
    for file in sorted((folder / "latest").glob("*.parquet")):
        table = pq.read_table(file, partitioning=None)
        if "account_id" not in table.column_names:
            continue
        theirs = pc.fill_null(pc.equal(table.column("account_id"), account_id), False)
        count = int(pc.sum(theirs).as_py() or 0)
        if count:
            temporary = file.with_suffix(".writing")
            pq.write_table(table.filter(pc.invert(theirs)), temporary, compression="zstd")
            temporary.replace(file)
            touched["history_ties"] += count
    return touched


def _from_findings(folder: Path, account_id: str, ids: set[str]) -> dict[str, int]:
    """Findings without the account: its row, its evidence, its place in campaigns, its exchanges as examples."""
    touched = {"findings_accounts": 0, "findings_evidence": 0, "findings_campaigns": 0}
    for name in ("accounts", "evidence", "campaigns"):
        file = folder / f"{name}.parquet"
        if not file.exists():
            continue
        table = pq.read_table(file, partitioning=None)
        rows, kept = table.to_pylist(), []
        for row in rows:
            if row.get("account_id") == account_id or (
                row.get("actor_kind") == "account" and row.get("actor_id") == account_id
            ):
                touched[f"findings_{name}"] += 1
                continue
            for column, gone in (("account_ids", {account_id}), ("exchange_ids", ids)):
                if gone.intersection(row.get(column) or ()):
                    row[column] = [item for item in row[column] if item not in gone]
                    touched[f"findings_{name}"] += 1
            if isinstance(row.get("account_ids"), list) and "accounts" in row:
                row["accounts"] = len(row["account_ids"])
            kept.append(row)
        if touched[f"findings_{name}"]:
            temporary = file.with_suffix(".writing")
            pq.write_table(pa.Table.from_pylist(kept, schema=table.schema), temporary)
            temporary.replace(file)
    return touched


