from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from affetti.corpus import Corpus
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes.emotion_regressor import EmotionRegressor
from material import write_corpus


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Level is 10 dB a unit of arousal; valence is drawn."""
    return write_corpus(tmp_path_factory.mktemp("loud") / "corpus", songs=60)


def test_associations_in_the_corpus_are_predicted_and_absent_ones_are_not(loud: Corpus, tmp_path: Path) -> None:
    context = AuditContext(loud, tmp_path)
    regressor = EmotionRegressor.fit(context)
    assert regressor is not None
    as_is = context.statistics[::2]
    louder = as_is.copy()
    louder[:, : loud.front_end.n_bands] += 4
    change = regressor.predict(louder) - regressor.predict(as_is)
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
    assert np.array_equal(
        again.predict(AuditContext(loud, tmp_path).statistics),
        regressor.predict(AuditContext(loud, tmp_path).statistics),
    )


def test_no_regressor_without_songs_or_labels_to_learn_from(tmp_path: Path) -> None:
    few = write_corpus(tmp_path / "few", songs=4)
    assert EmotionRegressor.fit(AuditContext(few, tmp_path)) is None
    still = write_corpus(tmp_path / "still", labels=np.zeros((24, 2)))
    assert EmotionRegressor.fit(AuditContext(still, tmp_path)) is None
