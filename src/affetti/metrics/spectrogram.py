"""Distances computed directly on log-mels, in audible units: dB and onsets per second.

Each clip is summed up once, in one pass over a memory-mapped set, and the sets of summaries are compared:

- ``level``: for each band the Wasserstein distance W₁ between the clips' mean levels, in dB, and its mean over bands.
  A band 3 dB too loud throughout has 3.
- ``modulation``: how fast and how much levels move. The power spectrum over time of each band (mean removed, Hann
  window, scaled to sum to the variance in dB²) is averaged over clips in 8 groups of bands by octaves of rate, and the
  two sets of cells are compared by their log-spectral distance, √mean (10 log₁₀ P/Q)², in dB. Levels that move half as
  much have 6 dB; a blur loses the fast octaves, frames in random order gain them.
- ``onset_rate`` and ``onset_strength``: W₁ between clips' onsets per second, and between clips' mean rise at their
  onsets, in dB. The rise is the mean over bands of what a frame has over the one before, falls counting 0; an onset
  is a rise that is the greatest within 2 frames, above the clip's mean by its standard deviation, and 0.5 dB or more.

All four are lengths. Between equal distributions they shrink as 1/√N, a bias that the jackknife, made for 1/N, does not
remove (and a length has a kink at 0, where it would overshoot), so values are not debiased: near equality compare them
with their floor. Far from it they are nearly unbiased, and the interval over songs is sound.

When not to use: for pitch, harmony, timbre finer than bands, or emotion, to which they are insensitive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import maximum_filter1d

from affetti.errors import InputError
from affetti.metrics import transport
from affetti.metrics.jackknife import Blocks, LeftOut, compare
from affetti.metrics.mel_features import Batch, Mels, batches
from affetti.metrics.published import require_pair
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, Sample

BAND_GROUPS = 8
OCTAVES = 6
MIN_POWER = 0.01
"""Power in dB² that a cell is taken to have at least, about the step of float16 at 80 dB."""
ONSET_REACH = 2
"""Frames either side within which an onset is the greatest rise."""
MIN_RISE_DB = 0.5
"""dB."""


@dataclass(frozen=True)
class SpectrogramDistances:
    """How two sets of log-mels differ."""

    level: Result
    """dB, mean over bands."""
    bands: dict[str, Result]
    """dB, by the name of the band, from low to high."""
    modulation: Result
    """dB."""
    onset_rate: Result
    """Onsets per second (per frame if no frame rate was given)."""
    onset_strength: Result
    """dB."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        whole = {
            name: getattr(self, name).to_dict() for name in ("level", "modulation", "onset_rate", "onset_strength")
        }
        return {**whole, "bands": {name: result.to_dict() for name, result in self.bands.items()}}


def spectrogram_distances(
    real: Mels,
    fake: Mels,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    frame_rate: float = 1.0,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> SpectrogramDistances:
    """Levels, modulation and onsets of synthetic log-mels against those of real ones.

    Args:
        real: log-mels in dB ``[N, M, F]``, M ≥ 8, F ≥ 16; float16 to float64, memory-mapped or not.
        fake: log-mels in dB ``[K, M, F]`` of the same front-end.
        groups: song ids of the clips of ``real`` and of ``fake``; without them every clip is a song.
        frame_rate: frames per second.
        names: of the M bands, say their centres in Hz; without them they are numbered from 1.
        seed: decides how songs are dealt into blocks and splits.

    Returns:
        Results ≥ 0 with intervals by the jackknife over songs, and the floor: the same with songs of ``real`` in the
        place of ``fake`` (``None`` below 6).

    Raises:
        InputError: wrong or different shapes, fewer than 2 clips or songs, a value that is not finite, a frame rate
            that is not positive, or not one name a band.
    """
    require_pair(real, fake)
    bands = real.shape[1]
    called = [str(band + 1) for band in range(bands)] if names is None else list(names)
    if len(set(called)) != bands:
        raise InputError(f"{len(set(called))} different names for {bands} bands", where="names", hint="name each band")
    if not (np.isfinite(frame_rate) and frame_rate > 0):
        raise InputError(f"{frame_rate:g} frames per second", where="frame_rate", hint="give a positive number")
    songs = (None, None) if groups is None else groups
    first = Sample.of(clip_summaries(real, frame_rate, "real"), songs[0], "groups of real")
    second = Sample.of(clip_summaries(fake, frame_rate, "fake"), songs[1], "groups of fake")
    lengths = bands + 2

    def statistic(x: Sample, y: Sample, x_blocks: Blocks, y_blocks: Blocks) -> LeftOut:
        """Onset rate and strength, M bands, level, modulation."""
        moved = transport.left_out(x.rows[:, :lengths], y.rows[:, :lengths], x_blocks, y_blocks, 1)
        powers = _log_spectral(x.rows[:, lengths:], y.rows[:, lengths:], x_blocks, y_blocks)
        without = [_joined(moved.without[side], powers.without[side]) for side in (0, 1)]
        return LeftOut(_joined(moved.whole, powers.whole), (without[0], without[1]))

    rate, strength, *by_band, level, modulation = compare(
        statistic, first, second, seed, debias=False, names=("real", "fake"), sizes="length"
    )
    return SpectrogramDistances(level, dict(zip(called, by_band, strict=True)), modulation, rate, strength)


def clip_summaries(mels: Mels, frame_rate: float, name: str) -> Floats:
    """For each clip onset rate and strength, M mean levels, and the power in each cell of modulation."""
    summaries: list[Floats] = []
    for batch in batches(mels, name):
        level = batch.mean(axis=2, dtype=np.float64)
        summaries.append(np.concatenate([_onsets(batch, frame_rate), level, _modulation(batch, level)], axis=1))
    return np.concatenate(summaries)


def _joined(lengths: Floats, powers: Floats) -> Floats:
    return np.concatenate([lengths, lengths[..., 2:].mean(axis=-1, keepdims=True), powers], axis=-1)


def _log_spectral(x: Floats, y: Floats, x_blocks: Blocks, y_blocks: Blocks) -> LeftOut:
    """Log-spectral distance of mean powers (K = 1)."""

    def distance(p: Floats, q: Floats) -> Floats:
        return np.sqrt(((10 * np.log10((p + MIN_POWER) / (q + MIN_POWER))) ** 2).mean(axis=-1, keepdims=True))

    real, fake = x.mean(axis=0), y.mean(axis=0)
    without = distance(_means_without(x, x_blocks), fake), distance(real, _means_without(y, y_blocks))
    return LeftOut(distance(real, fake), without)


def _means_without(rows: Floats, blocks: Blocks) -> Floats:
    total = rows.sum(axis=0)
    return np.stack([(total - rows[block].sum(axis=0)) / (len(rows) - len(block)) for block in blocks])


def _modulation(batch: Batch, level: Floats) -> Floats:
    """Power by group of bands and octave of rate, slowest octave first: ``[B, 48]``, fewer for under 64 frames."""
    frames = batch.shape[2]
    window = np.hanning(frames + 2)[1:-1].astype(np.float32)
    spectrum = np.fft.rfft((batch - level[:, :, None].astype(np.float32)) * window)[:, :, 1:]
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float64) * 2 / (frames * (window**2).sum())
    # An octave holds the rates from half its upper edge on; the lowest reaches down to one cycle a clip.
    edges = np.unique([0, *(-(-power.shape[2] // 2**k) for k in range(1, OCTAVES))])
    groups = np.linspace(0, batch.shape[1], BAND_GROUPS + 1).round().astype(int)
    cells = np.add.reduceat(np.add.reduceat(power, edges, axis=2), groups[:-1], axis=1) / np.diff(groups)[:, None]
    return cells.reshape(len(batch), -1)


def _onsets(batch: Batch, frame_rate: float) -> Floats:
    """Onsets per second and mean rise at them, ``[B, 2]``; a clip without onsets has 0 and 0."""
    rise = np.maximum(np.diff(batch, axis=2), 0).mean(axis=1, dtype=np.float64)
    before = np.concatenate([np.full((len(rise), 1), -np.inf), rise[:, :-1]], axis=1)
    least = np.maximum(rise.mean(axis=1) + rise.std(axis=1), MIN_RISE_DB)[:, None]
    onset = (rise == maximum_filter1d(rise, 2 * ONSET_REACH + 1, axis=1)) & (rise > before) & (rise >= least)
    count = onset.sum(axis=1)
    strength = np.where(onset, rise, 0).sum(axis=1) / np.maximum(count, 1)
    return np.stack([count * frame_rate / rise.shape[1], strength], axis=1)
