"""One exchange's text, where `[ingest] keep_text` keeps it and its days are not over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import OutsideError
from stillwatch.store import open_store
from stillwatch.store.parts import open_part

_DATED = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class KeptText:
    """What DIR/text/ holds of an exchange. `messages` is the conversation as a JSON array; null is unknown.

    `until` (UTC) is when the next ingest or hunt removes it.
    """

    exchange_id: str
    account_id: str
    started_at: datetime
    messages: str | None
    prompt: str | None
    system: str | None
    completion: str | None
    until: datetime


def open_exchange(home: Path, exchange_id: str) -> KeptText | None:
    """The text of an exchange; None where none is kept, or its days are over though the file still lies there.

    Whoever calls this writes into the audit log who asked. UsageError where there is no store, OutsideError where a
    part cannot be read.
    """
    store = open_store(Path(home))
    try:
        now = datetime.now(UTC)
        for name in store.ledger.parts("text"):
            until = _until(name)
            if until is None or until <= now:
                continue
            found = _in_part(store.home, name, exchange_id, until)
            if found is not None:
                return found
    finally:
        store.close()
    return None


def _until(name: str) -> datetime | None:
    """When a part's text is over; a part whose name does not say it shows nothing."""
    try:
        return datetime.strptime(name.split(".until-")[-1].split(".")[0], _DATED).replace(tzinfo=UTC)
    except ValueError:
        return None


def _in_part(home: Path, name: str, exchange_id: str, until: datetime) -> KeptText | None:
    file = open_part(home, "text", name)
    try:
        for group in range(file.metadata.num_row_groups):
            ids = file.read_row_group(group, columns=["exchange_id"]).column(0)
            place = pc.index(ids, pa.scalar(exchange_id, pa.string())).as_py()
            if place >= 0:
                (row,) = file.read_row_group(group).slice(place, 1).to_pylist()
                return KeptText(**row, until=until)
    except (OSError, pa.ArrowException) as error:
        raise OutsideError(str(home / "text" / name), "a part cannot be read", "restore it from a backup") from error
    finally:
        file.close()
    return None
