"""A backup is whole in itself, also of a home in use; a restore verifies, and writes over nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from endured import call, command, findings_of, unpack

from stillwatch.errors import OutsideError, StillwatchError, UsageError
from stillwatch.store import backup as backups
from stillwatch.store import open_store
from stillwatch.store.backup import MANIFEST, back_up
from stillwatch.store.restore import restore
from stillwatch.store.writing import replace_parts


def contents(home: Path) -> dict[str, bytes]:
    """Every file that does not change by being opened."""
    left_out = (".sqlite", "-wal", "-shm", "lock")
    return {
        file.relative_to(home).as_posix(): file.read_bytes()
        for file in home.rglob("*") if file.is_file() and not file.name.endswith(left_out)
    }  # fmt: skip


@pytest.mark.parametrize("to", ["saved", "saved.tar"])
def test_what_is_restored_is_what_was_backed_up(tmp_path: Path, to: str) -> None:
    home = unpack(tmp_path)
    done = call(tmp_path, "backup", "--home", "home", "--to", to, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["with_key"] and told["rows"]["exchanges"] == 1040 and told["formats"]["ledger.sqlite"]
    assert call(tmp_path, "restore", "--from", to, "--check").returncode == 0
    assert not (tmp_path / "new").exists()
    back = call(tmp_path, "restore", "--from", to, "--home", "new")
    assert back.returncode == 0, back.stderr
    new = tmp_path / "new"
    assert contents(new) == contents(home)
    assert findings_of(new) == findings_of(home)
    assert [f.name for f in new.rglob("*") if f.stat().st_mode & 0o077] == []
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []
    one, two = open_store(home), open_store(new)
    assert (one.key, one.totals(), one.inputs()) == (two.key, two.totals(), two.inputs())
    assert one.account_ids().equals(two.account_ids())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    back_up(home, tmp_path / "saved.tar")
    before = contents(home)
    refused = call(tmp_path, "restore", "--from", "saved.tar", "--home", "home")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 2)
    assert "nothing is written over it" in refused.stderr
    assert contents(home) == before
    assert "is there already" in call(tmp_path, "backup", "--home", "home", "--to", "saved.tar").stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    assert "holds something else" in call(tmp_path, "backup", "--home", "home", "--to", "full").stderr
    assert "lies in the home" in call(tmp_path, "backup", "--home", "home", "--to", "home/saved").stderr


def test_a_folder_takes_only_what_is_new_and_lets_go_what_is_gone(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    first = back_up(home, tmp_path / "saved")
    assert first.copied_files == first.files
    assert back_up(home, tmp_path / "saved").copied_files == 0
    row = '{"exchange_id": "new-1", "account_id": "person-01", "model": "m", "started_at": "2026-05-20T10:00:00Z"}\n'
    (tmp_path / "more.jsonl").write_text(row)
    assert call(tmp_path, "ingest", "more.jsonl", "--home", "home").returncode == 0
    third = back_up(home, tmp_path / "saved")
    assert third.copied_files == 2  # the ledger and the new part
    assert third.files == first.files + 1
    assert call(tmp_path, "forget", "harvest-03", "--home", "home").returncode == 0
    back_up(home, tmp_path / "saved")
    held = list((tmp_path / "saved" / "files").iterdir())
    assert len(held) == len({e["sha256"] for e in json.loads((tmp_path / "saved" / MANIFEST).read_text())["files"]})
    assert [f.name for f in held if b"harvest-03" in f.read_bytes()] == []


def test_without_the_key_a_restore_asks_for_it_and_knows_the_right_one(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    (home / "release.key").write_bytes(b"signs")
    back_up(home, tmp_path / "saved", with_key=False)
    secret = (home / "secret.key").read_bytes()
    assert [f for f in (tmp_path / "saved" / "files").iterdir() if f.read_bytes() in (secret, b"signs")] == []
    with pytest.raises(UsageError, match="without the secret key"):
        restore(tmp_path / "saved", tmp_path / "new")
    (tmp_path / "wrong.key").write_bytes(b"x" * 32)
    with pytest.raises(UsageError, match="not the key that belongs"):
        restore(tmp_path / "saved", tmp_path / "new", key=tmp_path / "wrong.key")
    restore(tmp_path / "saved", tmp_path / "new", key=home / "secret.key")
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert open_store(tmp_path / "new").key == secret


def _other_bytes(saved: Path) -> None:
    largest = max((saved / "files").iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def _one_gone(saved: Path) -> None:
    max((saved / "files").iterdir(), key=lambda file: file.stat().st_size).unlink()


def _edited(change: Any) -> Any:
    def edit(saved: Path) -> None:
        told = json.loads((saved / MANIFEST).read_text())
        change(told)
        (saved / MANIFEST).write_text(json.dumps(told))

    return edit


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_other_bytes, "SHA-256 differs"),
        (_one_gone, "missing from the backup"),
        (_edited(lambda told: told["files"].pop()), "in the ledger and not in the backup"),
        (_edited(lambda told: told["files"].pop(1)), "ledger.sqlite: is not in the backup"),
        (_edited(lambda told: told["files"][0].update(path="../../planted")), "outside of a home"),
        (_edited(lambda told: told["files"][0].update(path="/tmp/planted")), "outside of a home"),
        (_edited(lambda told: told["files"][0].update(sha256="../" * 21 + "x")), "no SHA-256"),
        (_edited(lambda told: told.update(stillwatch_backup=9)), "newer version"),
        (_edited(lambda told: told.pop("files")), "no manifest"),
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_no_home(tmp_path: Path, damage: Any, says: str) -> None:
    back_up(unpack(tmp_path), tmp_path / "saved")
    damage(tmp_path / "saved")
    with pytest.raises(StillwatchError, match=says):
        restore(tmp_path / "saved", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "saved"]


def test_a_tar_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    back_up(unpack(tmp_path), tmp_path / "saved.tar")
    whole = (tmp_path / "saved.tar").read_bytes()
    (tmp_path / "saved.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="cut off"):
        restore(tmp_path / "saved.tar", tmp_path / "new")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(tmp_path / "home" / "secret.key", "secret.key")
    with pytest.raises(UsageError, match="no manifest"):
        restore(tmp_path / "other.tar", tmp_path / "new")


@pytest.mark.parametrize("to", ["saved", "saved.tar"])
def test_parts_that_are_joined_meanwhile_make_it_begin_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    home = unpack(tmp_path)
    store, real, begun = open_store(home), backups._snapshot, []

    def snapshot(*args: Any) -> Any:
        taken = real(*args)
        if len(begun) < 2:
            (name,) = store.ledger.parts("exchanges")
            replace_parts(store, "exchanges", [name], store.part("exchanges", name))
        begun.append(taken)
        return taken

    monkeypatch.setattr(backups, "_snapshot", snapshot)
    back_up(home, tmp_path / to)
    assert len(begun) == 3
    restore(tmp_path / to, tmp_path / "new")
    assert open_store(tmp_path / "new").totals()["kept"] == 1040


def test_a_part_that_is_gone_is_named_and_the_backup_before_stays(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    back_up(home, tmp_path / "saved")
    next((home / "fingerprints").iterdir()).unlink()
    with pytest.raises(OutsideError, match=r"fingerprints/.*is gone"):
        back_up(home, tmp_path / "saved")
    shutil.rmtree(home)
    restore(tmp_path / "saved", home)


def test_backups_of_a_home_that_takes_logs_in_are_each_whole(tmp_path: Path) -> None:
    row = {"started_at": "2026-05-01T10:00:00Z", "model": "m", "prompt": "Name the moons of this planet, please."}
    lines = [json.dumps({**row, "exchange_id": f"e{i}", "account_id": f"a{i % 7}"}) for i in range(6000)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    small = (
        "from stillwatch import intake\nfrom stillwatch.ingest import lines\nfrom stillwatch.store import writing\n"
        "lines.BLOCK_ROWS = intake.CHUNK_ROWS = 50\nwriting.MOST_SMALL = 8"
    )
    ingest = subprocess.Popen(command("ingest", "log.jsonl", "--home", "home", code=small), cwd=tmp_path,
                              stdout=subprocess.DEVNULL)  # fmt: skip
    counts = []
    while ingest.poll() is None:
        try:
            back_up(tmp_path / "home", tmp_path / "saved")
        except UsageError as early:
            assert early.what in ("there is no store here", "the secret key is gone", "holds nothing yet")
            continue
        shutil.rmtree(tmp_path / "new", ignore_errors=True)
        restore(tmp_path / "saved", tmp_path / "new")
        store = open_store(tmp_path / "new")
        counts.append(store.totals()["kept"])
        assert sum(store.part(k, n).num_rows for k in ("exchanges",) for n in store.ledger.parts(k)) == counts[-1]
        store.close()
    assert ingest.returncode == 0
    assert counts == sorted(counts) and len(set(counts)) > 2
    # what was restored goes on where the home was when it was backed up
    taken = call(tmp_path, "ingest", "log.jsonl", "--home", "new")
    assert taken.returncode == 0, taken.stderr
    assert open_store(tmp_path / "new").totals()["kept"] == 6000
