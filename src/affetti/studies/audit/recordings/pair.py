"""How alike two recordings are: log-mels as the study correlates them, notes, level, and where a regressor puts them.

The study compares two recordings by Pearson's r of all cells of their log-mels. Every spectrogram of music is loud at
the bottom and quiet at the top, so that unrelated recordings have a high r too. Beside r stand therefore the same r of
the two recordings shifted against each other, and r after each band's mean is taken out.

Both are resampled to the front-end's rate and aligned at their beginnings; of the time that both have, the middle is
compared. Cells are compared one by one; a delay between the recordings lowers r, and ``correlation_aligned`` allows for
one second of it. Chroma is of :mod:`affetti.signal.harmony`.

When not to use: to find covers or copies; two performances of a piece differ in tempo.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.errors import InputError
from affetti.inference.window_regressors import WindowRegressor
from affetti.presets import FrontEnd
from affetti.signal.front_ends import spectrogram
from affetti.signal.harmony import chroma
from affetti.signal.loudness import loudness
from affetti.studies.audit.recordings.excerpt import Excerpt, Recording, middle, predict_emotion
from affetti.studies.audit.recordings.result import PairedRecording, PairSimilarity
from affetti.studies.audit.recordings.stages import save_sound
from affetti.studies.audit.resynthesis import similarity

Floats = NDArray[np.floating]
MAX_LAG = 1.0
"""Seconds by which the second recording is moved at most."""
SHIFTS = (0.25, 0.5, 0.75)
"""Of the length: where only the spectra agree."""
MIN_CHROMA_SECONDS = 2.0
"""Seconds below which the longest kernels of the chroma do not fit."""
CHROMA_HOP_SECONDS = 0.25
"""Seconds over which chroma is averaged: which note sounds, not when exactly it begins."""


def same_part(first: Recording, second: Recording, front: FrontEnd, seconds: float) -> tuple[Excerpt, Excerpt]:
    """The same part of two recordings: the middle of as much as both have, counted from their beginnings.

    Raises:
        InputError: that part of one of them is silent.
    """
    both = min(len(first.waveform), len(second.waveform))
    return middle(first, front, seconds, both), middle(second, front, seconds, both)


@torch.inference_mode()
def compare_waveforms(
    first: torch.Tensor, second: torch.Tensor, front: FrontEnd
) -> tuple[PairSimilarity, tuple[str, ...]]:
    """How alike two waveforms ``[T]`` are, without predictions; and what could not be measured, with the reason."""
    analyse, rate = spectrogram(front), front.sample_rate
    a, b = (analyse(wave).double().numpy() for wave in (first, second))
    power = tuple(10.0 ** (mel / 10.0) for mel in (a, b))
    r, shifted = _correlation(a, b), [_correlation(a, np.roll(b, round(s * b.shape[1]), axis=1)) for s in SHIFTS]
    known = [value for value in shifted if value is not None]
    aligned, lag = _aligned(a, b, round(MAX_LAG * rate / front.hop_length))
    notes: list[str] = []
    same, transposed, semitones = _chroma(first, second, rate, notes)
    levels = [loudness(wave, rate) for wave in (first, second)]
    return PairSimilarity(
        correlation=r,
        correlation_shifted=float(np.mean(known)) if known else None,
        correlation_in_time=_correlation(*(mel - mel.mean(axis=1, keepdims=True) for mel in (a, b))),
        correlation_aligned=aligned,
        lag=None if lag is None else lag * front.hop_length / rate,
        distance=similarity.distance_db(a, b),
        spectrum_difference=similarity.spectrum_difference(*power),
        chroma=same,
        chroma_transposed=transposed,
        transposition=semitones,
        level_difference=float(levels[1] - levels[0]) if np.isfinite(levels).all() else None,
        level=_correlation(*(10.0 * np.log10(np.maximum(p.sum(axis=0), 1e-10)) for p in power)),
        valence_difference=None,
        arousal_difference=None,
    ), tuple(notes)


def describe(
    excerpt: Excerpt, front: FrontEnd, regressor: WindowRegressor | None, folder: Path | None, name: str
) -> PairedRecording:
    """One recording of a pair, of which the excerpt is compared; the sound is filed in ``folder`` as ``name``."""
    return PairedRecording(
        path=str(excerpt.path),
        file_rate=excerpt.file_rate,
        recording_seconds=excerpt.recording_seconds,
        loudness=excerpt.loudness,
        emotion=predict_emotion(regressor, excerpt.waveform, front.sample_rate),
        sound=None if folder is None else save_sound(folder, name, excerpt.waveform, front.sample_rate),
    )


def differences(first: Excerpt, second: Excerpt, front: FrontEnd) -> list[str]:
    """What differs between two files and was evened out: their rates, their lengths; a sentence each."""
    notes: list[str] = []
    if first.file_rate != second.file_rate:
        rates = f"{first.file_rate:,} and {second.file_rate:,}"
        notes.append(f"Files of {rates} samples a second: both were compared at {front.sample_rate:,}.")
    lengths = [it.recording_seconds for it in (first, second)]
    if abs(lengths[0] - lengths[1]) > front.hop_length / front.sample_rate:
        seconds = len(first.waveform) / front.sample_rate
        notes.append(
            f"Recordings of {lengths[0]:.1f} and {lengths[1]:.1f} s: {seconds:.1f} s of both were compared, from "
            f"{first.start:.1f} s on."
        )
    return notes


def _correlation(a: Floats, b: Floats) -> float | None:
    """Pearson's r of all values; None where one side is constant."""
    try:
        return metrics.pearson(a.ravel(), b.ravel())
    except InputError:
        return None


def _aligned(a: Floats, b: Floats, most: int) -> tuple[float | None, int | None]:
    """The largest r over lags of up to ``most`` frames, and the lag: positive where ``b`` is later."""
    frames = a.shape[1]
    best: tuple[float | None, int | None] = None, None
    # Half of the frames must remain: of a few, r is high by chance.
    most = min(most, frames // 2)
    for lag in sorted(range(-most, most + 1), key=abs):
        overlap = frames - abs(lag)
        left, right = (a[:, :overlap], b[:, lag:]) if lag >= 0 else (a[:, -lag:], b[:, :overlap])
        r = _correlation(left, right)
        if r is not None and (best[0] is None or r > best[0]):
            best = r, lag
    return best


def _chroma(
    first: torch.Tensor, second: torch.Tensor, rate: int, notes: list[str]
) -> tuple[float | None, float | None, int | None]:
    """R of the chromagrams, the largest after a transposition, and that transposition; reasons go to ``notes``."""
    if len(first) < MIN_CHROMA_SECONDS * rate:
        notes.append(f"Chroma needs {MIN_CHROMA_SECONDS:g} s: not measurable in {len(first) / rate:.1f} s.")
        return None, None, None
    a, b = (_averaged(chroma(wave, rate), len(wave) / rate) for wave in (first, second))
    by_shift = {shift: _correlation(a, np.roll(b, -shift, axis=0)) for shift in sorted(range(-5, 7), key=abs)}
    known = {shift: r for shift, r in by_shift.items() if r is not None}
    if not known:
        notes.append("Chroma: in one of the recordings no note sounds.")
        return None, None, None
    shift = max(known, key=lambda each: known[each])
    return by_shift[0], known[shift], shift


def _averaged(chromagram: Floats, seconds: float) -> Floats:
    """Chroma ``[12, N]`` over pieces of :data:`CHROMA_HOP_SECONDS`, each frame scaled to its strongest class."""
    strongest = np.maximum(chromagram.max(axis=0, keepdims=True), 1e-3 * max(float(chromagram.max()), 1e-12))
    pieces = max(1, round(seconds / CHROMA_HOP_SECONDS))
    return np.stack([part.mean(axis=1) for part in np.array_split(chromagram / strongest, pieces, axis=1)], axis=1)
