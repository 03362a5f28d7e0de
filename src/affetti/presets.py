"""The named presets: front-ends, one line each.

A front-end defines how audio becomes a spectrogram: levels in dB on a scale of frequency that is (nearly) logarithmic,
``[M, F]``. Two kinds share everything but their bands: :class:`MelFrontEnd` and :class:`ConstantQFrontEnd`. What
computes and inverts them is :mod:`affetti.signal.front_ends`. Models, corpora and vocoders with different front-ends
(by :attr:`FrontEnd.hash`) cannot be combined.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from affetti.errors import UsageError

SMALL_PRESETS = ("tiny", "cqt-tiny")
"""Presets of short clips, at which models train by the smaller budgets."""
HALF_BANDWIDTH = 0.75
"""Of a Hann window, in units of 1 over its length."""
C1 = 440.0 * 2.0 ** (-45 / 12)
A1 = 55.0
"""Frequencies of notes, Hz."""


@dataclass(frozen=True, kw_only=True)
class FrontEnd(ABC):
    """What all front-ends share; see its kinds."""

    sample_rate: int = 22_050
    """Samples per second, > 0."""
    hop_length: int = 512
    """Step between frames, samples."""
    seconds: float = 30.0
    """Length of a clip."""
    top_db: float = 80.0
    """Dynamic range kept under the clip's maximum, dB."""

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if name != "f_min" and not value > 0:
                raise UsageError(f"{name} {value:g} is not positive", where="front-end", hint="give more than 0")

    def to_dict(self) -> dict[str, Any]:
        """The settings, as plain JSON types."""
        return asdict(self)

    @property
    @abstractmethod
    def n_bands(self) -> int:
        """Number of bands, M."""

    @property
    @abstractmethod
    def linear_n_fft(self) -> int:
        """Window of the linear spectrum that sound is made from, samples: that of the STFT, if it has one."""

    @property
    @abstractmethod
    def bands(self) -> str:
        """What a band is called."""

    @property
    def samples(self) -> int:
        """Samples in a clip, T."""
        return round(self.seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Frames in a clip, F = 1 + floor(T / hop_length)."""
        return 1 + self.samples // self.hop_length

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(M, F)`` of a clip's spectrogram."""
        return self.n_bands, self.frames

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that identify this front-end."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class MelFrontEnd(FrontEnd):
    """How a waveform becomes a log-mel spectrogram (the conventions of ``librosa.feature.melspectrogram``).

    Power spectrogram of a centred, zero-padded, Hann-windowed STFT; Slaney mel filters with Slaney normalisation;
    power → dB with reference 1.0, amplitude floor 1e-10 and ``top_db`` below the clip's own maximum.
    """

    n_fft: int = 2_048
    """Length of the analysis window, samples."""
    n_mels: int = 128
    """Number of mel bands, M."""
    f_min: float = 20.0
    """Lower edge of the lowest band, Hz."""
    f_max: float = 8_000.0
    """Upper edge of the highest band, Hz, ≤ sample_rate / 2."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise UsageError(
                f"no band from {self.f_min:g} to {self.f_max:g} Hz at {self.sample_rate} samples a second",
                where="front-end",
                hint="give 0 ≤ f_min < f_max ≤ sample_rate / 2",
            )

    @property
    def n_bands(self) -> int:
        """Number of mel bands, M."""
        return self.n_mels

    @property
    def linear_n_fft(self) -> int:
        """Window of the STFT."""
        return self.n_fft

    @property
    def bands(self) -> str:
        """What a band is called."""
        return "mel band"


@dataclass(frozen=True, kw_only=True)
class ConstantQFrontEnd(FrontEnd):
    """How a waveform becomes a constant-Q spectrogram (the conventions of ``librosa.cqt``).

    Magnitude of a centred, zero-padded constant-Q transform, Hann-windowed, at frequencies that rise by equal ratios;
    magnitude → dB with reference 1.0, floor 1e-5 and ``top_db`` below the clip's own maximum.
    """

    f_min: float = C1
    """Frequency of the lowest bin, Hz, > 0."""
    n_bins: int = 96
    """Number of bins, M."""
    bins_per_octave: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.f_min > 0:
            raise UsageError(f"f_min {self.f_min:g} is not positive", where="front-end", hint="give more than 0")
        needed = 2 * self.cutoff
        if self.sample_rate < needed:
            raise UsageError(
                f"{self.sample_rate} samples a second are too few for the highest bin, {self.f_max:,.0f} Hz",
                where="front-end",
                hint=f"take {math.ceil(needed):,} or more, or fewer bins",
            )
        if self.seconds < self.kernel_seconds:
            raise UsageError(
                f"clips of {self.seconds:g} s are shorter than the lowest bin's kernel, {self.kernel_seconds:.2f} s",
                where="front-end",
                hint="take longer clips, or a higher f_min",
            )

    @property
    def n_bands(self) -> int:
        """Number of bins, M."""
        return self.n_bins

    @property
    def linear_n_fft(self) -> int:
        """Window of the linear spectrum that sound is made from."""
        return 2_048

    @property
    def bands(self) -> str:
        """What a band is called."""
        return "constant-Q bin"

    @property
    def q(self) -> float:
        """Frequency over bandwidth, and periods in a kernel: (r² + 1) / (r² - 1), r the ratio of two bins."""
        return quality_factor(self.bins_per_octave)

    @property
    def f_max(self) -> float:
        """Frequency of the highest bin, Hz."""
        return self.f_min * 2.0 ** ((self.n_bins - 1) / self.bins_per_octave)

    @property
    def cutoff(self) -> float:
        """Where the response of the highest bin has ended, Hz: half the bandwidth of a Hann window above it."""
        return self.f_max * (1.0 + HALF_BANDWIDTH / self.q)

    @property
    def kernel_seconds(self) -> float:
        """Length of the longest kernel, that of the lowest bin."""
        return self.q / self.f_min


def quality_factor(bins_per_octave: int) -> float:
    """Frequency over bandwidth of a constant-Q transform, as librosa defines it.

    Example:
        >>> round(quality_factor(12), 2)
        17.33
    """
    square = 2.0 ** (2 / bins_per_octave)
    return (square + 1) / (square - 1)


MEL_FRONT_ENDS = {
    "tiny": MelFrontEnd(hop_length=1_024, n_mels=64, seconds=5.9),
    "paper": MelFrontEnd(),
    "paper45": MelFrontEnd(seconds=45.0),
    "full-band": MelFrontEnd(f_min=0.0, f_max=11_025.0),
}
CONSTANT_Q_FRONT_ENDS = {
    "cqt-tiny": ConstantQFrontEnd(hop_length=1_024, f_min=A1, n_bins=80, seconds=5.9),
    "cqt": ConstantQFrontEnd(),
}
FRONT_ENDS: dict[str, FrontEnd] = {**MEL_FRONT_ENDS, **CONSTANT_Q_FRONT_ENDS}


def with_mel_bands(front: FrontEnd, n_mels: int) -> MelFrontEnd:
    """A front-end of ``n_mels`` mel bands with the rate, hop and length of ``front``, and its band where it has one."""
    if isinstance(front, MelFrontEnd):
        return replace(front, n_mels=n_mels)
    shared = {field.name: getattr(front, field.name) for field in fields(FrontEnd)}
    return MelFrontEnd(**shared, n_mels=n_mels, f_max=min(8_000.0, front.sample_rate / 2))


def front_end(preset: str) -> FrontEnd:
    """The front-end named ``preset``.

    Raises:
        UsageError: there is no preset of that name.
    """
    if preset not in FRONT_ENDS:
        near = difflib.get_close_matches(str(preset), FRONT_ENDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(FRONT_ENDS)}"
        raise UsageError(f"there is no preset {preset!r}", where="--front-end", hint=hint)
    return FRONT_ENDS[preset]


def mel_front_end(preset: str) -> MelFrontEnd:
    """The front-end named ``preset``, which must be one of mel bands.

    Raises:
        UsageError: there is no such preset.
    """
    front = front_end(preset)
    if not isinstance(front, MelFrontEnd):
        raise UsageError(f"{preset} has no mel bands", where="--front-end", hint="choose tiny or paper")
    return front
