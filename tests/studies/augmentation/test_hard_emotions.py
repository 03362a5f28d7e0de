from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affetti.corpus import Corpus
from affetti.models.regressors.baseline import Baseline
from affetti.studies.augmentation import hard_emotions
from affetti.studies.augmentation.hard_emotions import squared_errors, write_hard_emotions
from affetti.tables import read
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict


def test_errors_are_of_predictions_by_a_regressor_that_has_not_seen_the_song(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = corpus.fold(0).train
    seen: list[set[str]] = []
    fit = hard_emotions.fit_baseline

    def record(model: Baseline, clips: Clips) -> None:
        seen.append(set(corpus.songs[clips.rows]))
        fit(model, clips)

    monkeypatch.setattr(hard_emotions, "fit_baseline", record)
    errors = squared_errors(corpus, rows, 0)
    assert len(seen) == hard_emotions.N_FOLDS
    every = set(corpus.songs[rows])
    left_out = [every - songs for songs in seen]
    assert set().union(*left_out) == every
    assert sum(map(len, left_out)) == len(every), "each song is left out once"
    model = Baseline(corpus.front_end.shape)
    fit_baseline(model, Clips(corpus.mel, corpus.labels, rows[np.isin(corpus.songs[rows], sorted(seen[0]))]))
    held_out = np.flatnonzero(np.isin(corpus.songs[rows], sorted(left_out[0])))
    expected = np.square(predict(model, corpus.mel, rows[held_out]) - corpus.labels[rows[held_out]]).sum(axis=1)
    np.testing.assert_allclose(errors[held_out], expected)


def test_emotions_are_labels_of_training_clips_where_errors_are_large(corpus: Corpus, tmp_path: Path) -> None:
    rows = corpus.fold(0).train
    path = write_hard_emotions(corpus, 0, 4_000, tmp_path / "hard.csv", seed=1)
    drawn = np.array([[row.number(axis, -1, 1) for axis in ("valence", "arousal")] for row in read(path, ("valence",))])
    labels = corpus.labels[rows].round(6)
    counts = (drawn[:, None] == labels[None]).all(axis=2).sum(axis=0)
    assert counts.sum() == 4_000
    errors = squared_errors(corpus, rows, 1)
    np.testing.assert_allclose(counts / 4_000, errors / errors.sum(), atol=0.02)
    before = path.stat().st_mtime_ns
    write_hard_emotions(corpus, 0, 10, path, seed=2)
    assert path.stat().st_mtime_ns == before, "made once"
