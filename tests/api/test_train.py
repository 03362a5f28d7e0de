"""What ``affetti train`` prepares before it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.api.train import _embedded  # pyright: ignore[reportPrivateUsage]
from affetti.corpus import Corpus
from affetti.embedders.base import Embedder
from affetti.embedders.clip_set import ClipSet, open_clip_set
from material import present, write_corpus


def test_features_stay_with_their_clips_where_a_clip_is_silent(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 12, 2)
    stored = np.load(tmp_path / "corpus" / "mel.npy", mmap_mode="r+")
    stored[3] = -100
    stored.flush()
    corpus = Corpus.open(tmp_path / "corpus")
    assert len(open_clip_set(corpus.path)) == len(corpus) - 1  # a scorecard leaves it out

    def means(clips: ClipSet, _embedder: Embedder) -> NDArray[np.float64]:
        return np.asarray(clips.mel, np.float64).mean(axis=(1, 2))[:, None]

    _, vectors, _ = _embedded("baseline", corpus, 0, {}, "harmony", means)
    assert np.array_equal(present(vectors)[:, 0], corpus.mel.astype(np.float64).mean(axis=(1, 2)))
