from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.embedders.sets import TINY
from tests.material import mels, write_corpus

from affetti.corpus import Corpus
from affetti.embedders.base import require_input, require_unseen
from affetti.embedders.clip_set import open_clip_set
from affetti.embedders.regressor import regressor_embedder
from affetti.embedders.statistics import STATISTICS
from affetti.errors import MismatchError, UsageError
from affetti.training import run as runs


def test_the_features_of_a_regressor_are_the_input_of_its_last_layer(
    run_of: Callable[[str], Path], corpus: Corpus
) -> None:
    embedder = regressor_embedder(str(run_of("student")))
    assert embedder.front_end == TINY
    assert embedder.sample_rate is None
    assert not embedder.standardise
    assert len(embedder.trained_on) == 9  # of ten, one is kept for the intervals
    model = runs.load(run_of("student")).model
    mel = torch.from_numpy(corpus.mel[:5].astype(np.float32))
    with torch.inference_mode():
        features = embedder.embed(mel)
        *_, last = model.get_submodule("head").children()
        assert features.shape == (5, 64)
        torch.testing.assert_close(torch.tanh(last(features)), model(mel))
        torch.testing.assert_close(embedder.embed(mel[[3]]), features[[3]], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(embedder.embed(mel.flip(0)), features.flip(0), rtol=1e-4, atol=1e-4)


def test_runs_without_features_of_emotion_are_refused(run_of: Callable[[str], Path]) -> None:
    for kind in ("baseline", "flow"):
        with pytest.raises(UsageError, match=f"a {kind} has no features of emotion"):
            regressor_embedder(str(run_of(kind)))


def test_a_regressor_refuses_songs_it_was_trained_on(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    embedder = regressor_embedder(str(run_of("student")))
    part = corpus.fold(0)
    require_unseen(embedder, corpus.songs[part.test])
    with pytest.raises(MismatchError, match="--features regressor: was trained on 9 of the test songs"):
        require_unseen(embedder, corpus.songs)
    require_unseen(STATISTICS, corpus.songs)


def test_log_mels_of_another_front_end_are_refused(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    embedder = regressor_embedder(str(run_of("student")))
    other = replace(TINY, f_max=11_025.0)
    same_shape = write_corpus(tmp_path / "wide", 4, 1, other)
    np.save(tmp_path / "narrow.npy", mels(4, (32, 128)).numpy())
    np.save(tmp_path / "fits.npy", mels(4, TINY.shape).numpy())
    for path in (same_shape.path, tmp_path / "narrow.npy"):
        with pytest.raises(MismatchError, match=rf"features regressor need {TINY.hash}"):
            require_input(embedder, open_clip_set(path))
    require_input(embedder, open_clip_set(tmp_path / "fits.npy"))
