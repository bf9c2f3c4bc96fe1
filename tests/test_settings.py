"""Settings: flag over environment over file over default, and every fault told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.errors import UsageError
from stillwatch.settings import Settings, as_toml, load_settings


def write(folder: Path, text: str, name: str = "stillwatch.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def test_without_any_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert settings.ingest.max_malformed_share == 0.05
    assert settings.ingest.keep_text_days == 0
    assert (settings.store.memory_gib, settings.store.threads) == (2.5, 2)
    assert settings.calibrate.prior == 0.2
    assert (settings.campaigns.report_from, settings.campaigns.max_candidates) == (55.0, 4000)
    assert settings.patterns.packs == ()
    assert settings.signals == {}


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    file = write(tmp_path, "[calibrate]\nprior = 0.1\n[store]\nthreads = 4\nmemory_gib = 8\n")
    environ = {"STILLWATCH_CALIBRATE__PRIOR": "0.2", "STILLWATCH_STORE__THREADS": "5"}
    settings = load_settings(file, environ=environ, overrides={"calibrate.prior": 0.3})
    assert settings.calibrate.prior == 0.3
    assert settings.store.threads == 5
    assert settings.store.memory_gib == 8.0
    assert settings.campaigns.max_candidates == 4000
    assert settings.origins["store.threads"] == "STILLWATCH_STORE__THREADS"
    assert settings.origins["store.memory_gib"] == str(file)


def test_the_file_in_the_working_folder_comes_before_the_one_in_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write(home, "[calibrate]\nprior = 0.4\n")
    assert load_settings(home=home).calibrate.prior == 0.4
    write(Path.cwd(), "[calibrate]\nprior = 0.5\n")
    assert load_settings(home=home).calibrate.prior == 0.5


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such settings file"):
        load_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[calibrate]\npriro = 0.1\n", "did you mean 'prior'"),
        ("[calibrat]\nprior = 0.1\n", "did you mean 'calibrate'"),
        ("[store]\nprior = 0.1\n", "belongs to [calibrate]"),
        ("[calibrate]\nprior = 'high'\n", "must be a number"),
        ("[calibrate]\nprior = true\n", "must be a number"),
        ("[calibrate]\nprior = nan\n", "must be a number"),
        ("[calibrate]\nprior = 1.5\n", "below 1"),
        ("[calibrate]\nprior = 0\n", "above 0"),
        ("[store]\nthreads = 1.5\n", "must be a whole number"),
        ("[store]\nthreads = 0\n", "1 to 1024"),
        ("[store]\nmemory_gib = inf\n", "must be a number"),
        ("[ingest]\nmax_malformed_share = 5\n", "from 0 to 1"),
        ("[ingest]\nkeep_text = 'forever'\n", "must be a number"),
        ("[patterns]\npacks = [1]\n", "list of paths"),
        ("calibrate = 3\n", "must be a table"),
        ("prior = 0.1\n", "no such table"),
        ("[signals]\ntemplate_sweep = 3\n", "[signals.NAME] keyword = value"),
        ("[signals.x]\ny = {z = 1}\n", "a number, text"),
        ("[signals.x.y]\nz = 1\n", "a number, text"),
        ("[store.threads]\nx = 1\n", "must be a whole number"),
        ("[calibrate\nprior = 0.1\n", "not valid TOML"),
        ("prior = " + "[" * 10_000, "not valid TOML"),
    ],
)
def test_a_fault_in_the_file_says_where_and_what(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(UsageError) as error:
        load_settings(file)
    assert says in error.value.what
    assert str(file) in error.value.where
    assert error.value.hint


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "[calibrate]\nprior = 7\n[stor]\nx = 1\n")
    with pytest.raises(UsageError) as error:
        load_settings(file, environ={"STILLWATCH_STORE__THREDS": "2"}, overrides={"campaigns.report_from": "no"})
    for word in ("4 faults", "prior", "'store'", "'threads'", "report_from"):
        assert word in error.value.what


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "stillwatch.toml"
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_settings(file)
    file.write_bytes(b"# " + b"x" * (1 << 20))
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        load_settings(file)


def test_other_variables_of_the_environment_are_not_settings() -> None:
    environ = {"STILLWATCH_DATA": "/somewhere", "HOME": "/root", "OTHER__X": "1"}
    assert load_settings(environ=environ) == Settings()
    with pytest.raises(UsageError, match="no such table"):
        load_settings(environ={**environ, "STILLWATCH_X__Y": "1"})


def test_keep_text_takes_days_in_either_spelling(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "[ingest]\nkeep_text = 30\n")).ingest.keep_text_days == 30
    assert load_settings(write(tmp_path, "[ingest]\nkeep_text_days = 3\n")).ingest.keep_text_days == 3
    assert load_settings(write(tmp_path, "[ingest]\nkeep_text = '14 days'\n")).ingest.keep_text_days == 14


def test_packs_in_a_file_are_found_beside_it(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "[patterns]\npacks = ['own.yaml', '/abs/x.yaml']\n"))
    assert settings.patterns.packs == (str(tmp_path / "own.yaml"), "/abs/x.yaml")


def test_signals_are_checked_against_those_that_are_known(tmp_path: Path) -> None:
    known: dict[str, dict[str, type]] = {"template_sweep": {"min_prompts": int, "floor": float}}
    file = write(tmp_path, "[signals.template_sweep]\nmin_prompts = 20\nfloor = 1\n")
    settings = load_settings(file, environ={"STILLWATCH_SIGNALS__TEMPLATE_SWEEP__MIN_PROMPTS": "30"})
    settings.check_signals(known)
    assert settings.signals["template_sweep"] == {"min_prompts": 30, "floor": 1}
    bad = load_settings(overrides={"signals.template_swep.a": "1", "signals.template_sweep.min_promps": "2",
                                   "signals.template_sweep.floor": "true"})
    with pytest.raises(UsageError) as error:
        bad.check_signals(known)
    for word in ("'template_sweep'", "'min_prompts'", "must be a number"):
        assert word in error.value.what


def test_equal_settings_have_equal_hashes_wherever_they_are_written(tmp_path: Path) -> None:
    file = write(tmp_path, "[signals.b]\ny = 1\n[signals.a]\nx = 2\n[calibrate]\nprior = 0.1\n")
    other = load_settings(overrides={"signals.a.x": "2", "signals.b.y": "1", "calibrate.prior": "0.1"})
    assert load_settings(file).sha256() == other.sha256()
    assert load_settings().sha256() != other.sha256()


def test_what_is_printed_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    settings = load_settings(overrides={
        "patterns.packs": '["/a b/\\"c.yaml"]', "signals.s.words": '["x", "y"]', "signals.s.on": "true",
        "ingest.keep_text": "2.5",
    })
    again = load_settings(write(tmp_path, as_toml(settings)))
    assert again == settings
    assert again.as_dict() == settings.as_dict()
