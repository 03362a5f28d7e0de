"""Log-mel to one vector per clip: level, variation and modulation rate by band.

Per band: mean over time, deviation over time and deviation of the frame-to-frame change, all in dB. Per group of bands:
the modulation spectrum, log power of the band's fluctuation in octaves of modulation frequency. No weights, no
training; order of frames matters only through change and modulation. It sees no harmony beyond what neighbouring
bands show.
"""

from __future__ import annotations

import torch
from torch import Tensor

from affetti.errors import InputError

N_BAND_GROUPS = 8
N_OCTAVES = 6


def mel_statistics(mel: Tensor) -> Tensor:
    """Statistics of log-mels.

    Args:
        mel: dB ``[B, M, F]``, M ≥ 8, F ≥ 4.

    Returns:
        ``[B, 3 M + 48]``, float32: band means, band deviations, deviations of change, modulation spectrum.

    Raises:
        InputError: the shape does not fit.
    """
    if mel.ndim != 3 or mel.shape[1] < N_BAND_GROUPS or mel.shape[2] < 4:
        raise InputError(
            f"log-mels of shape {tuple(mel.shape)}", hint=f"give [B, M, F] with M ≥ {N_BAND_GROUPS} and F ≥ 4"
        )
    mel = mel.float()
    change = mel.diff(dim=2)
    parts = [mel.mean(dim=2), mel.std(dim=2), change.std(dim=2), modulation_spectrum(mel).flatten(1)]
    return torch.cat(parts, dim=1)


def modulation_spectrum(mel: Tensor) -> Tensor:
    """Log power of each band group's fluctuation by octave of modulation frequency: ``[B, M, F] → [B, 8, 6]``.

    Octave k spans (2⁻ᵏ⁻¹, 2⁻ᵏ] of the highest modulation frequency (half the frame rate); the last reaches to zero.
    """
    frames = mel.shape[2]
    grouped = torch.stack([group.mean(dim=1) for group in mel.tensor_split(N_BAND_GROUPS, dim=1)], dim=1)
    centred = grouped - grouped.mean(dim=2, keepdim=True)
    power = torch.fft.rfft(centred * torch.hann_window(frames, device=mel.device)).abs().square() / frames
    top = power.shape[2] - 1
    edges = [max(1, round(top * 2.0**-k)) for k in range(N_OCTAVES + 1)]
    octaves: list[Tensor] = []
    for k in range(N_OCTAVES):
        low = edges[k + 1] if k < N_OCTAVES - 1 else 1
        octaves.append(power[:, :, low : max(edges[k], low) + 1].mean(dim=2))
    return 10.0 * torch.log10(torch.stack(octaves, dim=2).clamp_min(1e-6))
