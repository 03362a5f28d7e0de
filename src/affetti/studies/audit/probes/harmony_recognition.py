"""How much of the composer's harmony is recognised from each representation of composed songs, in all twelve keys.

Recognition is the same for all (:func:`affetti.signal.harmony.harmony_of_notes`); what differs is which notes a
representation shows (:mod:`~affetti.studies.audit.codec.notes`):

- *tonic*: whether that of the whole song is the composer's; a song in which no key is recognised counts as wrong;
- *mode*: of each section, the better one at the composer's tonic;
- *chord*: of each bar with a triad, the one of 24 whose pitch classes go best with the bar's chroma;
- *chroma*: correlation of the twelve pitch classes, in pieces of about a second, with how long notes of each sound in
  the score.

When not to use: as what a network can learn from a representation, see :mod:`~affetti.studies.audit.codec.notes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import compose
from affetti.progress import Progress
from affetti.signal.harmony import Tuning, fold_octaves, harmony_of_notes, key_correlations
from affetti.signal.mel import stft
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.latents import Latent, fit_latents
from affetti.studies.audit.codec.notes import (
    FRONT_END,
    HOP_SECONDS,
    REPRESENTATIONS,
    log_mel_of,
    pieces_of,
    representations_of,
)
from affetti.studies.audit.counterfactuals.harmony_truth import TRIADS, HarmonyTruth, score_chroma
from affetti.studies.audit.probes.linear_probe import Floats

MEASURES: dict[str, tuple[str, str]] = {
    "tonic": ("songs whose tonic is recognised", "%"),
    "mode": ("sections whose mode is recognised", "%"),
    "chord": ("bars whose chord is recognised", "%"),
    "chroma": ("correlation of chroma with the score", ""),
}
"""Beginning of the measurements' names, their words and units."""
IN_TUNE = Tuning(0.0, 1.0)
"""Composed songs are; a log-mel does not show it."""


def harmony_recognition(songs: Sequence[compose.Song], progress: Progress) -> list[Measurement]:
    """Every measure of every representation; intervals resample songs."""
    waves = [torch.from_numpy(compose.render(song, FRONT_END.sample_rate)) for song in songs]
    fitted = _latents(waves)
    values: dict[str, dict[str, list[float]]] = {name: {m: [] for m in MEASURES} for name in REPRESENTATIONS}
    for done, (song, wave) in enumerate(zip(songs, waves, strict=True)):
        progress("harmony, composed songs", done, len(songs))
        for name, notes in representations_of(wave, latents=fitted[done % 2]):
            for measure, value in recognised(song, notes).items():
                values[name][measure].append(value)
    ids = np.array([song.song_id for song in songs])
    return [
        Measurement.of_mean(f"{measure}_{name}", f"{words}: {label}", values[name][measure], songs=ids, unit=unit)
        if values[name][measure]
        else Measurement.missing(f"{measure}_{name}", f"{words}: {label}", "more composed songs to fit it to", unit)
        for measure, (label, unit) in MEASURES.items()
        for name, words in REPRESENTATIONS.items()
    ]


def recognised(song: compose.Song, notes: Floats) -> dict[str, float]:
    """What is right about one song, by measure; a share that is of nothing is NaN.

    Args:
        song: as composed.
        notes: magnitudes of its notes ``[84, F]``, :data:`HOP_SECONDS` apart.
    """
    truth = HarmonyTruth.of(song)
    chroma = fold_octaves(notes)
    key = harmony_of_notes(notes, HOP_SECONDS, IN_TUNE).key
    by_mode = [key_correlations(_mean(chroma, at.start, at.stop))[:, truth.tonic] for at in truth.passages]
    modes = [
        float((major >= minor) == (passage.mode == "major"))
        for (major, minor), passage in zip(by_mode, truth.passages, strict=True)
    ]
    chords = [float(best_triad(_mean(chroma, at.start, at.stop)) == at.triad) for at in truth.chords]
    return {
        "tonic": 100.0 * (key.tonic == truth.tonic),
        "mode": 100.0 * float(np.mean(modes)),
        "chord": 100.0 * float(np.mean(chords)) if chords else float("nan"),
        "chroma": _chroma_correlation(song, chroma),
    }


def best_triad(chroma: Floats) -> int:
    """Row of :data:`TRIADS` that goes best with pitch classes ``[12]``; of silence the first."""
    centred = TRIADS - TRIADS.mean(axis=1, keepdims=True)
    return int((centred @ chroma).argmax())


def _chroma_correlation(song: compose.Song, chroma: Floats) -> float:
    frames = chroma.shape[1]
    seconds = frames * HOP_SECONDS
    pieces = max(1, round(seconds))
    starts = np.arange(pieces) * frames // pieces
    ours = np.add.reduceat(chroma, starts, axis=1)
    theirs = score_chroma(song, seconds, pieces)
    both = (ours.std(axis=0) > 0) & (theirs.std(axis=0) > 0)
    if not both.any():
        return float("nan")
    pairs = zip(ours[:, both].T, theirs[:, both].T, strict=True)
    return float(np.mean([np.corrcoef(mine, true)[0, 1] for mine, true in pairs]))


def _mean(chroma: Floats, start: float, stop: float) -> Floats:
    """Mean chroma ``[12]`` of the frames from ``start`` to ``stop`` seconds."""
    first, last = min(round(start / HOP_SECONDS), chroma.shape[1] - 1), round(stop / HOP_SECONDS)
    return chroma[:, first : max(first + 1, last)].mean(axis=1)


def _latents(waves: Sequence[torch.Tensor]) -> tuple[dict[str, Latent], dict[str, Latent]]:
    """Latents for songs of even and of odd number, fitted to the others."""
    pieces: list[NDArray[np.float32]] = [pieces_of(log_mel_of(stft(wave, FRONT_END).abs().square())) for wave in waves]
    if len(pieces) < 2:
        return {}, {}
    of_even, of_odd = (fit_latents(np.concatenate(pieces[first::2]), FRONT_END) for first in (0, 1))
    return of_odd, of_even
