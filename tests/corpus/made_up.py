"""A data set of made-up sounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.corpus.track import Dataset, Labels, Track
from affetti.errors import InputError
from affetti.presets import MelFrontEnd

MADE_UP = Dataset("made up", "Made up", "CC0", "nobody", "", "-1..1")
SMALL = MelFrontEnd(sample_rate=8_000, n_fft=256, hop_length=128, n_mels=16, f_max=4_000.0, seconds=1.0)


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
        "labels": Labels(rng.uniform(-1, 1), rng.uniform(-1, 1), 0.3, 0.2, 10),
        "artist": f"a{number}",
        "genre": ("rock", "jazz")[number % 2],
    }
    return Track(**(values | settings))
