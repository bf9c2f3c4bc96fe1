"""From bits to a probability: priors, labels, false alarms and faulty files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.calibration import Calibration, label
from stillwatch.campaigns.weigh import Weighed
from stillwatch.errors import UsageError

CALIBRATION = Calibration.load()
shares = st.floats(1e-6, 1 - 1e-6)


def _weighed(
    conduct: float = 0.0, coordination: float = 0.0, explanation: float = 0.0, relay: float = 0.0,
    ties: float = 0.0,
    size: float = 50.0,
) -> Weighed:
    def one(x: float) -> np.ndarray:
        return np.asarray([x])

    view = SimpleNamespace(size=one(size))
    return Weighed(view, {}, {}, one(conduct), one(coordination), one(relay), one(0.0), one(explanation),
                   one(0.0), one(0.0), one(ties), one(0.0))  # type: ignore[arg-type]  # fmt: skip


@given(shares)
def test_at_the_trained_prior_a_score_stays_what_it_is(p: float) -> None:
    assert np.isclose(CALIBRATION.shift(np.asarray([p]), CALIBRATION.trained_prior)[0], p, rtol=1e-6)


@given(shares, st.floats(1e-5, 0.99), st.floats(1e-5, 0.99))
def test_a_higher_prior_never_lowers_a_score(p: float, a: float, b: float) -> None:
    low, high = sorted((a, b))
    moved = [float(CALIBRATION.shift(np.asarray([p]), prior)[0]) for prior in (low, high)]
    assert 0.0 <= moved[0] <= moved[1] <= 1.0


def test_it_takes_both_conduct_and_coordination() -> None:
    prior = CALIBRATION.trained_prior
    both, conduct, coordination = (
        CALIBRATION.harvests(_weighed(c, k), prior)[0].max() for c, k in ((12.0, 12.0), (12.0, -6.0), (-6.0, 12.0))
    )
    assert both > 0.8
    assert conduct < 0.2
    assert coordination < 0.5 * both


def test_an_apps_users_are_no_relay_however_alike_they_are() -> None:
    prior = CALIBRATION.trained_prior
    of_an_app, tied = _weighed(coordination=12.0, relay=6.0), _weighed(coordination=12.0, relay=6.0, ties=10.0)
    assert CALIBRATION.harvests(of_an_app, prior).max() < 0.2 < 0.8 < CALIBRATION.harvests(tied, prior).max()


def test_an_explanation_lowers_a_harvests_score_and_never_its_conduct() -> None:
    prior = CALIBRATION.trained_prior
    plain, explained = _weighed(8.0, 6.0), _weighed(8.0, 6.0, explanation=-9.0)
    assert CALIBRATION.harvests(explained, prior).max() < 0.5 * CALIBRATION.harvests(plain, prior).max()
    np.testing.assert_array_equal(CALIBRATION.conducts(explained), CALIBRATION.conducts(plain))


def test_a_network_needs_a_hand_that_nobody_knows() -> None:
    """The same ties score lower for a known company, and for a handful of accounts; conduct plays no part."""
    plain, company, few = _weighed(0.0, 9.5), _weighed(0.0, 9.5, explanation=-2.0), _weighed(0.0, 9.5, size=12.0)
    harvest = _weighed(9.0, 9.5)
    scores = [float(CALIBRATION.operated(w, 0.2)[0]) for w in (plain, company, few, harvest)]
    assert scores[0] == scores[3] >= 0.8
    assert scores[1] < 0.55 and scores[2] < scores[0]


def test_of_small_groups_there_are_many_to_choose_from_so_they_need_more() -> None:
    few, some, many = (float(CALIBRATION.guilt(_weighed(3.0, 6.0, size=n), 0.2)[0]) for n in (4.0, 40.0, 2000.0))
    assert few < some == many


def test_what_speaks_for_a_relay_and_for_a_harvest_adds_up() -> None:
    prior = CALIBRATION.trained_prior
    harvest, relay, both = (
        _weighed(2.0, 6.0, ties=6.0), _weighed(-3.0, 6.0, relay=3.0, ties=6.0), _weighed(2.0, 6.0, relay=3.0, ties=6.0)
    )  # fmt: skip
    alone = max(float(CALIBRATION.guilt(w, prior)[0]) for w in (harvest, relay))
    assert alone < float(CALIBRATION.guilt(both, prior)[0]) < 1.0


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(0.0001, 0.9999))
def test_a_score_is_a_probability_however_wild_the_bits(conduct: float, coordination: float, prior: float) -> None:
    p = CALIBRATION.harvests(_weighed(conduct, coordination), prior)
    assert p.shape == (1, 3)
    assert ((p >= 0.0) & (p <= 1.0)).all()


def test_labels_change_at_the_contracts_borders_and_not_beside_them() -> None:
    borders = {0: "clear", 20: "mixed", 55: "likely", 80: "very likely", 95: "almost certain"}
    before = "clear"
    for least, word in borders.items():
        assert label(least) == word
        assert least == 0 or label(np.nextafter(least, 0)) == before
        before = word
    assert label(100.0) == "almost certain"


def test_the_false_alarm_rate_is_a_share_above_zero_that_falls_with_the_score() -> None:
    c = replace(CALIBRATION, legitimate_scores=(0.1, 0.5, 0.9), of_groups=500)
    rates = [c.false_alarm_rate(score, [0.05, 0.6], c.trained_prior) for score in (0.0, 0.4, 0.7, 0.99)]
    assert rates == sorted(rates, reverse=True)
    assert all(0.0 < rate <= 1.0 for rate in rates)


def test_a_calibration_of_ones_own_is_read_and_a_faulty_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "calibration.toml"
    good = (
        'version = "mine"\nconduct = [-1, 1]\ncoordination = [-1, 1]\nties = [-1, 1]\n'
        "relay = [-1, 1]\nreplay = [-1, 1]\nnetwork = [-1, 1]\nfew = 0.5\ntrained_prior = 0.1\n"
        "legitimate_scores = [0.2]\nof_groups = 3\n"
    )
    file.write_text(good)
    assert Calibration.load(file).version == "mine"
    for bad in ("not toml [", good.replace("[-1, 1]", "[1]", 1), good.replace("0.1", '"x"'), "version = 'mine'"):
        file.write_text(bad)
        with pytest.raises(UsageError, match="calibration"):
            Calibration.load(file)
    with pytest.raises(UsageError, match="calibration"):
        Calibration.load(tmp_path / "none.toml")
