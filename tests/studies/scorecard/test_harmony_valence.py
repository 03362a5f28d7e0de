"""Valence from harmony in the conditioning of a scorecard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.material import present
from tests.studies.audit.probes.test_harmony_gain import chord
from tests.studies.audit.sounding import sounding

from affetti.corpus import splits
from affetti.embedders.clip_set import ClipSet, corpus_clips
from affetti.studies.scorecard import emotion_predictions
from affetti.studies.scorecard.emotion_predictions import EmotionPredictions, predict_emotions
from affetti.studies.scorecard.harmony_valence import harmony_valence

N = 40
MINOR = np.arange(N) // 2 % 2


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    """Triads in any key, major of high valence."""
    waves = [chord((60, 63, 67) if odd else (60, 64, 67), number) for number, odd in enumerate(MINOR)]
    valence = 0.5 - MINOR + 0.05 * np.random.default_rng(0).normal(size=N)
    return corpus_clips(sounding(tmp_path_factory.mktemp("real") / "c", waves, valence=valence))


@pytest.fixture
def part() -> splits.Fold:
    rows = np.arange(N)
    return splits.Fold(0, rows[:20], rows[20:28], rows[28:])


def test_valence_is_from_harmony_where_validation_songs_prefer_it(real: ClipSet, part: splits.Fold) -> None:
    made = real.subset(np.arange(10, 22))
    guess = np.zeros((8, 2))
    held_out, (of_made,) = present(harmony_valence(real, part, guess, (made,)))
    assert np.corrcoef(held_out, 0.5 - MINOR[28:])[0, 1] > 0.8
    assert np.corrcoef(of_made, 0.5 - MINOR[10:22])[0, 1] > 0.8
    assert harmony_valence(real, part, np.asarray(real.labels)[part.validation], (made,)) is None  # a perfect network


def test_without_the_sound_of_every_set_or_enough_songs_it_is_left_out(real: ClipSet, part: splits.Fold) -> None:
    guess, silent = np.zeros((8, 2)), replace(real, files=None)
    assert harmony_valence(real, part, guess, (real, silent)) is None
    assert harmony_valence(silent, part, guess, (real,)) is None
    gone = replace(real, files=(Path("gone.flac"), *(real.files or ())[1:]))
    assert harmony_valence(real, part, guess, (gone,)) is None
    assert harmony_valence(replace(real, labels=None), part, guess, (real,)) is None
    few = splits.Fold(0, part.train, part.validation[:2], part.test)
    assert harmony_valence(real, few, guess[:2], (real,)) is None


def test_the_predictions_of_a_scorecard_say_where_valence_is_from(
    real: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that knows nothing stands for one that a few steps trained."""

    class Blank(emotion_predictions.nn.Module):
        def forward(self, mel):
            return 0.01 * mel.mean(dim=(1, 2))[:, None].repeat(1, 2) * 0

    monkeypatch.setattr(emotion_predictions, "train_regressor", lambda *_: Blank())
    monkeypatch.setattr("affetti.studies.scorecard.harmony_valence.MIN_VALIDATION_SONGS", 1)
    result = predict_emotions(real, real, real.subset(np.arange(12)), 0, None, 0, others=(real.subset(np.arange(6)),))
    assert isinstance(result, EmotionPredictions)
    assert result.regressor.valence == "harmony"
    assert np.std(result.fake[:, 0]) > 0.1
    assert not result.fake[:, 1].any()
    assert present(result.others[0]).shape == (6, 2)
    np.testing.assert_allclose(present(result.others[0])[:, 0], result.fake[:6, 0])
    without = predict_emotions(replace(real, files=None), real, real.subset(np.arange(12)), 0, None, 0)
    assert present(without).regressor.valence is None
