"""The chain from sound to latent: at each step the integers that say all of it, and the sound that comes back.

=============  =========================================================================================================
waveform       samples in 16 bits
stft           real and imaginary parts, in the step of :func:`spectral_step`; inverse STFT
magnitude      moduli in the same step; back by fast Griffin-Lim
mel            root mean square magnitude in each band, the same step; from here on back by mel inversion, then as above
log_mel        dB in float16, as a corpus keeps it
quantised      dB in whole decibels
bands_64       64 bands in whole decibels; ``bands_32`` 32
patches        the latents of :func:`fit_latents`
latent
=============  =========================================================================================================

Integers and sound belong together: what is counted is what is inverted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import FrontEnd, with_mel_bands
from affetti.signal.front_ends import band_filters, spectrogram
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import AMIN, MelSpectrogram, stft
from affetti.signal.phase import griffin_lim
from affetti.studies.audit.codec.entropy import PCM_STEP, Integers, spectral_step
from affetti.studies.audit.codec.latents import (
    NUMBERS_PER_PATCH,
    NUMBERS_PER_SECOND,
    PATCH_SIZE,
    Latent,
    frames_per_second,
)

STAGES: dict[str, str] = {
    "waveform": "waveform, 16 bits",
    "stft": "complex STFT",
    "magnitude": "STFT magnitude",
    "mel": "mel bands",
    "log_mel": "log-mel, float16",
    "quantised": "log-mel, whole dB",
    "bands_64": "64 bands, whole dB",
    "bands_32": "32 bands, whole dB",
    "patches": "patch latent",
    "latent": "latent, 12 numbers a second",
}
"""Name and words of each step, in order."""
MEL_STAGES = tuple(STAGES)[3:]
"""Steps that depend on the bands."""
REDUCED_BANDS = {"bands_64": 64, "bands_32": 32}


@dataclass(frozen=True)
class Stage:
    """What one step makes of a sound."""

    name: str
    codes: Integers
    """Integers ``[K, F]``."""
    sound: Tensor
    """What comes back, ``[T]``."""


def numbers_per_second(name: str, front: FrontEnd) -> float:
    """Numbers a second of a step; a complex number is two."""
    frames = front.sample_rate / front.hop_length
    bins = 1 + front.linear_n_fft // 2
    return {
        "waveform": float(front.sample_rate),
        "stft": 2.0 * bins * frames,
        "magnitude": bins * frames,
        "patches": NUMBERS_PER_PATCH / PATCH_SIZE**2 * front.n_bands * frames,
        "latent": NUMBERS_PER_SECOND * frames / frames_per_second(front),
    }.get(name, REDUCED_BANDS.get(name, front.n_bands) * frames)


def spectral_stages(waveform: Tensor, front: FrontEnd) -> Iterator[Stage]:
    """The steps that do not depend on the bands.

    Args:
        waveform: ``[T]``, T a multiple of the hop.
        front: the front-end; its hop is at most a quarter of the window.
    """
    samples = torch.round(waveform / PCM_STEP)
    yield Stage("waveform", _integers(samples[None]), samples * PCM_STEP)
    spectrum, step = stft(waveform, front), spectral_step(front)
    parts = torch.round(torch.view_as_real(spectrum) / step)
    inverse = torch.istft(
        torch.view_as_complex(parts * step),
        front.linear_n_fft,
        front.hop_length,
        window=torch.hann_window(front.linear_n_fft),
        length=len(waveform),
    )
    yield Stage("stft", _integers(parts.permute(2, 0, 1).flatten(0, 1)), inverse)
    moduli = torch.round(spectrum.abs() / step)
    yield Stage("magnitude", _integers(moduli), griffin_lim(moduli * step, hop_length=front.hop_length))


def mel_stages(waveform: Tensor, front: FrontEnd, latents: Mapping[str, Latent]) -> Iterator[Stage]:
    """The steps from mel bands on; see :func:`spectral_stages`."""
    area = torch.from_numpy(band_filters(front).sum(axis=1)).float()[:, None].clamp_min(AMIN)
    filters, step = torch.from_numpy(band_filters(front)).float(), spectral_step(front)
    root = torch.round((filters @ stft(waveform, front).abs().square() / area).sqrt() / step)
    yield Stage(
        "mel", _integers(root), resynthesise(10.0 * torch.log10(((root * step).square() * area).clamp_min(AMIN)), front)
    )
    log_mel = spectrogram(front)(waveform)
    kept = log_mel.numpy().astype(np.float16)
    yield Stage("log_mel", ordered_integers(kept), resynthesise(torch.from_numpy(kept.astype(np.float32)), front))
    yield Stage("quantised", _integers(log_mel.round()), resynthesise(log_mel.round(), front))
    for name, bands in REDUCED_BANDS.items():
        fewer = with_mel_bands(front, bands)
        rounded = MelSpectrogram(fewer)(waveform).round()
        yield Stage(name, _integers(rounded), resynthesise(rounded, fewer))
    for name, latent in latents.items():
        codes = latent.encode(log_mel.numpy())
        yield Stage(name, codes, resynthesise(torch.from_numpy(latent.decode(codes, log_mel.shape[1])), front))


def resynthesise(log_mel: Tensor, front: FrontEnd) -> Tensor:
    """The sound ``[T]`` of a log-mel ``[M, F]``, by mel inversion and fast Griffin-Lim."""
    return griffin_lim(invert_mel(log_mel, front), hop_length=front.hop_length)


def ordered_integers(values: NDArray[np.float16]) -> Integers:
    """The bits of float16 as integers that follow the order of the numbers."""
    bits = values.view(np.int16).astype(np.int32)
    return np.where(bits < 0, -(bits & 0x7FFF), bits).astype(np.int32)


def _integers(values: Tensor) -> Integers:
    return values.numpy().astype(np.int32)
