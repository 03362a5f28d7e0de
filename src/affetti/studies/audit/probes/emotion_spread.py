"""How far clips of one song lie apart: half-ranges, those of noise alone, and the course over a song.

The half-range of a song is (max − min) / 2 over its clips. It grows with their number, so it is set beside what the
raters' noise alone would give for as many clips. Half-ranges of independent normal parts add in squares, hence the
spread beyond noise is √(spread² − noise²), of means over songs; where noise accounts for all of it, it is 0.

When not to use: on labels that a song's clips share, which show no spread whatever the music does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affetti.studies.audit.answer import Measurement, Series
from affetti.studies.audit.probes.linear_probe import Floats, Texts

MIN_CLIPS = 3
"""Clips of a song whose spread is taken."""
N_PARTS = 5
"""Parts of a song in the figure."""
NEEDS_CLIPS = f"songs with {MIN_CLIPS} clips or more: prepare the corpus with --windows all"
NEEDS_RATERS = "the raters' number and spread for each clip"


def half_ranges(values: Floats, songs: Texts, least: int = MIN_CLIPS) -> tuple[Floats, Texts]:
    """(max − min) / 2 over the clips of each song that has at least ``least`` ``[S]``, and the songs."""
    names, member, count = np.unique(songs, return_inverse=True, return_counts=True)
    high, low = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    np.maximum.at(high, member, values)
    np.minimum.at(low, member, values)
    kept = count >= least
    return (high - low)[kept] / 2, names[kept]


def noise_half_ranges(error: Floats, songs: Texts, rng: np.random.Generator, draws: int = 400) -> Floats:
    """Half-range that each song's clips would show were they alike, and noise alone set them apart ``[S]``.

    Args:
        error: standard error of each clip's label ``[N]``.
        songs: of each clip; they are taken as :func:`half_ranges` takes them.
        rng: of the normal noise.
        draws: over which it is averaged.
    """
    drawn = [half_ranges(error * rng.standard_normal(len(error)), songs)[0] for _ in range(draws)]
    return np.mean(drawn, axis=0)


def spread_beyond_noise(ranges: Floats, noise: Floats) -> float:
    """Spread beyond noise, of half-ranges ``[S]`` of songs; see the module."""
    return float(np.sqrt(max(0.0, float(ranges.mean()) ** 2 - float(noise.mean()) ** 2)))


def label_spread(clips: pd.DataFrame, axis: str, ending: str, rng: np.random.Generator, lack: str) -> list[Measurement]:
    """Half-range of labels, of noise, and of labels beyond noise; ``lack`` says why not, where it is not empty."""
    songs = clips["song_id"].to_numpy(dtype=str)
    names = [f"spread_{what}{ending}" for what in ("labels", "noise", "beyond_noise")]
    labels = [f"half-range of {axis} within a song, {what}" for what in ("labels", "noise of raters", "beyond noise")]
    if lack:
        return [Measurement.missing(*named, lack) for named in zip(names, labels, strict=True)]
    ranges, of = half_ranges(clips[axis].to_numpy(dtype=np.float64), songs)
    measurements = [Measurement.of_mean(names[0], labels[0], ranges, songs=of)]
    raters = clips["raters"].to_numpy(dtype=np.float64)
    error = clips[f"{axis}_std"].to_numpy(dtype=np.float64) / np.sqrt(np.maximum(raters, 1))
    if not ((raters > 1) & np.isfinite(error)).all():
        return measurements + [
            Measurement.missing(*named, NEEDS_RATERS) for named in zip(names[1:], labels[1:], strict=True)
        ]
    noise = noise_half_ranges(error, songs, rng)
    measurements.append(Measurement.of_mean(names[1], labels[1], noise, songs=of))
    measurements.append(Measurement.of_statistic(names[2], labels[2], spread_beyond_noise, ranges, noise, songs=of))
    return measurements


def mean_course(name: str, values: Floats, position: Floats, songs: Texts) -> Series:
    """Mean of ``values`` ``[N]`` less their song's, in each part of the song, with intervals over songs.

    Clips of unknown position, NaN, are left out.
    """
    known = np.isfinite(position)
    part = np.minimum((position[known] * N_PARTS).astype(int), N_PARTS - 1)
    of = songs[known]
    _, member = np.unique(of, return_inverse=True)
    moved = values[known] - (np.bincount(member, values[known]) / np.bincount(member))[member]
    points: list[tuple[float, float, float, float]] = []
    for at in np.unique(part).tolist():
        mean = Measurement.of_mean("part", "of the song", moved[part == at], songs=of[part == at])
        if mean.value is not None:
            points.append(((at + 0.5) / N_PARTS, mean.value, *(mean.ci or (mean.value, mean.value))))
    return Series(name, tuple(points))
