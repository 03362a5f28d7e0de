"""Form of whole songs: how they develop, whether they return, and how far their sections differ.

Distances are of blocks (:mod:`affetti.metrics.song_blocks`): the mean square difference of their band levels over that
of two independent moments of the same song, so that 0 is the same and 1 is chance.

- :func:`distance_by_lag`: the *structure curve*, the mean distance of moments by the time between them. Real music
  drifts, so that it grows; a song that is dealt anew is flat, and a loop falls back to 0 at each of its periods.
- :func:`level_course`: the mean level over ten parts of the song, less the song's mean: a build-up, a fading.
- :func:`repetition`: 1 less the distance of each four seconds to the nearest others (a self-similarity matrix smoothed
  along its diagonals, Müller 2015, ch. 4), the mean over the song: 1 for what only repeats.
- :func:`strongest_period`: the lag at which a dip of the structure curve is most prominent, and how prominent it is: 1
  for an exact loop.
- :func:`section_contrast`: the share of variance between two-second moments that lies between kinds of sections, the
  intraclass correlation ICC(1) (Shrout & Fleiss 1979), of level, of rises and of the spectrum's shape, and the mean of
  the three: 0 where sections do not differ, 1 where nothing else does.
- :func:`returns`: how much more alike a section's returns in a song are than the same section in other songs.

All depend on the length of songs: compare songs of equal length. They are computed from the levels of bands: a log-mel
has no chroma, so that a change of harmony counts only as far as it moves partials from one band to another.

When not to use: to judge whether a form is good. They measure similarity to other songs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from affetti.metrics.mel_features import MIN_SPREAD_DB
from affetti.metrics.sample import Codes, Floats
from affetti.metrics.song_blocks import SongBlocks, Texts, mean_spectra

LAGS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Centres of the cells of the structure curve, seconds; each an octave wide."""
PARTS = 10
"""Of a song, for its level over time."""
STRIPE_SECONDS = 4.0
"""Length of what may return."""
MIN_PERIOD_SECONDS = 2.0
MOMENT_SECONDS = 2.0
"""What sections consist of."""
MIN_SHARE = 0.25
"""Share of the pairs at a lag that must be known."""
ASPECTS = ("level", "rises", "spectrum")
"""What sections may differ in."""


@dataclass(frozen=True)
class Period:
    """The strongest period of a song."""

    seconds: float
    """NaN where the structure curve has no dip."""
    depth: float
    """Prominence of the dip, 0 to about 1."""


def distances(song: SongBlocks) -> Floats:
    """Distance of every block to every other ``[T, T]``; NaN where one is not known."""
    x = song.levels - np.nanmean(song.levels, axis=0)
    variance = float(np.nanmean(x**2)) + MIN_SPREAD_DB**2
    filled = np.nan_to_num(x)
    square = np.where(song.known, (filled**2).sum(axis=1), np.nan)
    total = square[:, None] + square[None, :] - 2 * filled @ filled.T
    return np.maximum(total, 0.0) / (2 * variance * x.shape[1])


def distance_by_lag(distance: Floats) -> Floats:
    """Mean of :func:`distances` by lag in blocks ``[T]``; NaN where too few pairs are known."""
    count = len(distance)
    curve = np.full(count, np.nan)
    for lag in range(count):
        diagonal = distance.diagonal(lag)
        known = np.isfinite(diagonal)
        if known.sum() >= max(1.0, MIN_SHARE * len(diagonal)):
            curve[lag] = diagonal[known].mean()
    return curve


def lag_cells(song: SongBlocks, curve: Floats) -> Floats:
    """The structure curve at :data:`LAGS` ``[9]``; NaN for lags beyond half of the song, and shorter than a block."""
    seconds = np.arange(len(curve)) * song.block_seconds
    cells = np.full(len(LAGS), np.nan)
    for k, lag in enumerate(LAGS):
        inside = (seconds >= lag / np.sqrt(2)) & (seconds < lag * np.sqrt(2)) & np.isfinite(curve)
        if inside.any() and lag <= song.seconds / 2:
            cells[k] = curve[inside].mean()
    return cells


def level_course(song: SongBlocks) -> Floats:
    """Mean level of ten parts of a song less that of the whole ``[10]``, dB; NaN for parts of which nothing is known.

    Example:
        >>> rising = np.repeat(np.arange(10.0)[:, None], 8, axis=1)
        >>> level_course(SongBlocks("a", rising, rising[:, 0], np.full(10, ""), 1.0)).tolist()
        [-4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5]
    """
    level = song.levels.mean(axis=1)
    parts = np.array_split(level, PARTS)
    return np.array([part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for part in parts]) - float(
        np.nanmean(level)
    )


def repetition(song: SongBlocks, distance: Floats) -> float:
    """1 less the mean distance of each stripe of four seconds to the nearest other, NaN for songs under eight."""
    width = max(1, round(STRIPE_SECONDS / song.block_seconds))
    stripes = len(distance) - width + 1
    nearest = np.full(max(stripes, 0), np.nan)
    for lag in range(width, stripes):
        diagonal = distance.diagonal(lag)
        known = np.isfinite(diagonal)
        count = _sliding_sum(known.astype(np.float64), width)
        enough = count >= width / 2
        mean = np.full(len(count), np.nan)
        mean[enough] = _sliding_sum(np.where(known, diagonal, 0.0), width)[enough] / count[enough]
        for start in (0, lag):
            here = slice(start, start + len(mean))
            nearest[here] = np.fmin(nearest[here], mean)
    return float(1 - nearest[np.isfinite(nearest)].mean()) if np.isfinite(nearest).any() else float("nan")


def strongest_period(song: SongBlocks, curve: Floats) -> Period:
    """The lag from two seconds to half of the song at which ``curve``, by lag in blocks, dips most.

    Example:
        >>> wave = np.tile(np.eye(8), (6, 1))  # a different band each second, from the start every eight
        >>> song = SongBlocks("a", 40 * wave, wave[:, 0], np.full(48, ""), 1.0)
        >>> period = strongest_period(song, distance_by_lag(distances(song)))
        >>> period.seconds, round(period.depth, 2)
        (8.0, 1.14)
    """
    low, high = round(MIN_PERIOD_SECONDS / song.block_seconds), len(curve) // 2 + 1
    places = np.arange(low, high)
    places = places[np.isfinite(curve[low:high])]
    # One more point at either end, of the highest value, so that a dip at an end is one.
    values = curve[places]
    if not len(values):
        return Period(float("nan"), 0.0)
    peaks, properties = find_peaks(-np.concatenate([[values.max()], values, [values.max()]]), prominence=0.0)
    interior = (peaks > 1) & (peaks < len(values))
    if not interior.any():
        return Period(float("nan"), 0.0)
    depths = np.where(interior, properties["prominences"], -1.0)
    best = int(depths.argmax())
    return Period(float(places[peaks[best] - 1] * song.block_seconds), float(depths[best]))


def section_contrast(song: SongBlocks, kinds: Sequence[str] | None = None) -> dict[str, float] | None:
    """Intraclass correlation of moments by kind of section: of each of :data:`ASPECTS`, and their ``mean``.

    Args:
        song: with sections.
        kinds: the sections that are compared; all by default.

    Returns:
        Values up to 1, about 0 where sections do not differ; None where fewer than two kinds, or only one moment of
        each, are known.
    """
    moments, labels = _moments(song, kinds)
    names, member = np.unique(labels, return_inverse=True)
    if len(names) < 2 or len(labels) <= len(names):
        return None
    shares = {aspect: _intraclass(values, member) for aspect, values in moments.items()}
    return shares | {"mean": float(np.mean(list(shares.values())))}


def returns(songs: Sequence[SongBlocks], kinds: Sequence[str] | None = None) -> Floats:
    """How much more alike returns of a section are than the same section of other songs ``[N]``.

    It is 1 − d/e: d is the mean square difference of the mean spectra of two occurrences of one kind in the song, e
    that of an occurrence in the song and one in another; 1 for exact returns, 0 where songs do not matter. NaN for
    songs in which no section returns, and where no other song has the section.

    Args:
        songs: with sections.
        kinds: the sections that are compared; all by default.
    """
    spectra: list[dict[str, Floats]] = []
    for song in songs:
        by_kind: dict[str, list[slice]] = {}
        for kind, stretch in occurrences(song):
            if kinds is None or kind in kinds:
                by_kind.setdefault(kind, []).append(stretch)
        spectra.append({kind: mean_spectra(song, stretches) for kind, stretches in by_kind.items()})
    values = np.full(len(songs), np.nan)
    for number, own in enumerate(spectra):
        ratios: list[float] = []
        for kind, rows in own.items():
            others = [its[kind] for place, its in enumerate(spectra) if place != number and kind in its]
            if len(rows) < 2 or not others:
                continue
            pairs = np.array([((a - b) ** 2).mean() for a, b in itertools.combinations(rows, 2)])
            across = ((rows[:, None] - np.concatenate(others)[None]) ** 2).mean(axis=2)
            ratios.append(float(pairs.mean() / (across.mean() + MIN_SPREAD_DB**2)))
        if ratios:
            values[number] = 1 - np.mean(ratios)
    return values


def occurrences(song: SongBlocks) -> list[tuple[str, slice]]:
    """Kind and place of each section, in order; of unknown stretches, and of blocks without a section, none."""
    rows = np.flatnonzero(song.known & (song.sections != ""))
    if not len(rows):
        return []
    labels = song.sections[rows]
    starts = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]]))
    ends = np.append(starts[1:], len(rows))
    return [
        (str(labels[start]), slice(int(rows[start]), int(rows[end - 1]) + 1))
        for start, end in zip(starts, ends, strict=True)
    ]


def _moments(song: SongBlocks, kinds: Sequence[str] | None) -> tuple[dict[str, Floats], Texts]:
    """Means of moments of each section by aspect ``[N, D]``, and their kinds ``[N]``."""
    width = max(1, round(MOMENT_SECONDS / song.block_seconds))
    levels: list[Floats] = []
    rises: list[float] = []
    labels: list[str] = []
    for kind, stretch in occurrences(song):
        if kinds is not None and kind not in kinds:
            continue
        for start in range(stretch.start, stretch.stop, width):
            here = slice(start, min(start + width, stretch.stop))
            if song.known[here].sum() >= width / 2:
                levels.append(np.nanmean(song.levels[here], axis=0))
                rises.append(float(np.nanmean(song.rises[here])))
                labels.append(kind)
    spectra = np.stack(levels) if levels else np.zeros((0, song.levels.shape[1]))
    level = spectra.mean(axis=1, keepdims=True)
    aspects = {"level": level, "rises": np.array(rises)[:, None], "spectrum": spectra - level}
    return aspects, np.array(labels, dtype=str)


def _intraclass(values: Floats, member: Codes) -> float:
    """ICC(1) of rows ``[N, D]`` by group ``[N]``, variances summed over columns."""
    sizes = np.bincount(member)
    means = np.stack([np.bincount(member, column) / sizes for column in values.T], axis=1)
    within = float(((values - means[member]) ** 2).sum()) / (len(values) - len(sizes))
    between = float((sizes[:, None] * (means - values.mean(axis=0)) ** 2).sum()) / (len(sizes) - 1)
    size = (len(values) - float((sizes**2).sum()) / len(values)) / (len(sizes) - 1)
    total = between + (size - 1) * within
    return (between - within) / total if total > 0 else 0.0


def _sliding_sum(values: Floats, width: int) -> Floats:
    """Sums of ``width`` values that follow one another ``[N - width + 1]``."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return sums[width:] - sums[:-width]
