"""Label tables, small corpora and a source of made-up sounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up import MADE_UP, SMALL, track

from affetti.corpus import manifest, store
from affetti.corpus.track import Source
from affetti.presets import FrontEnd


@pytest.fixture
def front() -> FrontEnd:
    return SMALL


@pytest.fixture
def make_source() -> Callable[..., Source]:
    """``make_source(n, {3: {"broken": True}})``: ``n`` tracks, some of them otherwise."""

    def make(count: int = 20, changes: dict[int, dict[str, Any]] | None = None) -> Source:
        return Source(MADE_UP, [track(i, **(changes or {}).get(i, {})) for i in range(count)])

    return make


@pytest.fixture
def make_clips() -> Callable[..., pd.DataFrame]:
    """``make_clips(n, …)``: a manifest of ``n`` clips, columns as given."""

    def make(count: int = 20, **columns: Any) -> pd.DataFrame:
        rng = np.random.default_rng(count)
        base: dict[str, Any] = {
            "clip_id": [f"c{i}" for i in range(count)],
            "song_id": [f"s{i}" for i in range(count)],
            "artist": "",
            "genre": "",
            "dataset": "made up",
            "fold": -1,
            "part": "",
            "valence": rng.uniform(-1, 1, count),
            "arousal": rng.uniform(-1, 1, count),
            "valence_std": 0.3,
            "arousal_std": 0.2,
            "raters": 10,
            "valence_original": np.nan,
            "arousal_original": np.nan,
            "tags": "",
            "start": 0.0,
            "duration": 1.0,
            "mode": "",
            "section": "",
            "instruments": "",
            "lyrics": "",
            "source_path": [f"{i}.wav" for i in range(count)],
            "sha256": [f"{i:064x}" for i in range(count)],
            "duplicates": "",
            "synthetic": False,
        }
        return pd.DataFrame(base | columns).astype(manifest.COLUMNS)

    return make


@pytest.fixture
def make_corpus(tmp_path: Path) -> Callable[..., store.Corpus]:
    """``make_corpus(clips)`` writes a corpus of these rows."""

    def make(clips: pd.DataFrame) -> store.Corpus:
        mel = np.random.default_rng(0).normal(-40, 10, (len(clips), *SMALL.shape)).astype(np.float16)
        np.save(tmp_path / "staged.npy", mel)
        meta = {
            "source": "made up",
            "licence": "CC0",
            "label_scale": "-1..1",
            "label_audit": [],
            "notes": [],
            "skipped": [],
            "signature": "x",
        }
        return store.write(tmp_path / "corpus", clips, tmp_path / "staged.npy", SMALL, meta)

    return make


@pytest.fixture
def small_corpus(make_corpus: Callable[..., store.Corpus], make_clips: Callable[..., pd.DataFrame]) -> store.Corpus:
    """Six clips on disk."""
    return make_corpus(make_clips(6))
