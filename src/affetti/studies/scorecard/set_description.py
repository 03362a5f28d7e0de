"""What each set of a scorecard is: clips, front-end, floor, sample rate and level; and whether they can be compared.

Level is compared in log-mels, which all sets have: the median over clips of the mean power over bands and frames. Every
distance between log-mels includes a difference of level, and some are little else. A set at a lower sample rate than
the front-end's has no content above half its rate, whatever is done to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from affetti.embedders.clip_set import ClipSet
from affetti.embedders.recordings import rms_db
from affetti.embedders.value_scale import unlike_decibels
from affetti.errors import InputError
from affetti.rows import evenly_spaced, release_pages
from affetti.signal import audio

Role = Literal["real", "fake", "train", "against"]
MAX_MELS, MAX_SOUNDS = 256, 32
"""Clips whose log-mels, and clips of a corpus whose sound, are measured: evenly spaced ones of larger sets."""
LOUDER_DB = 6.0
"""Difference of level from which a scorecard warns: halves of 80 composed songs differ by 1.2 dB in the mean, by 4.8 dB
at most in 500 draws."""


@dataclass(frozen=True)
class SetDescription:
    """A set of clips as it was compared."""

    role: Role
    name: str
    kind: Literal["corpus", "folder", "array"]
    n: int
    """Clips."""
    songs: int
    front_end: str | None
    """Hash of the front-end; ``None`` for arrays."""
    floor_db: float
    """Lowest value of a clip less its highest, dB, in the clip where that is deepest: -80 where log-mels of affetti
    reach their floor."""
    level_db: float
    """Mean power of a clip's log-mel, dB, median over clips."""
    rms_dbfs: float | None
    """Root mean square of a clip's sound, dB of full scale, median over clips; ``None`` where there is no sound."""
    sample_rates: dict[str, int]
    """Files by their own sample rate, Hz; of a corpus its clips by the front-end's."""

    @property
    def sample_rate(self) -> int | None:
        """The commonest sample rate; ``None`` where it is not known."""
        return int(max(self.sample_rates, key=lambda rate: self.sample_rates[rate])) if self.sample_rates else None

    def describe(self) -> str:
        """One line for the terminal."""
        rates = " and ".join(
            f"{int(rate):,} Hz" + (f" ({count} files)" if len(self.sample_rates) > 1 else "")
            for rate, count in self.sample_rates.items()
        )
        rms = "" if self.rms_dbfs is None else f" (sound {self.rms_dbfs:.1f} dBFS RMS)"
        return (
            f"{self.role} {Path(self.name).name}: {self.kind}, {self.n} clips of {self.songs} songs, "
            f"front-end {self.front_end or 'unknown'}, {rates or 'sample rate unknown'}, floor {self.floor_db:.0f} dB, "
            f"level {self.level_db:.1f} dB{rms}"
        )


def describe_set(role: Role, clips: ClipSet) -> SetDescription:
    """Measure a set; of large ones evenly spaced clips."""
    ranges: list[float] = []
    levels: list[float] = []
    for row in evenly_spaced(len(clips), MAX_MELS):
        mel = np.asarray(clips.mel[row], dtype=np.float64)
        ranges.append(float(np.ptp(mel)))
        levels.append(_level(mel))
        release_pages(clips.mel)
    front = clips.front_end
    kind = "corpus" if clips.corpus is not None else "array" if front is None else "folder"
    rates: dict[str, int] = {}
    if clips.sample_rates is not None:
        rates = {str(rate): count for rate, count in sorted(Counter(clips.sample_rates.tolist()).items())}
    elif front is not None:
        rates = {str(front.sample_rate): len(clips)}
    return SetDescription(
        role=role,
        name=clips.name,
        kind=kind,
        n=len(clips),
        songs=int(np.unique(clips.songs).size),
        front_end=None if front is None else front.hash,
        floor_db=-float(max(ranges)),
        level_db=float(np.median(levels)),
        rms_dbfs=_rms(clips),
        sample_rates=rates,
    )


def _level(mel: NDArray[np.float64]) -> float:
    """Mean power of a log-mel, dB; finite also for values that are no dB at all."""
    highest = float(mel.max())
    return highest + 10 * float(np.log10((10 ** ((mel - highest) / 10)).mean()))


def _rms(clips: ClipSet) -> float | None:
    if clips.rms_db is not None:
        return float(np.median(clips.rms_db))
    if clips.files is None or clips.front_end is None:
        return None
    levels: list[float] = []
    for row in evenly_spaced(len(clips), MAX_SOUNDS):
        try:
            levels.append(rms_db(audio.load(clips.files[row], clips.front_end.sample_rate)))
        except InputError:  # sound that was removed, or damaged: what needs it says so
            continue
    return float(np.median(levels)) if levels else None


def set_cautions(sets: Sequence[tuple[SetDescription, ClipSet]]) -> Iterator[str]:
    """Warnings where synthetic sets differ from the real one, the first, in level or sample rate; a line each."""
    real, clips = sets[0]
    comparable = clips.front_end is not None or unlike_decibels(clips.mel) is None
    for made, its in sets[1:]:
        if made.role == "train":
            continue
        name = Path(made.name).name
        apart = made.level_db - real.level_db
        if comparable and abs(apart) >= LOUDER_DB and (its.front_end is not None or unlike_decibels(its.mel) is None):
            how = "louder" if apart > 0 else "softer"
            yield (
                f"{name} is {abs(apart):.1f} dB {how} than the real clips (median level {made.level_db:.1f} against "
                f"{real.level_db:.1f} dB), which every distance includes"
            )
        yield from _rate_caution(name, made, real, clips.front_end.sample_rate if clips.front_end else None)


def _rate_caution(name: str, made: SetDescription, real: SetDescription, sample_rate: int | None) -> Iterator[str]:
    """A line where the rates differ; a corpus is at the front-end's rate, whatever its sources were recorded at."""
    ours, theirs = made.sample_rate, real.sample_rate
    if ours is None or theirs is None or sample_rate is None:
        return
    if "corpus" in (made.kind, real.kind):
        ours, theirs = min(ours, sample_rate), min(theirs, sample_rate)
    if ours == theirs:
        return
    lower = min(ours, theirs)
    low = name if ours < theirs else "the real set"
    ending = (
        f"{low} holds nothing above {lower / 2:,.0f} Hz"
        if lower < sample_rate
        else f"both are resampled to {sample_rate:,} Hz"
    )
    yield f"{name} is at {ours:,} Hz, the real clips are at {theirs:,} Hz: {ending}"
