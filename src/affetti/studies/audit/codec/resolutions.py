"""A sound at the resolutions that the study compares: 1,025 bins of an STFT, 128, 64 and 32 mel bands.

All at the front-end ``paper``: windows of 2,048 samples at 22,050 Hz, a hop of 512. The STFT reaches to 11,025 Hz, mel
bands, as the study's main report has them, to 8,000 Hz. So that treble and detail are not taken for one another, there
is the STFT up to 8,000 Hz too.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from affetti.presets import mel_front_end, with_mel_bands
from affetti.signal.mel import mel_filters, power_to_db, stft

PAPER = mel_front_end("paper")
BANDS: dict[str, int] = {"mel128": 128, "mel64": 64, "mel32": 32}
RESOLUTIONS = ("stft", "stft8k", *BANDS)
RESOLUTION_LABELS: dict[str, str] = {
    "stft": "STFT, 1,025 bins",
    "stft8k": "STFT up to 8 kHz",
    **{name: f"{bands} mel bands" for name, bands in BANDS.items()},
}
N_BINS_BELOW_8K = 1 + int(PAPER.f_max * PAPER.n_fft / PAPER.sample_rate)
"""Bins of the STFT whose centre is not above the highest mel band's upper edge."""


def power_spectrograms(waveform: Tensor) -> dict[str, Tensor]:
    """Power spectrograms ``[K, F]`` of a waveform ``[T]`` at 22,050 Hz, by resolution."""
    power = stft(waveform, PAPER).abs().square()
    return {
        "stft": power,
        "stft8k": power[:N_BINS_BELOW_8K],
        **{name: _filters(bands) @ power for name, bands in BANDS.items()},
    }


def to_db(power: Tensor) -> Tensor:
    """The dB spectrogram of a power spectrogram, 80 dB deep."""
    return power_to_db(power, PAPER.top_db)


@lru_cache(maxsize=8)
def _filters(bands: int) -> Tensor:
    return torch.from_numpy(mel_filters(with_mel_bands(PAPER, bands))).float()
