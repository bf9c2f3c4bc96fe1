"""Removes a customer from the decisions; the audit log names customers by a keyed pseudonym only, and stays."""

from __future__ import annotations

from stillwatch.decide.record import SYSTEM, Record


def forget_decisions(record: Record, account_id: str, now: float) -> int:
    """Takes an account out of every table of the decisions; how many rows went."""
    gone = 0
    with record.act() as db:
        live = db.execute("SELECT decision_id FROM members WHERE account_id=?", (account_id,)).fetchall()
        own = db.execute(
            "SELECT decision_id FROM decisions WHERE scope='account' AND value=?", (account_id,)
        ).fetchall()
        for row in (*live, *own):
            record.changed(row[0], now)
        for row in own:
            db.execute("DELETE FROM usage WHERE decision_id=?", (row[0],))
        for statement in (
            "DELETE FROM members WHERE account_id=?",
            "DELETE FROM approved WHERE account_id=?",
            "DELETE FROM agreed WHERE account_id=?",
            "DELETE FROM verdict_accounts WHERE account_id=?",
            "DELETE FROM verdicts WHERE kind='account' AND subject=?",
            "DELETE FROM appeals WHERE account_id=?",
            "DELETE FROM joined WHERE account_id=?",
            "DELETE FROM notes WHERE kind='account' AND subject=?",
            "DELETE FROM allows WHERE scope='account' AND value=?",
            "UPDATE decisions SET state='lifted', value='', key='', ended_why='forgotten', ended_at=expires_at, "
            "variant='forgotten' WHERE scope='account' AND value=?",
        ):
            gone += db.execute(statement, (account_id,)).rowcount
        if gone:
            record.audit(SYSTEM, "forgot", record.pseudonym(account_id), now, rows=gone)
    # The log of writes still holds the pages as they were.
    record.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return gone
