"""The study on labels of windows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.material import write_corpus, write_rated_corpus

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import InputError, StorageError
from affetti.studies.augmentation.comparison import compare_arms
from affetti.studies.augmentation.window_study import compare_by_song, write_window_corpus


def test_the_corpus_of_windows_holds_the_rated_clips_in_the_same_folds(tmp_path: Path) -> None:
    write_rated_corpus(tmp_path / "c")
    windows = Corpus.open(tmp_path / "c", labels="window")
    assert windows.rated is not None
    written = write_window_corpus(windows, tmp_path / "w")
    rows = np.flatnonzero(windows.rated)
    np.testing.assert_array_equal(written.labels, windows.labels[rows])
    np.testing.assert_array_equal(written.mel, windows.mel[rows])
    for number in (0, 1):
        own, whole = written.fold(number), windows.fold(number)
        for part in ("train", "validation", "test"):
            np.testing.assert_array_equal(rows[getattr(own, part)], getattr(whole, part))
    assert write_window_corpus(windows, tmp_path / "w").hash == written.hash


def test_a_study_is_of_windows_and_of_songs(tmp_path: Path) -> None:
    corpus = write_rated_corpus(tmp_path / "c", songs=16)
    common = {"arms": ["null"], "seeds": 1, "steps": 2, "batch_size": 4, "workers": 1}
    result = api.compare.run(corpus.path, tmp_path / "study", labels="window", **common)
    assert result.labels == "window"
    assert result.test.n == 24
    assert [row.name for row in result.by_song] == [row.name for row in result.arms]
    assert all(row.verdict is None for row in result.by_song)
    document = json.loads((tmp_path / "study/result.json").read_text())
    assert document["labels"] == "window"
    assert json.loads((tmp_path / "study/config.json").read_text())["corpus_hash"] == corpus.hash
    again = api.compare.run(corpus.path, tmp_path / "study", labels="window", **common)
    assert again.by_song == result.by_song
    with pytest.raises(StorageError, match="labels was 'window', is 'song'"):
        api.compare.run(corpus.path, tmp_path / "study", **common)


def test_a_corpus_without_ratings_is_refused_before_anything_is_written(corpus: Corpus, tmp_path: Path) -> None:
    for verb in (api.compare.run, api.compare.plan):
        with pytest.raises(InputError, match="has no ratings over time"):
            verb(corpus.path, tmp_path / "study", labels="window")
    assert not (tmp_path / "study").exists()


def test_by_song_is_the_comparison_of_means(tmp_path: Path) -> None:
    corpus, rng = write_corpus(tmp_path / "c", 12, 3), np.random.default_rng(0)
    labels, names = corpus.labels, np.unique(corpus.songs)
    predictions = {
        arm: labels[None] + rng.normal(0, noise, (2, 36, 2)) for arm, noise in (("real", 0.8), ("flow", 0.2))
    }
    rows = compare_by_song(predictions, corpus, np.arange(36), 0)
    order = np.argsort([f"song{i}" for i in range(12)])
    means = {arm: each.reshape(2, 12, 3, 2).mean(axis=2)[:, order] for arm, each in predictions.items()}
    expected = compare_arms(means, labels.reshape(12, 3, 2).mean(axis=1)[order], names, "real", 0).arms
    assert [row.name for row in rows] == ["real", "flow"]
    np.testing.assert_allclose([row.ccc for row in rows], [row.ccc for row in expected])
    np.testing.assert_allclose([row.delta for row in rows], [row.delta for row in expected])
