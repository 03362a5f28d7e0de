"""Label tables, small corpora and a source of made-up sounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from affetti.corpus import store
from affetti.corpus.track import Labels, Source, Track
from affetti.errors import InputError
from affetti.presets import FrontEnd

SMALL = FrontEnd(sample_rate=8_000, n_fft=256, hop_length=128, n_mels=16, f_max=4_000.0, seconds=1.0)


@dataclass(frozen=True)
class Noise:
    """The sound of seed ``seed``: noise of a level of its own; ``silent`` gives stretches in seconds without any."""

    seed: int
    seconds: float = 1.5
    silent: tuple[tuple[float, float], ...] = ()
    broken: bool = False
    mark: list[int] = field(default_factory=list, compare=False, repr=False)

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        self.mark.append(self.seed)
        if self.broken:
            raise InputError("cannot be decoded", where=f"sound {self.seed}")
        rng = np.random.default_rng(self.seed)
        wave = rng.uniform(0.01, 0.3) * rng.normal(size=round(self.seconds * sample_rate))
        for start, stop in self.silent:
            wave[round(start * sample_rate) : round(stop * sample_rate)] = 0
        return wave.astype(np.float32)

    def stamp(self) -> str:
        return ""

    def fingerprint(self) -> str:
        return f"{self.seed:064x}"


def track(number: int, **settings: Any) -> Track:
    rng = np.random.default_rng(number)
    sound = {key: settings.pop(key) for key in ("seconds", "silent", "broken", "seed") if key in settings}
    sound.setdefault("seed", number)
    values: dict[str, Any] = {
        "track_id": f"t{number}",
        "song_id": f"s{number}",
        "path": f"{number}.wav",
        "sound": Noise(**sound),
        "labels": Labels(*rng.uniform(-1, 1, 2), 0.3, 0.2, 10),
        "artist": f"a{number}",
        "genre": ("rock", "jazz")[number % 2],
    }
    return Track(**(values | settings))


@pytest.fixture
def front() -> FrontEnd:
    return SMALL


@pytest.fixture
def make_source() -> Callable[..., Source]:
    """``make_source(n, {3: {"broken": True}})``: ``n`` tracks, some of them otherwise."""

    def make(count: int = 20, changes: dict[int, dict[str, Any]] | None = None) -> Source:
        return Source(
            "made up", [track(i, **(changes or {}).get(i, {})) for i in range(count)], "-1..1", "CC0", "nobody"
        )

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
            "fold": -1,
            "valence": rng.uniform(-1, 1, count),
            "arousal": rng.uniform(-1, 1, count),
            "valence_std": 0.3,
            "arousal_std": 0.2,
            "raters": 10,
            "start": 0.0,
            "duration": 1.0,
            "mode": "",
            "section": "",
            "instruments": "",
            "lyrics": "",
            "source_path": [f"{i}.wav" for i in range(count)],
            "sha256": [f"{i:064x}" for i in range(count)],
            "synthetic": False,
        }
        return pd.DataFrame(base | columns).astype(store.COLUMNS)

    return make


@pytest.fixture
def small_corpus(tmp_path: Path, make_clips: Callable[..., pd.DataFrame]) -> store.Corpus:
    """Six clips on disk."""
    clips = make_clips(6)
    mel = np.random.default_rng(0).normal(-40, 10, (6, *SMALL.shape)).astype(np.float16)
    np.save(tmp_path / "staged.npy", mel)
    meta = {"source": "made up", "licence": "CC0", "label_scale": "-1..1", "notes": [], "skipped": [], "signature": "x"}
    return store.write(tmp_path / "corpus", clips, tmp_path / "staged.npy", SMALL, meta)
