from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from tests.studies.audit.sounding import RATE, chord, sounding

from affetti.corpus import Corpus
from affetti.signal.descriptors import harmony_descriptors
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.emotion_regressor import (
    EmotionRegressor,
    caution,
    cross_val_emotion,
    harmony_of,
)
from material import write_corpus


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Level is 10 dB a unit of arousal; valence is drawn."""
    return write_corpus(tmp_path_factory.mktemp("loud") / "corpus", songs=60)


def no_harmony(statistics: np.ndarray) -> np.ndarray:
    return np.zeros((len(statistics), 0))


def test_associations_in_the_corpus_are_predicted_and_absent_ones_are_not(loud: Corpus, tmp_path: Path) -> None:
    context = AuditContext(loud, tmp_path)
    regressor = EmotionRegressor.fit(context)
    assert regressor is not None
    as_is = context.statistics[::2]
    louder = as_is.copy()
    louder[:, : loud.front_end.n_bands] += 4
    change = regressor.predict(louder, no_harmony(louder)) - regressor.predict(as_is, no_harmony(as_is))
    assert change.shape == (1 + len(regressor.halves), 60, 2)
    arousal = regressor.mean_effect("a", "arousal", change[..., 1])
    valence = regressor.mean_effect("v", "valence", change[..., 0])
    # By least squares on the level alone, its independent witness.
    line = LinearRegression().fit(context.statistics[:, :64].mean(axis=1, keepdims=True), loud.labels[:, 1])
    assert arousal.value == pytest.approx(4 * float(line.coef_[0]), abs=0.08)
    assert arousal.ci is not None and arousal.ci[0] > 0.2
    assert valence.ci is not None and valence.ci[0] < 0 < valence.ci[1]
    assert arousal.n == 60


def test_intervals_cover_songs_and_regressors(loud: Corpus, tmp_path: Path) -> None:
    regressor = EmotionRegressor.fit(AuditContext(loud, tmp_path, quick=True))
    assert regressor is not None
    same = np.zeros((1 + len(regressor.halves), 30))
    assert regressor.mean_effect("m", "m", same + 0.5).ci == (0.5, 0.5)
    songs = same + np.linspace(-1, 1, 30)
    low, high = regressor.mean_effect("m", "m", songs).ci or (0, 0)
    assert high - low == pytest.approx(4 * np.std(songs[0]) / np.sqrt(30), rel=0.1)
    regressors = same + np.linspace(-1, 1, len(same))[:, None]
    low, high = regressor.mean_effect("m", "m", regressors).ci or (0, 0)
    assert high - low > 1.5
    again = EmotionRegressor.fit(AuditContext(loud, tmp_path, quick=True))
    assert again is not None
    clips = AuditContext(loud, tmp_path).statistics
    assert np.array_equal(again.predict(clips, no_harmony(clips)), regressor.predict(clips, no_harmony(clips)))


def test_no_regressor_without_songs_or_labels_to_learn_from(tmp_path: Path) -> None:
    few = write_corpus(tmp_path / "few", songs=4)
    assert EmotionRegressor.fit(AuditContext(few, tmp_path)) is None
    still = write_corpus(tmp_path / "still", labels=np.zeros((24, 2)))
    assert EmotionRegressor.fit(AuditContext(still, tmp_path)) is None


MAJOR, MINOR = (60, 64, 67), (60, 63, 67)


@pytest.fixture(scope="module")
def in_modes(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Chords in any key, whose valence is their mode; arousal is drawn."""
    minor, rng = np.arange(40) % 2, np.random.default_rng(0)
    waves = [chord(MINOR if odd else MAJOR, number) for number, odd in enumerate(minor)]
    valence = 0.5 - minor + 0.05 * rng.normal(size=40)
    return sounding(tmp_path_factory.mktemp("modes") / "corpus", waves, valence=valence, arousal=rng.uniform(-1, 1, 40))


def test_valence_that_is_the_mode_is_predicted_from_harmony_where_there_is_sound(
    in_modes: Corpus, tmp_path: Path
) -> None:
    context = AuditContext(in_modes, tmp_path)
    regressor = EmotionRegressor.fit(context)
    assert regressor is not None and regressor.from_harmony
    assert "valence from 42 numbers of harmony" in caution(from_harmony=regressor.from_harmony)
    # The same songs with their third lowered, in keys that the corpus has too.
    of = {
        name: np.stack([regressor.harmony(torch.from_numpy(chord(pitches, seed))) for seed in range(100, 110)])
        for name, pitches in (("major", MAJOR), ("minor", MINOR))
    }
    as_it_is = np.repeat(context.statistics[:1], 10, axis=0)
    change = regressor.predict(as_it_is, of["minor"]) - regressor.predict(as_it_is, of["major"])
    fallen = regressor.mean_effect("v", "valence", change[..., 0])
    assert fallen.value == pytest.approx(-1.0, abs=0.35)
    assert fallen.ci is not None and fallen.ci[1] < -0.4
    assert np.abs(change[..., 1]).max() == 0, "arousal is predicted from the log-mel, which did not change"


def test_predictions_out_of_fold_take_harmony_where_its_ccc_is_higher(in_modes: Corpus, tmp_path: Path) -> None:
    context, rows = AuditContext(in_modes, tmp_path), np.arange(len(in_modes))
    predicted = cross_val_emotion(context, rows)
    valence = np.array([harmony_descriptors(context.waveform(row), RATE) for row in rows.tolist()])
    expected = linear_probe.cross_val_predict(valence, in_modes.labels[:, 0], in_modes.songs)
    assert predicted.from_harmony
    np.testing.assert_allclose(predicted.prediction[:, 0], expected)
    by_mel = linear_probe.cross_val_predict(context.statistics, in_modes.labels, in_modes.songs)
    np.testing.assert_allclose(predicted.prediction[:, 1], by_mel[:, 1])


def test_without_sound_both_axes_are_predicted_from_the_log_mel(loud: Corpus, tmp_path: Path) -> None:
    context = AuditContext(loud, tmp_path)
    regressor = EmotionRegressor.fit(context)
    assert regressor is not None and not regressor.from_harmony
    assert regressor.harmony(torch.zeros(100)).shape == harmony_of(None)(torch.zeros(100)).shape == (0,)
    assert "there is no sound" in caution(from_harmony=False)
    rows = np.arange(len(loud))
    assert not cross_val_emotion(context, rows).from_harmony
