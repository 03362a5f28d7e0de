"""Log-mel spectrograms.

Conventions are librosa's: centred frames (1 + floor(T / hop_length) of them, zero-padded), periodic Hann window,
power spectrogram, Slaney mel scale with Slaney (area) normalisation, dB with reference 1.0 and ``top_db`` below the
maximum of the array at hand. :class:`MelSpectrogram` equals ``librosa.power_to_db(librosa.feature.melspectrogram(…))``
within 1e-3 dB; a test holds it to that.

The way back to magnitudes is :mod:`affetti.signal.inversion`; what mel and other bands share is in
:mod:`affetti.signal.front_ends`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.errors import InputError
from affetti.presets import FrontEnd, MelFrontEnd, mel_front_end

AMIN = 1e-10
"""Smallest power: -100 dB."""
SILENCE_DB = -60.0
"""A log-mel is silent if no value reaches this; see also :func:`affetti.signal.front_ends.silence_db`. White noise that
reaches ±:data:`affetti.signal.audio.SILENCE` has a maximum of -58 dB; music with that peak has more, since its sound
lies in fewer bands; 16-bit dither has -69 dB."""
LEVEL_TOLERANCE_DB = 1.0
"""A log-mel whose values all lie within this range is silent: no sound is as loud in all bands and frames."""
EDGE_FRAMES = 3
"""Frames at either end in which a constant waveform sounds, since it is padded with zeros there."""
COARSE_BANDS = 8
"""Every 8th band is enough to show that nearly all clips are not silent."""
FRAMES_PER_BLOCK = 128
"""Frames analysed at a time: their spectra stay in the processor's cache, which doubles the speed."""


def hz_to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Slaney's mel scale: linear below 1 kHz (200/3 Hz a mel), logarithmic above (Auditory Toolbox, 1998)."""
    hz = np.asarray(hz, dtype=np.float64)
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, 15.0 + np.log(np.maximum(hz, 1.0) / 1000.0) * 27.0 / np.log(6.4))


def mel_to_hz(mel: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The inverse of :func:`hz_to_mel`."""
    mel = np.asarray(mel, dtype=np.float64)
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0))


@lru_cache(maxsize=16)
def mel_filters(front: MelFrontEnd) -> NDArray[np.float64]:
    """Triangular mel filters ``[M, n_fft/2 + 1]``, each of unit area in Hz (Slaney)."""
    bins = np.linspace(0.0, front.sample_rate / 2, 1 + front.n_fft // 2)
    edges = mel_to_hz(np.linspace(hz_to_mel(front.f_min), hz_to_mel(front.f_max), front.n_mels + 2))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0.0) * 2.0 / (high - low)


class MelSpectrogram(nn.Module):
    """Waveform to log-mel in dB.

    Shape:
        - input ``[*, T]``, a waveform of any length ≥ 1
        - output ``[*, M, F]``, F = 1 + floor(T / hop_length), dB; float32
    """

    filters: Tensor
    window: Tensor

    def __init__(self, front: MelFrontEnd) -> None:
        super().__init__()
        self.front = front
        filters = mel_filters(front)
        covered = np.flatnonzero(filters.any(axis=0))
        self.bins = slice(int(covered[0]), int(covered[-1]) + 1)
        self.register_buffer("filters", torch.from_numpy(filters[:, self.bins].T.copy()).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(front.n_fft, dtype=torch.float64).float(), persistent=False)

    @classmethod
    def from_preset(cls, preset: str) -> MelSpectrogram:
        """The front-end of a named preset: ``tiny``, ``paper``, ``paper45``, ``full-band``."""
        return cls(mel_front_end(preset))

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the log-mel; see the class for shapes."""
        frames = _frames(waveform, self.front)
        power = frames.new_empty(len(frames), self.front.n_mels, frames.shape[1])
        for at in range(0, frames.shape[1], FRAMES_PER_BLOCK):
            power[..., at : at + FRAMES_PER_BLOCK] = self._power(frames[:, at : at + FRAMES_PER_BLOCK]).transpose(1, 2)
        log_mel = power_to_db(power, self.front.top_db)
        return log_mel.reshape(*waveform.shape[:-1], *log_mel.shape[-2:])

    def _power(self, frames: Tensor) -> Tensor:
        """Power ``[B, F, M]`` in the bands, of frames ``[B, F, n_fft]``."""
        spectrum = torch.fft.rfft(frames * self.window)[..., self.bins]
        return (spectrum.real.square() + spectrum.imag.square()) @ self.filters


def stft(waveform: Tensor, front: FrontEnd, window: Tensor | None = None) -> Tensor:
    """Centred, zero-padded STFT of ``[*, T]``, complex ``[*, n_fft/2 + 1, F]``: the linear spectrum of a front-end."""
    if window is None:
        window = torch.hann_window(front.linear_n_fft, device=waveform.device)
    spectrum = torch.fft.rfft(_frames(waveform, front) * window).transpose(1, 2)
    return spectrum.reshape(*waveform.shape[:-1], *spectrum.shape[-2:])


def _frames(waveform: Tensor, front: FrontEnd) -> Tensor:
    """The frames ``[B, F, n_fft]`` of ``[*, T]``, centred, zero-padded; they share their samples."""
    if waveform.ndim < 1 or waveform.shape[-1] < 1:
        raise InputError(f"a waveform of shape {tuple(waveform.shape)}", hint="give at least one sample, shape [*, T]")
    flat, n_fft = waveform.reshape(-1, waveform.shape[-1]).float(), front.linear_n_fft
    return nn.functional.pad(flat, (n_fft // 2, n_fft // 2)).unfold(1, n_fft, front.hop_length)


def power_to_db(power: Tensor, top_db: float | None) -> Tensor:
    """10·log₁₀ of a power, floored at :data:`AMIN` and at ``top_db`` under each item's maximum over (M, F)."""
    db = 10.0 * torch.log10(power.clamp_min(AMIN))
    if top_db is None:
        return db
    return torch.maximum(db, db.amax(dim=(-2, -1), keepdim=True) - top_db)


def is_silent_mel(mel: NDArray[np.floating], threshold: float = SILENCE_DB) -> bool:
    """Whether a log-mel ``[M, F]`` in dB, reference 1, is of silence: too quiet, or one level throughout.

    It is :func:`affetti.signal.audio.is_silent` as far as a log-mel shows it. Music up to 20 dB under that threshold
    may count as sound. A lone click near the threshold, or sound in the first or last :data:`EDGE_FRAMES` frames alone,
    counts as silence. False where a value is not a number.

    Example:
        >>> is_silent_mel(np.full((64, 128), -100.0)), is_silent_mel(np.linspace(-80, 0, 64)[:, None].repeat(128, 1))
        (True, False)
    """
    inner = slice(EDGE_FRAMES, -EDGE_FRAMES) if mel.shape[1] > 4 * EDGE_FRAMES else slice(None)
    coarse = np.asarray(mel[::COARSE_BANDS], dtype=np.float32)
    if not _is_quiet(coarse, inner, threshold):
        return False
    return _is_quiet(np.asarray(mel, dtype=np.float32), inner, threshold)


def _is_quiet(mel: NDArray[np.float32], inner: slice, threshold: float) -> bool:
    return bool(mel.max() < threshold or np.ptp(mel[:, inner]) < LEVEL_TOLERANCE_DB)
