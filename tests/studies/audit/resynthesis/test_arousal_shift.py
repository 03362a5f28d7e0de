from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.material import write_corpus
from tests.studies.audit.sounding import SIZE, hurried, sounding
from torch import Tensor

from affetti.errors import InputError
from affetti.studies.audit.answer import NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.resynthesis import arousal_shift
from affetti.studies.audit.resynthesis.arousal_shift import RESYNTHESES, has_drums, measure_arousal_shift, measurements

SONGS = 24


def levelled(path: Path, songs: int = SONGS, **columns: Any) -> AuditContext:
    """Noise whose arousal is its level: 20 dB from -0.5 to 0.5."""
    rng = np.random.default_rng(0)
    labels = rng.uniform(-0.9, 0.9, (songs, 2))
    waves = [
        (0.05 * 10 ** labels[seed, 1] * np.random.default_rng(seed).normal(size=SIZE)).clip(-1, 1).astype(np.float32)
        for seed in range(songs)
    ]
    return AuditContext(sounding(path / "corpus", waves, labels=labels, **columns), path / "audit", quick=True)


def gained(gain: float) -> Any:
    def rebuilt(context: AuditContext, wave: Tensor) -> dict[str, Tensor]:  # noqa: ARG001 - the outline of what it replaces
        return dict.fromkeys(RESYNTHESES, gain * wave)

    return rebuilt


@pytest.mark.parametrize("decibels", [-6.0, 0.0, 4.0])
def test_a_planted_change_of_level_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decibels: float
) -> None:
    monkeypatch.setattr(arousal_shift, "_resynthesise", gained(10 ** (decibels / 20)))
    result = measure_arousal_shift(levelled(tmp_path), 8)
    assert len(result.songs) == 8
    # Ridge shrinks what it has learnt from a dozen songs by a fifth or so.
    assert result.change[""] == pytest.approx(np.full(8, decibels / 20), rel=0.3, abs=0.01)


def test_regressors_do_not_predict_their_training_songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[str] = []
    learn = arousal_shift.fit_regressor

    def watched(features: Any, target: Any, songs: Any) -> Any:
        taught.extend(songs.tolist())
        return learn(features, target, songs)

    monkeypatch.setattr(arousal_shift, "fit_regressor", watched)
    result = measure_arousal_shift(levelled(tmp_path), 100)
    assert set(taught).isdisjoint(result.songs)
    assert len(set(taught)) == len(result.songs) == SONGS // 2


def test_drums_are_measured_separately(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["bass|drums|piano", "piano", "steel drums", ""] * (SONGS // 4)
    context = levelled(tmp_path, instruments=names)
    assert has_drums(context, np.arange(SONGS)).tolist() == [name == "bass|drums|piano" for name in names]
    monkeypatch.setattr(arousal_shift, "_resynthesise", gained(0.5))
    with hurried():
        by_name = {it.name: it for it in measurements(context, SONGS)}
    assert set(by_name) == {f"arousal_shift{drums}{way}" for drums in ("", "_drums") for way in RESYNTHESES}
    every, those = by_name["arousal_shift"], by_name["arousal_shift_drums"]
    assert every.value == pytest.approx(-0.3, rel=0.3)
    assert those.value == pytest.approx(-0.3, rel=0.3)
    assert every.n == SONGS // 2
    assert 0 < those.n < every.n


def test_the_composers_drums_are_silent_in_intros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = levelled(tmp_path, 4, instruments="drums", section=["intro", "verse", "outro", "chorus"])
    assert has_drums(context, np.arange(4)).all()
    monkeypatch.setattr(AuditContext, "composed", True)
    assert has_drums(context, np.arange(4)).tolist() == [False, True, False, True]


def test_a_corpus_without_drums_songs_or_sound_says_what_it_needs(tmp_path: Path) -> None:
    with hurried():
        by_name = {it.name: it for it in measurements(levelled(tmp_path / "none"), 6)}
    assert by_name["arousal_shift"].value is not None
    assert "instruments" in by_name["arousal_shift_drums"].note
    few = levelled(tmp_path / "few", 4)
    with pytest.raises(InputError, match="4 songs"):
        measure_arousal_shift(few, 4)
    assert all(it.value is None and "more songs" in it.note for it in measurements(few, 4))
    deaf = AuditContext(write_corpus(tmp_path / "deaf"), tmp_path)
    with pytest.raises(NotMeasurableError):
        measure_arousal_shift(deaf, 4)
    assert {it.name for it in measurements(deaf, 4)} == {"arousal_shift", "arousal_shift_drums"}


def test_a_reconstruction_keeps_its_level_and_so_its_prediction(tmp_path: Path) -> None:
    result = measure_arousal_shift(levelled(tmp_path), 6)
    assert np.abs(result.change["_true_magnitude"]).max() < 0.1
    # Random phases cancel where frames overlap: what is left is quieter.
    assert result.change["_random_phase"].max() < -0.05
