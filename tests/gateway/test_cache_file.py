"""The cache on disk is written whole or not at all, and a file that is not fit for use is passed over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gateways import NOW, OTHER, TEMPLATE, Gateway, campaign, decision

from stillwatch_gateway.cache_file import DECISIONS, KNOWN, CacheFileError, load, save
from stillwatch_gateway.judge import Caller


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(Gateway(campaign(), decision("d-1"), known=["k-1"]).cache, tmp_path, "s")
    return tmp_path


def fresh() -> Gateway:
    gateway = Gateway(known=None)
    gateway.cache._anchor = None
    gateway.cache.cursor = None
    return gateway


def test_what_was_saved_comes_back_with_its_cursor(folder: Path) -> None:
    gateway = fresh()
    assert load(gateway.cache, folder, "s") == 2
    assert gateway.cache.cursor == 1
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "suspend"
    assert gateway.judge.judge(Caller("new-1"), TEMPLATE).action == "step_up"
    assert gateway.judge.judge(Caller("k-1"), TEMPLATE).action == ""


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert load(fresh().cache, tmp_path / "nowhere", "s") == 0


@pytest.mark.parametrize("name", [DECISIONS, KNOWN])
def test_a_torn_or_damaged_file_is_passed_over_wherever_it_is_torn(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for at in [*range(0, len(whole), 37), len(whole) - 1]:
        for broken in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            (folder / name).write_bytes(broken)
            gateway = fresh()
            with pytest.raises(CacheFileError):
                load(gateway.cache, folder, "s")
            kept = gateway.cache.snapshot
            assert (kept.decisions == {}) if name == DECISIONS else (kept.known is None)


@pytest.mark.parametrize(
    "hostile", [b"", b"\n", b"null\n", b"[" * 100_000, b'{"form": 1}\n', b"\xff" * 999, b'{"end": 0}\n']
)
def test_a_hostile_file_is_passed_over(folder: Path, hostile: bytes) -> None:
    for name in (DECISIONS, KNOWN):
        (folder / name).write_bytes(hostile)
        with pytest.raises(CacheFileError):
            load(fresh().cache, folder, "s")


def test_a_file_of_another_service_a_link_or_one_that_others_may_write_is_passed_over(folder: Path) -> None:
    with pytest.raises(CacheFileError, match="another service"):
        load(fresh().cache, folder, "t")
    (folder / DECISIONS).chmod(0o666)
    with pytest.raises(CacheFileError, match="others"):
        load(fresh().cache, folder, "s")
    (folder / DECISIONS).rename(folder / "elsewhere")
    (folder / DECISIONS).symlink_to(folder / "elsewhere")
    with pytest.raises(OSError):
        load(fresh().cache, folder, "s")
    (folder / DECISIONS).unlink()
    os.mkfifo(folder / DECISIONS)
    with pytest.raises(CacheFileError, match="plain"):
        load(fresh().cache, folder, "s")


def test_decisions_from_disk_expire_and_grow_stale_by_the_time_they_were_saved(folder: Path) -> None:
    late = fresh()
    late.clocks.wall += 3601
    load(late.cache, folder, "s")
    assert late.cache.age_s() == 3601
    assert late.judge.judge(Caller("a-1"), OTHER).action == ""
    back = fresh()
    back.clocks.wall -= 86400
    load(back.cache, folder, "s")
    assert back.cache.now() == NOW
    back.clocks.pass_by(3601)
    assert back.judge.judge(Caller("a-1"), OTHER).action == "", "a clock set back gave a decision longer life"


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(folder: Path) -> None:
    """The limit on a file's size stands for the full disk: the write fails half way with an error."""
    before = (folder / DECISIONS).read_bytes()
    script = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from gateways import *; from stillwatch_gateway.cache_file import save\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "gateway = Gateway(*(decision(f'd-{i}') for i in range(5000)), known=None)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: save(gateway.cache, Path(sys.argv[1]), 's')\n"
        "except OSError as error: print('full', error.errno)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(Path(__file__).parent)], capture_output=True, text=True
    )
    assert told.stdout.startswith("full"), told.stderr
    assert (folder / DECISIONS).read_bytes() == before
    assert {one.name for one in folder.iterdir()} == {DECISIONS, KNOWN}
    assert load(fresh().cache, folder, "s") == 2


def test_files_are_for_their_owner_only(folder: Path) -> None:
    for name in (DECISIONS, KNOWN):
        assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_a_list_of_known_accounts_that_is_not_sorted_is_passed_over(folder: Path) -> None:
    gateway = Gateway(known=["k-1", "k-2"])
    gateway.cache.snapshot.known.reverse()  # type: ignore[union-attr]
    save(gateway.cache, folder, "s")
    with pytest.raises(CacheFileError, match="known"):
        load(fresh().cache, folder, "s")
