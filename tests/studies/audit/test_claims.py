from __future__ import annotations

import csv
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from affetti.studies.audit import claims as claims_module
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.claims import Bound, Claim, claims, decide, decide_all, parse_range

CLAIM = Claim("c", "§1", "between 50 and 70", 50, 70, "ceiling.quality_gan")


def measured(value: float | None, *ci: float) -> Measurement:
    return Measurement("quality_gan", "Q", value, (ci[0], ci[1]) if ci else None, 40)


@pytest.mark.parametrize(
    ("measurement", "verdict"),
    [
        (measured(60, 52, 68), "supported"),
        (measured(60, 50, 70), "supported"),
        (measured(30, 20, 49.9), "contradicted"),
        (measured(90, 70.1, 95), "contradicted"),
        (measured(69, 60, 75), "undecided"),
        (measured(30, 20, 50), "undecided"),
        (measured(60, 10, 90), "undecided"),
        (measured(60), "undecided"),
        (replace(measured(60), exact=True), "supported"),
        (replace(measured(71), exact=True), "contradicted"),
        (replace(measured(60, 52, 68), n=7), "undecided"),
        (replace(measured(60, 52, 68), n=8), "supported"),
        (measured(None), "undecided"),
        (None, "undecided"),
    ],
)
def test_the_rule(measurement: Measurement | None, verdict: str) -> None:
    assert decide(CLAIM, measurement, composed=False)[0] == verdict


@pytest.mark.parametrize(
    ("bound", "low", "high", "measurement", "verdict"),
    [
        # A probe reads .52 [.46, .54]: it may read too little, so "at most .55" is not shown.
        ("lower", -math.inf, 0.55, (0.52, 0.46, 0.54), "undecided"),
        ("lower", -math.inf, 0.55, (0.75, 0.61, 0.89), "contradicted"),
        ("lower", 0.6, math.inf, (0.75, 0.61, 0.89), "supported"),
        ("lower", 0.5, 0.7, (0.6, 0.55, 0.65), "undecided"),
        # A bound from above: less than claimed contradicts, more does not.
        ("upper", 9, 11, (2, 0, 6), "contradicted"),
        ("upper", 9, 11, (40, 30, 50), "undecided"),
        ("upper", -math.inf, 11, (2, 0, 6), "supported"),
    ],
)
def test_a_bound_decides_on_its_own_side_only(
    bound: Bound, low: float, high: float, measurement: tuple[float, float, float], verdict: str
) -> None:
    claim = Claim("c", "§1", "…", low, high, "x.y", bound=bound)
    assert decide(claim, measured(*measurement), composed=False)[0] == verdict


def test_a_measurement_beside_a_claim_does_not_decide_it() -> None:
    for dataset in ("", "deam"):
        claim = Claim("c", "§1", "…", 50, 70, "x.y", dataset=dataset, bound="beside")
        for result in (measured(60, 55, 65), measured(10, 5, 15), replace(measured(10), exact=True)):
            verdict, reason = decide(claim, result, composed=False, dataset="deam")
            assert verdict == "undecided"
            assert "decides nothing" in reason
        assert decide(claim, None, composed=False, dataset="deam") == ("undecided", "not measured")


def test_claims_about_feelings_are_not_decided_on_composed_music() -> None:
    people = Claim("c", "§1", "…", 50, 70, "x.y", needs_listeners=True)
    for result in (measured(60, 55, 65), measured(10, 5, 15)):
        verdict, reason = decide(people, result, composed=True)
        assert verdict == "undecided"
        assert "composed by rules" in reason
    assert decide(people, measured(60, 55, 65), composed=False)[0] == "supported"


def test_a_regressors_prediction_does_not_decide_a_claim_about_listeners() -> None:
    claim = Claim("c", "§1", "…", 50, 70, "x.y", needs_listeners=True, only_listeners=True)
    for composed in (True, False):
        verdict, reason = decide(claim, measured(60, 55, 65), composed=composed)
        assert verdict == "undecided"
        assert "only listeners" in reason
    assert {claim.id for claim in claims() if claim.only_listeners} >= {"bias-piano", "lyrics-boost", "phase-arousal"}


def test_a_claim_about_a_data_set_is_decided_on_it_alone() -> None:
    deam = Claim("c", "§1", "…", 50, 70, "x.y", dataset="deam")
    assert decide(deam, measured(60, 55, 65), composed=False, dataset="pmemo") == ("undecided", "about deam alone")
    assert decide(deam, measured(60, 55, 65), composed=False, dataset="deam")[0] == "supported"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("50..70", 50, 70), ("..0.55", -math.inf, 0.55), ("-40..", -40, math.inf), ("20", 18, 22), ("-0.3", -0.33, -0.27)],
)
def test_ranges_as_the_study_states_them(text: str, low: float, high: float) -> None:
    assert parse_range(text) == pytest.approx((low, high))


def test_the_table_of_claims_is_whole() -> None:
    listed = claims()
    assert len(listed) >= 30
    assert len({claim.id for claim in listed}) == len(listed)
    topics = {"information", "lyrics", "timbre", "structure", "genre", "phase", "space", "variance", "ceiling"}
    topics.add("study")
    assert {claim.topic for claim in listed} == topics
    for claim in listed:
        assert claim.section.startswith("§"), claim.id
        assert claim.low <= claim.high, claim.id
        assert claim.claim, claim.id
        # A claim that cannot be measured here names what would decide it.
        assert claim.measurement.partition(".")[2] or claim.needs, claim.id
        assert claim.needs or not claim.needs_listeners, claim.id
        # What is set beside something else says what would decide it.
        assert claim.needs or claim.bound != "beside", claim.id


def test_every_kind_of_bound_in_the_table_is_known() -> None:
    with (Path(claims_module.__file__).parent / "claims.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["id"]: row["bound"] for row in csv.DictReader(file)}
    assert listed == {claim.id: claim.bound for claim in claims()}
    assert set(listed.values()) == {"", "lower", "upper", "beside"}


@pytest.mark.parametrize("factor", ["lyrics", "timbre", "structure", "genre"])
def test_a_pair_of_generators_decides_a_penalty_and_a_linear_regressors_share_decides_nothing(factor: str) -> None:
    listed = {claim.id: claim for claim in claims()}
    share, penalty = listed[f"variance-{factor}"], listed[f"penalty-{factor}"]
    assert decide(share, measured(0.0, 0.0, 1.0), composed=False)[0] == "undecided"
    assert penalty.measurement == f"ceiling.penalty_{factor}_generator"
    assert decide(penalty, measured(0.0, 0.0, 1.0), composed=True)[0] == "contradicted"
    assert decide(penalty, None, composed=True)[0] == "undecided"


@pytest.mark.parametrize(
    "name",
    [
        *("ceiling-75", "ceiling-40", "ceiling-magnitude", "ceiling-latent"),
        *("penalty-phase", "penalty-bands", "penalty-mel-scale", "penalty-logarithm"),
    ],
)
def test_a_score_of_log_mels_decides_no_claim_about_what_log_mels_lose(name: str) -> None:
    claim = next(claim for claim in claims() if claim.id == name)
    for low, high in ((0.0, 1.0), (claim.low, claim.high), (99.0, 100.0)):
        assert decide(claim, measured((low + high) / 2, low, high), composed=False)[0] == "undecided"
    assert "listening study" in claim.needs


def test_a_complex_stft_that_comes_back_whole_contradicts_a_ceiling_and_never_supports_one() -> None:
    claim = next(claim for claim in claims() if claim.id == "ceiling-stft")
    assert decide(claim, measured(99.5, 98.0, 100.0), composed=True)[0] == "contradicted"
    assert decide(claim, measured(97.0, 94.0, 100.0), composed=True)[0] == "undecided"
    assert decide(claim, measured(60.0, 50.0, 70.0), composed=True)[0] == "undecided"


def test_every_part_of_section_7_3_has_a_row_for_each_method_that_changes_or_makes_clips() -> None:
    methods = {"specaugment", "stretch", "shift", "mixup", "gan", "waveform", "diffusion"}
    for part in ("emotion", "information"):
        ids = {claim.id.partition("-")[2] for claim in claims() if claim.id.startswith(f"{part}-")}
        assert ids == methods, part
    generated = [claim for claim in claims() if claim.id in ("information-gan", "information-diffusion")]
    assert all(not claim.measurement.partition(".")[2] and "no original" in claim.needs for claim in generated)


def test_forecasts_for_better_generators_are_not_decided_by_the_ones_there_are() -> None:
    for name in ("gain-diffusion", "gain-waveform", "diversity-above-80", "information-mixup"):
        claim = next(claim for claim in claims() if claim.id == name)
        for low, high in ((-9.0, -8.0), (12.0, 12.5), (75.0, 76.0)):
            assert decide(claim, measured(low, low, high), composed=False)[0] == "undecided"


def test_raters_bound_what_a_spectrogram_reaches_from_above_and_a_ridge_a_network_from_below() -> None:
    by = {claim.id: claim for claim in claims()}
    on_deam = partial(decide, composed=False, dataset="deam")
    assert on_deam(by["ccc-ceiling"], measured(0.96, 0.95, 0.97))[0] == "undecided"
    assert on_deam(by["ccc-ceiling"], measured(0.60, 0.55, 0.65))[0] == "contradicted"
    assert on_deam(by["genre-pop"], measured(0.55, 0.50, 0.60))[0] == "undecided"
    assert on_deam(by["genre-pop"], measured(0.90, 0.88, 0.92))[0] == "contradicted"
    for name in ("raters", "ccc-ceiling", "ccc-reached"):
        assert decide(by[name], measured(0.2, 0.1, 0.3), composed=False, dataset="vgmidi")[1] == "about deam alone"


def test_a_row_for_each_claim_with_where_what_and_how() -> None:
    asks = {claim.topic: f"{claim.topic}?" for claim in claims()}
    result = {
        "ceiling.quality_roundtrip": Measurement("quality_roundtrip", "Q", 90.0, (80.0, 95.0), 120, "songs a side")
    }
    rows = {row.id: row for row in decide_all(result, asks, composed=True, dataset="", corpus="my-corpus")}
    assert len(rows) == len(claims())
    row = rows["ceiling-75"]
    assert (row.verdict, row.measured, row.ci, row.n) == ("undecided", 90.0, (80.0, 95.0), 120)
    assert row.claimed == (0, 75)
    assert "listening study" in row.needs
    assert row.command == "affetti audit my-corpus --only ceiling --out AUDIT"
    assert rows["gain"].command.startswith("affetti compare --corpus my-corpus")
    assert rows["lyrics-unreadable"].claimed == (None, 0.55)
    assert {row.verdict for row in rows.values()} <= {"supported", "contradicted", "undecided"}
    assert all(row.reason for row in rows.values() if row.verdict == "undecided")


def test_every_claim_that_needs_listeners_says_which_task_decides_it() -> None:
    for claim in claims():
        if claim.only_listeners or "listen" in claim.needs:
            task, scale, *systems = claim.listening.split(" ")
            assert task in ("rate", "mushra"), claim.id
            assert scale in ("valence", "arousal", "similarity"), claim.id
            assert len(systems) == 1 or (len(systems) == 3 and systems[1] == "-"), claim.id


def test_listeners_decide_what_no_log_mel_can(tmp_path: Path) -> None:
    import numpy as np
    import pandas as pd

    from affetti.studies.audit.listening_measurements import listening_measurements
    from affetti.studies.listening.analysis import AnalysisInputs, analyse
    from affetti.studies.listening.rating_table import RatingTable

    rng = np.random.default_rng(0)
    rows = [
        {"listener": f"l{n}", "clip": f"{k}-{name}", "condition": k, "system": name, "scale": "similarity",
         "rating": mean + rng.normal(0, 2)}
        for n in range(10)
        for k in range(9)
        for name, mean in (("reference", 98), ("griffin_lim", 68), ("mel_phase", 90))
    ]  # fmt: skip
    analyse(RatingTable.of(pd.DataFrame(rows)), AnalysisInputs(task="mushra")).save(tmp_path)
    topics = dict.fromkeys({claim.topic for claim in claims()}, "?")
    said = listening_measurements([tmp_path])
    for composed in (True, False):
        findings = {
            it.id: it for it in decide_all({}, topics, composed=composed, dataset="", corpus="c", listening=said)
        }
        assert findings["phase-perception"].verdict == "supported"
        assert findings["phase-perception"].measured == pytest.approx(30, abs=1)
        assert findings["ceiling-75"].verdict == "contradicted"
        assert findings["ceiling-75"].n == 9
        assert findings["penalty-phase"].verdict == "undecided"
        assert "mel_phase - mel_griffin_lim" in findings["penalty-phase"].needs
        assert findings["phase-perception"].needs_listeners
