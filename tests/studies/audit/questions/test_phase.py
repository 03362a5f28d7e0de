from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.material import write_corpus
from tests.studies.audit.sounding import SIZE, hurried, sounding, struck

from affetti import config
from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.questions.phase import (
    FIELDS,
    PLAYED_METHODS,
    QUESTION,
    FidelityTable,
    fidelities,
    loss_shares,
)
from affetti.studies.audit.resynthesis import formants, sustained_notes
from affetti.studies.audit.resynthesis.reconstruction import METHODS

CLAIMED = {
    "arousal_shift", "arousal_shift_drums", "share_of_loss_phase", "share_of_loss_magnitude", "sharpness_griffin_lim",
    "sharpness_mel", "formant_error", "sustained_change",
}  # fmt: skip
"""Measurements that the claims name."""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    """The answer on 24 songs, half of them with drums, one silent."""
    folder = tmp_path_factory.mktemp("phase")
    waves = [struck(seed) for seed in range(23)] + [np.zeros(SIZE, np.float32)]
    corpus = sounding(folder / "corpus", waves, instruments=["drums|piano", "piano"] * 12)
    with hurried():
        return QUESTION.measure(AuditContext(corpus, folder / "audit", quick=True), silent), folder / "audit"


def value(answer: Answer, name: str) -> float:
    result = answer[name].value
    assert result is not None, name
    return result


def clips(**loss: NDArray[np.float64]) -> FidelityTable:
    count = len(next(iter(loss.values())))
    rng = np.random.default_rng(0)
    values = {name: {field: rng.uniform(size=count) for field in (*FIELDS, "loss")} for name in METHODS}
    for name, each in loss.items():
        values[name]["loss"] = each
    return FidelityTable(values, np.array([f"song{i}" for i in range(count)]), ())


def test_measurements_that_claims_name_are_taken(answered: tuple[Answer, Path]) -> None:
    answer = answered[0]
    assert all(value(answer, name) is not None for name in CLAIMED)
    assert all(value(answer, f"{field}_{way}") is not None for field in FIELDS for way in METHODS)
    assert answer["sharpness_mel"].n == 8
    assert 0 < answer["arousal_shift_drums"].n < answer["arousal_shift"].n


def test_onsets_are_the_sharper_the_truer_the_phase_and_gone_where_it_is_random(answered: tuple[Answer, Path]) -> None:
    sharp = {name: value(answered[0], f"sharpness_{name}") for name in METHODS}
    assert sharp["oracle"] > sharp["mel"] > sharp["mel_griffin_lim"] > sharp["random"]
    assert 100 > sharp["fast"] > sharp["griffin_lim"] > sharp["random"]
    assert sharp["random"] < 30


def test_phases_are_the_more_consistent_the_better_they_fit(answered: tuple[Answer, Path]) -> None:
    odd = {name: value(answered[0], f"inconsistency_{name}") for name in METHODS}
    near = {name: value(answered[0], f"convergence_{name}") for name in METHODS}
    order = ("fast", "griffin_lim", "random")
    assert sorted(order, key=odd.__getitem__) == sorted(order, key=near.__getitem__) == list(order)


def test_the_two_shares_are_the_whole(answered: tuple[Answer, Path]) -> None:
    for ending in ("", "_griffin_lim"):
        parts = [value(answered[0], f"share_of_loss_{name}{ending}") for name in ("phase", "magnitude")]
        assert sum(parts) == pytest.approx(100.0)
    assert value(answered[0], "share_of_loss_phase_griffin_lim") > value(answered[0], "share_of_loss_phase")


def test_a_planted_split_is_recovered_within_its_interval() -> None:
    both = np.random.default_rng(1).uniform(0.1, 0.2, 20)
    made = clips(oracle=0.75 * both, fast=0.25 * both, mel=both, griffin_lim=0 * both, mel_griffin_lim=both)
    with hurried():
        by_name = {it.name: it for it in loss_shares(made)}
    assert by_name["share_of_loss_phase"].value == pytest.approx(25.0)
    assert by_name["share_of_loss_magnitude"].value == pytest.approx(75.0)
    assert by_name["share_of_loss_phase"].ci == pytest.approx((25.0, 25.0))
    assert by_name["share_of_loss_phase_griffin_lim"].value == pytest.approx(12.5)


def test_clips_without_onsets_are_left_out_and_their_complete_lack_is_reported() -> None:
    made = clips(mel=np.ones(6))
    made.values["fast"]["sharpness"] = np.array([80.0, np.nan, 90.0, np.nan, 100.0, np.nan])
    made.values["heap"]["sharpness"] = np.full(6, np.nan)
    with hurried():
        by_name = {it.name: it for it in fidelities(made)}
    assert by_name["sharpness_fast"].value == pytest.approx(90.0)
    assert by_name["sharpness_fast"].n == 3
    assert by_name["sharpness_heap"].value is None
    assert "no clip has a value" in by_name["sharpness_heap"].note


def test_an_answer_can_be_saved_opened_and_played(answered: tuple[Answer, Path]) -> None:
    answer, folder = answered
    plain = json.loads(json.dumps(config.unstructure(answer), allow_nan=False))
    assert config.structure(plain, Answer, Path("answer")) == answer
    assert [sound.origin for sound in answer.sounds] == ["recording", *["rebuilt"] * len(PLAYED_METHODS)]
    assert all((folder / sound.file).is_file() for sound in answer.sounds)
    assert answer.intervals is not None
    assert all(answer[name] for name in answer.intervals.names)
    assert "phase's share of its loss is" in answer.sentence
    assert "(not measured)" not in answer.sentence
    assert any("fewer than ten songs" in line for line in answer.cautions)


def test_without_audio_notes_and_vowels_are_measured_and_the_rest_is_missing(tmp_path: Path) -> None:
    with hurried():
        answer = QUESTION.measure(
            AuditContext(write_corpus(tmp_path / "corpus"), tmp_path / "audit", quick=True), silent
        )
    assert value(answer, "formant_error") < 5
    assert value(answer, "sustained_change_random") > 1
    missing = {it.name for it in answer.measurements if it.value is None}
    assert CLAIMED - missing == {"formant_error", "sustained_change"}
    assert all("needs sound" in answer[name].note for name in missing)
    assert answer.sentence.startswith("From a log-mel back to sound")
    assert answer.sounds == ()


def test_one_song_is_reported_without_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formants, "WORDS", {"aa": "ah"})
    monkeypatch.setattr(sustained_notes, "INSTRUMENTS", {"flute": 73})
    context = AuditContext(
        sounding(tmp_path / "corpus", [struck(0), struck(1), struck(2)], each=3), tmp_path, quick=True
    )
    with hurried():
        answer = QUESTION.measure(context, silent)
    assert answer["sharpness_fast"].ci is None
    assert value(answer, "sharpness_fast") > value(answer, "sharpness_random")
    assert "more songs" in answer["arousal_shift"].note
