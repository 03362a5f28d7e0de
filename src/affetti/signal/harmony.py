"""Harmony of a sound: chroma, tonic and mode, and what sounds relative to the tonic.

*Chroma* is how strongly each of the twelve pitch classes sounds over time. It is folded from a constant-Q transform
(:mod:`affetti.signal.constant_q`) whose kernels are twice as long as usual, so that neighbouring notes separate, and of
which only local maxima over frequency count; *bass* chroma is folded from its lowest three octaves, up to B3.

*Keys* are recognised by the correlation of a chroma vector with the profiles of the 24 major and minor keys (Krumhansl
1990, the Krumhansl-Schmuckler algorithm), the mean of two: listeners' ratings of Krumhansl & Kessler (1982,
"Tracing the dynamic changes in perceived tonal organization in a spatial representation of musical keys", Psychological
Review 89:334) and counts of notes by Albrecht & Shanahan (2013, "The use of large corpora to train a new type of
key-finding algorithm", Music Perception 31:59). The tonic of a recording is the one that fits its windows best, each
in the better of its two modes; the mode of a window is the better one at that tonic. Where no key fits, or pitch
classes sound alike (noise, drums, atonal music, silence), there is no tonic and no mode.

When not to use: a tonic from one clip of a few seconds, where even a score often leaves several keys possible; to
distinguish a modulation from a change of chord.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import UsageError
from affetti.signal.constant_q import BINS, constant_q

Floats = NDArray[np.float64]
Mode = Literal["major", "minor"]

SAMPLE_RATE = 22_050
"""Samples a second that suit the seven octaves used here; higher rates work too."""
HOP_LENGTH = 1_024
OCTAVES, BASS_OCTAVES = 7, 3
FILTER_SCALE = 1.94
"""Factor on the kernels' length: 33.6 periods."""
WINDOW_SECONDS = 8.0
"""Length of a window that has a key of its own."""
N_FFT = 4_096
"""Window of :func:`estimate_tuning`, samples."""
MIN_STRENGTH, MIN_STRENGTH_PER_ROOT = 0.4, 0.2
"""No key fits whose correlation is below the first plus the second over the root of the number of windows: over one
window chance fits some key to .5 or more, over many windows it fits none of them to all."""
MIN_CONTRAST = 0.3
"""Deviation over mean of the twelve pitch classes below which they sound alike."""
MIN_CONCENTRATION = 0.33
"""Of the partials about the tempered scale: drums and noise lie below, see ``docs/how-to/features.md``."""
MIN_CLASSES = 2.5
"""Pitch classes that must sound (exponential of their entropy) for a key to be recognised: a lone note has none."""

PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "krumhansl-kessler": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "albrecht-shanahan": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
}
"""Weights of the twelve pitch classes from the tonic upward, in major and in minor, as published."""


@dataclass(frozen=True)
class Tuning:
    """Where the tempered scale of a recording lies, and how well its partials keep to it."""

    semitones: float
    """Deviation of A4 from 440 Hz, in [-0.5, 0.5], in steps of 0.1; 0 where partials keep to no scale."""
    concentration: float
    """Length of the mean of unit vectors at the partials' deviations, 0 (drums, noise, silence) to 1 (in tune)."""


@dataclass(frozen=True)
class Key:
    """A key, or that there is none."""

    tonic: int | None
    """Pitch class, 0 (C) to 11 (B); None: no key."""
    mode: Mode | None
    """None: no key."""
    strength: float
    """Correlation with the profiles of the best key, -1 to 1; 0 in silence."""


@dataclass(frozen=True)
class Harmony:
    """The harmony of a recording or clip."""

    key: Key
    windows: tuple[Key, ...]
    """Of windows of about :data:`WINDOW_SECONDS`: the best mode at the tonic of the whole; none where that has none."""
    continuity: float
    """Share of the windows whose own best tonic is that of the whole, 0 to 1; 0 where that has none."""
    profile: Floats
    """Share of each pitch class from the tonic upward ``[12]``, sums to 1; all equal where there is no tonic."""
    bass_profile: Floats
    """The same of the bass ``[12]``."""
    interval_classes: Floats
    """Share of the intervals of 1 to 6 semitones between notes of a frame ``[6]``, see :func:`interval_classes`."""
    correlations: Floats
    """Correlation with the profiles of :data:`PROFILES` at the best tonic ``[2 profiles, major and minor]``."""
    contrast: float
    """Deviation over mean of the pitch classes, 0 (all alike) to √11 (one alone)."""
    change: float
    """1 - cosine between the chroma of successive half seconds, mean, 0 (held) to 1."""
    tuning: Tuning


def note_magnitudes(waveform: Tensor, sample_rate: int, tuning: float = 0.0) -> Floats:
    """Magnitude of each note from C1 to B7 over time: local maxima of the constant-Q transform, else 0.

    Args:
        waveform: ``[T]``.
        sample_rate: of it, 8,200 a second or more.
        tuning: of A4 against 440 Hz, semitones.

    Returns:
        ``[84, F]``, F = 1 + floor(T / 1024).

    Raises:
        InputError: there are no samples, or the sample rate is too low.
    """
    sound = constant_q(
        waveform, sample_rate, n_bins=BINS * OCTAVES, hop_length=HOP_LENGTH, tuning=tuning, filter_scale=FILTER_SCALE
    )
    return local_maxima(sound.double().cpu().numpy())


def local_maxima(magnitude: Floats) -> Floats:
    """Magnitudes ``[K, F]`` that are no lower than those above and below in frequency, else 0."""
    padded = np.pad(magnitude, ((1, 1), (0, 0)))
    return np.where((magnitude >= padded[:-2]) & (magnitude >= padded[2:]), magnitude, 0.0)


def fold_octaves(notes: Floats) -> Floats:
    """Chroma ``[12, F]``, from C upward, of magnitudes of notes ``[12 · octaves, F]``."""
    return notes.reshape(-1, BINS, notes.shape[1]).sum(axis=0)


def chroma(waveform: Tensor, sample_rate: int) -> Floats:
    """Chroma ``[12, F]`` of a waveform ``[T]``, from C upward, in units of the transform; raises as above.

    Example:
        >>> a4 = torch.sin(2 * torch.pi * 440 * torch.arange(22_050) / 22_050)
        >>> int(chroma(a4, 22_050).mean(axis=1).argmax())
        9
    """
    return fold_octaves(note_magnitudes(waveform, sample_rate))


def key_correlations(chroma: Floats, profiles: str | None = None) -> Floats:
    """Correlation of chroma vectors with the profiles of the 24 keys.

    Args:
        chroma: ``[..., 12]``, from C upward.
        profiles: one of :data:`PROFILES`; None: the mean of all.

    Returns:
        ``[..., 2, 12]``: major, then minor, by tonic; 0 where all pitch classes are equal.

    Raises:
        UsageError: there are no such profiles.

    Example:
        >>> c_major = np.zeros(12); c_major[[0, 2, 4, 5, 7, 9, 11]] = 1, 0.5, 1, 0.5, 1, 0.5, 0.3
        >>> [int(index) for index in np.unravel_index(key_correlations(c_major).argmax(), (2, 12))]
        [0, 0]
    """
    if profiles is None:
        return np.mean([key_correlations(chroma, name) for name in PROFILES], axis=0)
    if profiles not in PROFILES:
        raise UsageError(f"there are no profiles {profiles!r}", hint=f"choose from {', '.join(PROFILES)}")
    return np.einsum("...p,mtp->...mt", _standardised(chroma), _key_profiles(profiles))


def interval_classes(chroma: Floats) -> Floats:
    """Share of each interval class among pairs of pitch classes that sound together.

    The interval class of two notes is the distance of their pitch classes, 1 (semitone) to 6 (tritone) semitones
    (Forte 1973, "The structure of atonal music"). A pair counts by the product of its magnitudes.

    Args:
        chroma: ``[12, F]``; pairs are counted within a frame.

    Returns:
        ``[6]``, sums to 1; a sixth each where no two sound.

    Example:
        >>> c_major_triad = np.zeros((12, 1)); c_major_triad[[0, 4, 7]] = 1
        >>> interval_classes(c_major_triad).round(2)
        array([0.  , 0.  , 0.33, 0.33, 0.33, 0.  ])
    """
    pairs = np.array([np.sum(chroma * np.roll(chroma, -interval, axis=0)) for interval in range(1, 7)])
    pairs[5] /= 2  # each tritone is met from both ends
    return _shares(pairs)


def describe_harmony(waveform: Tensor, sample_rate: int) -> Harmony:
    """The harmony of a clip or a recording.

    Args:
        waveform: ``[T]``, T ≥ 1.
        sample_rate: of it, 8,200 a second or more.

    Raises:
        InputError: there are no samples, or the sample rate is too low.
    """
    tuning = estimate_tuning(waveform, sample_rate)
    notes = note_magnitudes(waveform, sample_rate, tuning.semitones)
    return harmony_of_notes(notes, HOP_LENGTH / sample_rate, tuning)


def harmony_of_notes(notes: Floats, frame_seconds: float, tuning: Tuning) -> Harmony:
    """The harmony that magnitudes of notes show, whatever they were computed from.

    Args:
        notes: magnitude of each note from C1 to B7 over time ``[84, F]``, local maxima over frequency alone.
        frame_seconds: step between frames.
        tuning: of the sound; there is no key where its partials keep to no scale.
    """
    folded = fold_octaves(notes)
    whole, bass = folded.mean(axis=1), fold_octaves(notes[: BASS_OCTAVES * BINS]).mean(axis=1)
    vectors = _piece_means(folded, WINDOW_SECONDS / frame_seconds)
    correlations = key_correlations(vectors)
    by_tonic = correlations.max(axis=1).mean(axis=0)
    tonic, strength = int(by_tonic.argmax()), float(by_tonic.max())
    tuned = tuning.concentration >= MIN_CONCENTRATION
    fits = strength >= MIN_STRENGTH + MIN_STRENGTH_PER_ROOT / len(vectors) ** 0.5
    has_key = tuned and fits and _has_several_notes(whole)
    own = correlations.max(axis=1).argmax(axis=1)
    flat = np.full(BINS, 1 / BINS)
    return Harmony(
        key=_key(tonic if has_key else None, key_correlations(whole)[:, tonic], strength),
        windows=tuple(
            _key(tonic if has_key and _has_several_notes(vector) else None, each[:, tonic], float(each[:, tonic].max()))
            for each, vector in zip(correlations, vectors, strict=True)
        ),
        continuity=float((own == tonic).mean()) if has_key else 0.0,
        profile=np.roll(_shares(whole), -tonic) if has_key else flat,
        bass_profile=np.roll(_shares(bass), -tonic) if has_key else flat,
        interval_classes=interval_classes(folded),
        correlations=np.array([key_correlations(whole, name)[:, tonic] for name in PROFILES]),
        contrast=_contrast(whole),
        change=_change(_piece_means(folded, 0.5 / frame_seconds)),
        tuning=tuning,
    )


def estimate_tuning(waveform: Tensor, sample_rate: int) -> Tuning:
    """The tuning of a recording, by the peaks of its spectrogram between 100 and 2,000 Hz.

    Circular mean of the peaks' deviations from the tempered scale, weighted by magnitude. A peak lies at the vertex of
    the parabola through the log magnitudes beside it (Smith & Serra 1987, PARSHL).

    Args:
        waveform: ``[T]``.
        sample_rate: of it.

    Example:
        >>> flat = torch.sin(2 * torch.pi * 440 * 2 ** (-0.3 / 12) * torch.arange(22_050) / 22_050)
        >>> estimate_tuning(flat, 22_050).semitones
        -0.3
    """
    frames = torch.nn.functional.pad(waveform.float(), (N_FFT // 2, N_FFT // 2)).unfold(0, N_FFT, N_FFT)
    spectrum = torch.fft.rfft(frames * torch.hann_window(N_FFT)).abs().double().cpu().numpy()
    first, last = round(100 * N_FFT / sample_rate), round(2_000 * N_FFT / sample_rate)
    peak, below, above = (spectrum[:, first + step : last + step] for step in (0, -1, 1))
    row, column = np.nonzero((peak > below) & (peak >= above) & (peak > max(0.01 * spectrum.max(), 1e-8)))
    if not len(row):
        return Tuning(0.0, 0.0)
    weight = peak[row, column]
    left, middle, right = (np.log(part[row, column] + 1e-12) for part in (below, peak, above))
    offset = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-12)
    semitones = BINS * np.log2((column + first + offset) * sample_rate / N_FFT / 440)
    mean = np.sum(weight * np.exp(2j * np.pi * semitones)) / weight.sum()
    concentration = float(np.abs(mean))
    tenths = round(float(np.angle(mean)) / (2 * np.pi) * 10)
    return Tuning(tenths / 10 if concentration >= MIN_CONCENTRATION else 0.0, concentration)


@lru_cache(maxsize=len(PROFILES))
def _key_profiles(name: str) -> Floats:
    """The profiles of the 24 keys ``[2, 12, 12]``, standardised."""
    return _standardised(np.array([[np.roll(of_mode, tonic) for tonic in range(BINS)] for of_mode in PROFILES[name]]))


def _key(tonic: int | None, by_mode: Floats, strength: float) -> Key:
    """The key of ``tonic`` in the mode of the higher correlation ``[2]``."""
    if tonic is None:
        return Key(None, None, strength)
    return Key(tonic, "major" if by_mode[0] >= by_mode[1] else "minor", strength)


def _has_several_notes(chroma: Floats) -> bool:
    """Whether pitch classes ``[12]`` sound unlike each other, but more than one or two of them."""
    shares = _shares(chroma)
    classes = float(np.exp(-np.sum(shares * np.log(np.maximum(shares, 1e-12)))))
    return _contrast(chroma) >= MIN_CONTRAST and classes >= MIN_CLASSES


def _contrast(chroma: Floats) -> float:
    mean = float(chroma.mean())
    return float(chroma.std()) / mean if mean > 0 else 0.0


def _shares(values: Floats) -> Floats:
    """Values over their sum; all equal where that is 0."""
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), 1 / len(values))


def _standardised(values: Floats) -> Floats:
    """Less the mean and over the norm, along the last axis; 0 where all are equal."""
    centred = values - values.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 1e-9)


def _piece_means(chroma: Floats, frames: float) -> Floats:
    """Mean chroma of equal pieces of about ``frames`` frames each: ``[pieces, 12]``."""
    pieces = max(1, round(chroma.shape[1] / frames))
    return np.array([part.mean(axis=1) for part in np.array_split(chroma, pieces, axis=1)])


def _change(vectors: Floats) -> float:
    """1 - cosine of successive vectors ``[N, 12]``, mean over those that sound; 0 where fewer than two do."""
    norm = np.linalg.norm(vectors, axis=1)
    unit = vectors[norm > 0] / norm[norm > 0, None]
    return float(np.mean(1 - np.sum(unit[1:] * unit[:-1], axis=1))) if len(unit) > 1 else 0.0
