"""How close a resynthesised sound is to the original: what phase and mel inversion lose, in numbers.

The spectral measures ignore phase, and so can be good where the sound is smeared: read them beside the sharpness of
onsets, crest and inconsistency. SI-SDR compares waveforms, phase and all; for a sound with other phases it is usually
below 0 dB and says nothing more. None of them is a listening test.

All take mono waveforms ``[T]`` of equal length, :func:`inconsistency` a complex spectrogram.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError

RESOLUTIONS = (512, 1_024, 4_096)
"""Windows of the multi-resolution spectral convergence, samples; hop a quarter."""
FLOOR_DB = 80.0
"""Depth of the log-spectral distance under the original's loudest bin."""
ONSET_FFT, ONSET_HOP = 256, 64
"""Short frames, in which an onset is a matter of one or two."""
CREST_SECONDS = 0.03
"""Seconds after an onset in which the crest factor is taken."""


@dataclass(frozen=True)
class Fidelity:
    """The measures of one sound against its original."""

    convergence: float
    """Spectral convergence, dB; less is better."""
    convergence_multi: float
    """The same, mean over :data:`RESOLUTIONS`."""
    log_distance: float
    """Log-spectral distance, dB; 0 is best."""
    sharpness: float | None
    """Sharpness of onsets relative to the original's: 1 is the same, 0 none left; None without onsets."""
    crest: float | None
    """Change of the crest factor after onsets, dB: negative where they are smeared; None without onsets."""
    si_sdr: float
    """Scale-invariant signal-to-distortion ratio, dB; more is better."""


def fidelity(
    reference: Tensor, estimate: Tensor, sample_rate: int, n_fft: int = 2_048, hop_length: int = 512
) -> Fidelity:
    """All measures of ``estimate`` against ``reference``.

    Raises:
        InputError: they differ in length, are shorter than the longest window, silent, or not numbers.
    """
    _check(reference, estimate)
    magnitudes = _magnitude(reference, n_fft, hop_length), _magnitude(estimate, n_fft, hop_length)
    several = [
        spectral_convergence(_magnitude(reference, size, size // 4), _magnitude(estimate, size, size // 4))
        for size in RESOLUTIONS
    ]
    onset_frames = onsets(reference, sample_rate)
    return Fidelity(
        convergence=spectral_convergence(*magnitudes),
        convergence_multi=float(np.mean(several)),
        log_distance=log_spectral_distance(*magnitudes),
        sharpness=onset_sharpness(reference, estimate, onset_frames) if len(onset_frames) else None,
        crest=crest_change(reference, estimate, onset_frames, sample_rate) if len(onset_frames) else None,
        si_sdr=si_sdr(reference, estimate),
    )


def spectral_convergence(reference: Tensor, estimate: Tensor) -> float:
    """‖estimate - reference‖ / ‖reference‖ of magnitudes ``[K, F]``, dB, at least -200 (Sturmel & Daudet 2011)."""
    share = torch.linalg.norm((estimate - reference).double()) / torch.linalg.norm(reference.double())
    return 20.0 * float(torch.log10(share.clamp_min(1e-10)))


def log_spectral_distance(reference: Tensor, estimate: Tensor) -> float:
    """Root mean square over bins of the difference in dB, mean over frames; magnitudes ``[K, F]``."""
    floor = float(reference.max()) * 10.0 ** (-FLOOR_DB / 20.0)
    difference = 20.0 * torch.log10(estimate.clamp_min(floor) / reference.clamp_min(floor))
    return float(difference.square().mean(dim=0).sqrt().mean())


def si_sdr(reference: Tensor, estimate: Tensor) -> float:
    """Scale-invariant SDR, dB, within ±200 (Le Roux et al. 2019): what lies along the reference over the rest."""
    x, y = reference.double(), estimate.double()
    along = (y @ x) / (x @ x).clamp_min(1e-20) * x
    signal, rest = along.square().sum(), (y - along).square().sum()
    return float((10.0 * torch.log10(signal.clamp_min(1e-20) / rest.clamp_min(1e-20))).clamp(-200.0, 200.0))


def inconsistency(spectrum: Tensor, hop_length: int) -> float:
    """‖S - STFT(iSTFT(S))‖ / ‖S‖ of a centred Hann STFT ``[n_fft/2 + 1, F]``, F ≥ 2: 0 where S is that of a waveform.

    Raises:
        InputError: another shape, not complex, or silent.
    """
    if spectrum.ndim != 2 or not spectrum.is_complex() or min(spectrum.shape) < 2 or not bool(spectrum.abs().any()):
        raise InputError(f"a spectrogram of shape {tuple(spectrum.shape)}", hint="give a complex [K, F], not silent")
    n_fft = 2 * (spectrum.shape[0] - 1)
    window = torch.hann_window(n_fft, dtype=spectrum.real.dtype, device=spectrum.device)
    length = hop_length * (spectrum.shape[1] - 1)
    wave = torch.istft(spectrum, n_fft, hop_length, window=window, length=length)
    again = torch.stft(wave, n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
    return float(torch.linalg.norm(again - spectrum) / torch.linalg.norm(spectrum))


def onsets(waveform: Tensor, sample_rate: int) -> NDArray[np.intp]:
    """Frames (of :data:`ONSET_HOP` samples) at which sound sets in: peaks of the spectral flux, 50 ms apart at least.

    A peak is the largest flux within 50 ms and 2.5 times the mean flux of the 200 ms around.
    """
    flux = _flux(waveform)
    near = max(1, round(0.05 * sample_rate / ONSET_HOP))
    wide = max(1, round(0.1 * sample_rate / ONSET_HOP))
    pad = np.pad(flux, near)
    largest = np.lib.stride_tricks.sliding_window_view(pad, 2 * near + 1).max(axis=1)
    around = np.convolve(flux, np.ones(2 * wide + 1) / (2 * wide + 1), mode="same")
    peak = (flux >= largest) & (flux > 2.5 * around) & (flux > 0.02 * flux.max(initial=0.0))
    peaks = np.flatnonzero(peak)
    # Not the beginning of the recording itself, nor what has no room after it.
    return peaks[(peaks > near) & (peaks * ONSET_HOP < len(waveform) - CREST_SECONDS * sample_rate)]


def onset_sharpness(reference: Tensor, estimate: Tensor, onset_frames: NDArray[np.intp]) -> float:
    """How much the estimate's flux stands out at the reference's onsets, relative to the reference's.

    At each onset, the largest flux within two frames over the mean within 30 or so (0.1 s at 22,050 Hz), less 1; mean
    over the onsets; ratio of the two sounds. 1: as sharp; 0: nothing stands out.
    """
    contrast = [np.mean([_stands_out(flux, at) for at in onset_frames]) for flux in (_flux(reference), _flux(estimate))]
    return float(contrast[1] / contrast[0])


def crest_change(reference: Tensor, estimate: Tensor, onset_frames: NDArray[np.intp], sample_rate: int) -> float:
    """Mean change in dB of peak over root mean square within :data:`CREST_SECONDS` seconds after the onsets."""
    size = round(CREST_SECONDS * sample_rate)
    starts = [int(at) * ONSET_HOP for at in onset_frames]
    crests = [[_crest(sound[at : at + size]) for at in starts] for sound in (reference, estimate)]
    return float(np.mean(np.subtract(crests[1], crests[0])))


def _stands_out(flux: NDArray[np.float64], at: int) -> float:
    peak = flux[max(0, at - 2) : at + 3].max()
    return float(peak / max(flux[max(0, at - 17) : at + 18].mean(), 1e-12) - 1.0)


def _crest(piece: Tensor) -> float:
    return 20.0 * float(torch.log10(piece.abs().max().clamp_min(1e-9) / piece.square().mean().sqrt().clamp_min(1e-9)))


def _magnitude(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    window = torch.hann_window(n_fft, device=waveform.device)
    spectrum = torch.stft(waveform.float(), n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
    return spectrum.abs()


def _flux(waveform: Tensor) -> NDArray[np.float64]:
    """Sum over bins of the rise of the magnitude from one short frame to the next ``[F]``."""
    rise = _magnitude(waveform, ONSET_FFT, ONSET_HOP).diff(dim=1).clamp_min(0.0)
    return np.pad(rise.sum(dim=0).double().cpu().numpy(), (1, 0))


def _check(reference: Tensor, estimate: Tensor) -> None:
    if reference.shape != estimate.shape or reference.ndim != 1 or len(reference) < max(RESOLUTIONS):
        raise InputError(
            f"sounds of shapes {tuple(reference.shape)} and {tuple(estimate.shape)}",
            hint=f"give two of one length, [T], with T ≥ {max(RESOLUTIONS)}",
        )
    for name, sound in (("reference", reference), ("estimate", estimate)):
        if not bool(torch.isfinite(sound).all()):
            raise InputError("values that are not numbers", where=name, hint="check the code that produced it")
    if not bool(reference.any()):
        raise InputError("silence", where="reference", hint="give a sound: nothing can be compared with silence")
