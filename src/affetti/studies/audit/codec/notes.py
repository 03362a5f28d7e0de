"""Notes as a representation shows them: magnitudes of C1 to B7 from a constant-Q transform, STFT, bands or a latent.

All but the constant-Q transform (:func:`affetti.signal.harmony.note_magnitudes`) are read in one way: a note's
magnitude is the mean of magnitudes over frequency, linear between bins or bands, weighted by a triangle of a semitone
to either side; of these only local maxima count. Mel bands are root mean squares over their triangle, so that a band
counts as a bin of its width. STFT and bands are at the preset ``paper`` (2,048 samples a frame); latents are decoded to
128 bands first.

Latents code pieces of six seconds, one after the other.

When not to use: as the most that a representation holds. A regressor may infer notes from overtones and their course in
time; this shows what adding up what is there gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import FrontEnd, MelFrontEnd, mel_front_end
from affetti.signal.constant_q import BINS, C1
from affetti.signal.front_ends import band_frequencies
from affetti.signal.harmony import HOP_LENGTH, OCTAVES, local_maxima, note_magnitudes
from affetti.signal.mel import mel_filters, power_to_db, stft
from affetti.studies.audit.codec.latents import Latent

Floats = NDArray[np.float64]
FRONT_END = mel_front_end("paper")
REPRESENTATIONS: dict[str, str] = {
    "cqt": "constant-Q transform",
    "stft": "STFT of 2,048 samples",
    "mel_256": "256 mel bands",
    "mel_128": "128 mel bands",
    "mel_64": "64 mel bands",
    "patches": "patch latent",
    "latent": "latent, 12 numbers a second",
}
"""Name and words of each, from the finest to the coarsest."""
BANDS = {"mel_256": 256, "mel_128": 128, "mel_64": 64}
LATENTS = ("patches", "latent")
OFFSETS: Floats = np.linspace(-1.0, 1.0, 17)[1:-1]
"""Semitones from a note at which magnitudes are looked up, weighted by 1 - |offset|."""
PIECE_FRAMES = 258
"""Frames of a piece that latents code: six seconds."""
HOP_SECONDS = HOP_LENGTH / FRONT_END.sample_rate
"""Step between frames of every representation here."""


def representations_of(
    waveform: Tensor,
    names: Sequence[str] = tuple(REPRESENTATIONS),
    latents: Mapping[str, Latent] | None = None,
    tuning: float = 0.0,
) -> Iterator[tuple[str, Floats]]:
    """Notes ``[84, F]`` of a waveform ``[T]`` at 22,050 Hz as each representation shows them.

    Args:
        waveform: ``[T]``, T ≥ 2,048.
        names: of :data:`REPRESENTATIONS`.
        latents: fitted to log-mels of 128 bands of other songs; a latent that is not here is left out.
        tuning: of A4 against 440 Hz, semitones.
    """
    if "cqt" in names:
        yield "cqt", note_magnitudes(waveform, FRONT_END.sample_rate, tuning)
    if set(names) <= {"cqt"}:
        return
    power = stft(waveform, FRONT_END).abs().square()
    step = HOP_LENGTH // FRONT_END.hop_length
    if "stft" in names:
        hertz = np.arange(1 + FRONT_END.n_fft // 2) * FRONT_END.sample_rate / FRONT_END.n_fft
        yield "stft", notes_of_spectrum(power[:, ::step].sqrt().double().numpy(), hertz, tuning)
    for name, bands in BANDS.items():
        if name in names:
            yield name, notes_of_bands(_band_power(power[:, ::step], bands), band_front_end(bands), tuning)
    if latents:
        pieces = pieces_of(log_mel_of(power))
        for name in LATENTS:
            if name in names and name in latents:
                coder = latents[name]
                decoded = np.concatenate([coder.decode(coder.encode(piece), PIECE_FRAMES) for piece in pieces], axis=1)
                yield name, notes_of_log_mel(decoded[:, : power.shape[1] : step], FRONT_END, tuning)


def notes_of_log_mel(log_mel: NDArray[np.floating], front: FrontEnd, tuning: float = 0.0) -> Floats:
    """Notes ``[84, F]`` of a log-mel ``[M, F]`` in dB."""
    return notes_of_bands(10.0 ** (log_mel.astype(np.float64) / 10.0), front, tuning)


def notes_of_bands(power: Floats, front: FrontEnd, tuning: float = 0.0) -> Floats:
    """Notes ``[84, F]`` of the power in bands ``[M, F]``; mel bands that hold no bin are left out."""
    if not isinstance(front, MelFrontEnd):
        return notes_of_spectrum(np.sqrt(power), band_frequencies(front), tuning)
    filters = mel_filters(front)
    area = filters.sum(axis=1)
    hertz = np.arange(filters.shape[1]) * front.sample_rate / front.n_fft
    reached = area > 0
    centres = filters[reached] @ hertz / area[reached]
    return notes_of_spectrum(np.sqrt(power[reached] / area[reached, None]), centres, tuning)


def notes_of_spectrum(magnitude: Floats, hertz: Floats, tuning: float = 0.0) -> Floats:
    """Notes ``[84, F]`` of magnitudes ``[K, F]`` at rising frequencies ``[K]``, Hz; those out of range are 0.

    Example:
        >>> hertz = np.linspace(0, 11_025, 1_025)
        >>> int(notes_of_spectrum(np.exp(-((hertz - 440) ** 2) / 100)[:, None], hertz).argmax()) - 3 * 12
        9
    """
    return local_maxima(note_weights(tuple(np.asarray(hertz, dtype=np.float64).tolist()), round(tuning, 2)) @ magnitude)


def band_front_end(bands: int) -> MelFrontEnd:
    """The preset ``paper`` with so many bands."""
    return replace(FRONT_END, n_mels=bands)


def log_mel_of(power: Tensor) -> NDArray[np.float32]:
    """The log-mel ``[128, F]`` of an STFT's power."""
    return power_to_db(_filters(FRONT_END.n_mels) @ power, FRONT_END.top_db).numpy()


def pieces_of(log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A log-mel ``[M, F]`` in pieces ``[P, M, 258]`` that latents code; the last is filled by repeating its end."""
    count = -(-log_mel.shape[1] // PIECE_FRAMES)
    padded = np.pad(log_mel, ((0, 0), (0, count * PIECE_FRAMES - log_mel.shape[1])), mode="edge")
    return padded.reshape(len(log_mel), count, PIECE_FRAMES).swapaxes(0, 1)


def _band_power(power: Tensor, bands: int) -> Floats:
    return (_filters(bands) @ power).double().numpy()


@lru_cache(maxsize=8)
def _filters(bands: int) -> Tensor:
    return torch.from_numpy(mel_filters(band_front_end(bands))).float()


@lru_cache(maxsize=64)
def note_weights(hertz: tuple[float, ...], tuning: float) -> Floats:
    """What each bin at rising frequencies ``[K]``, Hz, weighs in each note ``[84, K]``; rows in range sum to 1."""
    at = C1 * 2.0 ** ((np.arange(BINS * OCTAVES)[:, None] + OFFSETS + tuning) / BINS)
    grid = np.array(hertz)
    right = np.clip(np.searchsorted(grid, at), 1, len(grid) - 1)
    part = (at - grid[right - 1]) / (grid[right] - grid[right - 1])
    weight = np.where((at >= grid[0]) & (at <= grid[-1]), 1.0 - np.abs(OFFSETS), 0.0)
    weight = weight / (1.0 - np.abs(OFFSETS)).sum()
    matrix = np.zeros((len(at), len(grid)))
    note = np.broadcast_to(np.arange(len(at))[:, None], at.shape)
    np.add.at(matrix, (note, right - 1), weight * (1.0 - part))
    np.add.at(matrix, (note, right), weight * part)
    return matrix
