"""The rungs between real music and noise: the same clips after a representation has been through them.

Each rung takes clips and gives log-mels at the corpus' own front-end, so that one score compares all. What has bands of
its own becomes sound first (mel inversion, fast Griffin-Lim) and is then analysed again: a rung holds what its
representation loses and what the way back to sound loses, never less than the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.models.generators.patch_pca import PatchPCA
from affetti.presets import with_mel_bands
from affetti.signal.mel import MelSpectrogram, stft
from affetti.signal.phase import griffin_lim
from affetti.signal.vocoder import GriffinLim
from affetti.studies.audit.codec.entropy import spectral_step
from affetti.studies.audit.codec.latents import SecondLatent
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.resynthesis.band_scales import BandScale, through_bands

LogMels = NDArray[np.float32]
BAND_COUNTS = (256, 128, 64, 32)
SCALES: dict[BandScale, str] = {
    "mel": "mel bands in dB, by least squares",
    "equal": "bands of equal width in dB, by least squares",
    "magnitudes": "mel bands without a logarithm, by least squares",
}
"""Rungs ``scale_…`` of :data:`N_SCALED_BANDS` bands, which share one inverse: one of them differs in the scale, one in
the logarithm."""
N_SCALED_BANDS = 128
STEP_DB = 1.0
"""Quantiser of the rung ``quantised``, dB."""
N_ITERATIONS = 16
"""Of Griffin-Lim: after mel inversion more gain less than 0.3 dB."""


@dataclass(frozen=True)
class Degradation:
    """A stage of loss."""

    name: str
    label: str
    needs_audio: bool
    """Whether it needs the sound of the clips."""
    apply: Callable[[AuditContext, NDArray[np.intp], LogMels], LogMels]
    """From rows of the corpus and their log-mels ``[N, M, F]`` to log-mels of the same shape."""


def degradations() -> tuple[Degradation, ...]:
    """All rungs, from the least loss to the most."""
    return (
        Degradation("quantised", f"quantised in steps of {STEP_DB:g} dB", False, _quantised),
        Degradation("stft", "complex STFT, rounded as finely as 16-bit samples, and back", True, _complex_stft),
        Degradation("griffin_lim", "true STFT magnitudes, phases estimated", True, _without_phase),
        *(Degradation(f"bands_{b}", f"{b} mel bands, to sound and back", True, _through_bands(b)) for b in BAND_COUNTS),
        *(
            Degradation(f"scale_{scale}", f"{N_SCALED_BANDS} {words}, to sound and back", True, _through_scale(scale))
            for scale, words in SCALES.items()
        ),
        Degradation("roundtrip", "the corpus' own log-mel, to sound and back", False, _round_trip),
        Degradation("latent", "patch-PCA latent of 24 components and back", False, _latent),
        Degradation("latent_seconds", "linear latent of 12 numbers a second and back", False, _latent_seconds),
        Degradation("resampled", "a generator that draws from its training clips", False, _resampled),
        Degradation("noise", "noise of each band's mean and deviation", False, _noise),
    )


def _quantised(_: AuditContext, __: NDArray[np.intp], mels: LogMels) -> LogMels:
    return (np.round(mels / STEP_DB) * STEP_DB).astype(np.float32)


@torch.inference_mode()
def _complex_stft(context: AuditContext, rows: NDArray[np.intp], _: LogMels) -> LogMels:
    front, step = context.front_end, spectral_step(context.front_end)
    n_fft, hop = front.linear_n_fft, front.hop_length
    made: list[NDArray[np.float32]] = []
    for row in rows:
        # A window of silence behind, so that the last samples too lie in as many frames as the others.
        wave = torch.nn.functional.pad(context.waveform(int(row)), (0, n_fft))
        parts = torch.round(torch.view_as_real(stft(wave, front)) / step) * step
        back = torch.istft(torch.view_as_complex(parts), n_fft, hop, window=torch.hann_window(n_fft))
        made.append(context.log_mel(context.fit_length(back)))
    return np.stack(made)


@torch.inference_mode()
def _without_phase(context: AuditContext, rows: NDArray[np.intp], _: LogMels) -> LogMels:
    hop = context.front_end.hop_length
    waves = (griffin_lim(stft(context.waveform(int(row)), context.front_end).abs(), N_ITERATIONS, hop) for row in rows)
    return np.stack([context.log_mel(context.fit_length(wave)) for wave in waves])


def _through_bands(bands: int) -> Callable[[AuditContext, NDArray[np.intp], LogMels], LogMels]:
    @torch.inference_mode()
    def through(context: AuditContext, rows: NDArray[np.intp], _: LogMels) -> LogMels:
        front = with_mel_bands(context.front_end, bands)
        analyse, back = MelSpectrogram(front), GriffinLim(front, iterations=N_ITERATIONS)
        return np.stack(
            [context.log_mel(context.fit_length(back(analyse(context.waveform(int(row)))))) for row in rows]
        )

    return through


def _through_scale(scale: BandScale) -> Callable[[AuditContext, NDArray[np.intp], LogMels], LogMels]:
    @torch.inference_mode()
    def through(context: AuditContext, rows: NDArray[np.intp], _: LogMels) -> LogMels:
        front = with_mel_bands(context.front_end, N_SCALED_BANDS)
        waves = (through_bands(context.waveform(int(row)), front, scale, N_ITERATIONS) for row in rows)
        return np.stack([context.log_mel(context.fit_length(wave)) for wave in waves])

    return through


@torch.inference_mode()
def _round_trip(context: AuditContext, _: NDArray[np.intp], mels: LogMels) -> LogMels:
    back = GriffinLim(context.front_end, iterations=N_ITERATIONS)
    return np.stack([context.log_mel(context.fit_length(back(torch.from_numpy(mel)))) for mel in mels])


@torch.inference_mode()
def _latent(context: AuditContext, rows: NDArray[np.intp], mels: LogMels) -> LogMels:
    """Fitted to clips of other songs."""
    seen = _other_clips(context, rows)
    centre, scale = seen.mean(axis=(0, 2), keepdims=True), float(seen.std())
    code = PatchPCA(context.front_end.shape)
    code.fit(torch.from_numpy((seen - centre) / scale))
    back = code.decode(code.encode(torch.from_numpy((mels - centre) / scale))).numpy()
    return (back * scale + centre).astype(np.float32)


def _latent_seconds(context: AuditContext, rows: NDArray[np.intp], mels: LogMels) -> LogMels:
    """Fitted to clips of other songs."""
    code = SecondLatent(_other_clips(context, rows), context.front_end)
    return np.stack([code.decode(code.encode(mel), mel.shape[1]) for mel in mels])


def _other_clips(context: AuditContext, rows: NDArray[np.intp]) -> LogMels:
    """At most 256 clips of songs that are not among ``rows``."""
    songs = context.corpus.songs
    others = np.flatnonzero(~np.isin(songs, songs[rows]))
    return np.asarray(context.corpus.mel[np.sort(context.rng("latent").permutation(others)[:256])], dtype=np.float32)


def _resampled(context: AuditContext, _: NDArray[np.intp], mels: LogMels) -> LogMels:
    return mels[context.rng("resampled").integers(len(mels), size=len(mels))]


def _noise(context: AuditContext, _: NDArray[np.intp], mels: LogMels) -> LogMels:
    centre, scale = mels.mean(axis=(0, 2), keepdims=True), mels.std(axis=(0, 2), keepdims=True)
    return (centre + scale * context.rng("noise").standard_normal(mels.shape)).astype(np.float32)
