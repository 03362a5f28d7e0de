"""The named presets: front-ends, one line each.

A front-end defines how audio becomes a log-mel spectrogram. Models, corpora and vocoders with different front-ends (by
:attr:`FrontEnd.hash`) cannot be combined.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass

from affetti.errors import UsageError


@dataclass(frozen=True)
class FrontEnd:
    """How a waveform becomes a log-mel spectrogram (the conventions of ``librosa.feature.melspectrogram``).

    Power spectrogram of a centred, zero-padded, Hann-windowed STFT; Slaney mel filters with Slaney normalisation;
    power → dB with reference 1.0, amplitude floor 1e-10 and ``top_db`` below the clip's own maximum.
    """

    sample_rate: int = 22_050
    """Samples per second, > 0."""
    n_fft: int = 2_048
    """Length of the analysis window, samples."""
    hop_length: int = 512
    """Step between frames, samples."""
    n_mels: int = 128
    """Number of mel bands, M."""
    f_min: float = 20.0
    """Lower edge of the lowest band, Hz."""
    f_max: float = 8_000.0
    """Upper edge of the highest band, Hz, ≤ sample_rate / 2."""
    seconds: float = 30.0
    """Length of a clip."""
    top_db: float = 80.0
    """Dynamic range kept under the clip's maximum, dB."""

    def __post_init__(self) -> None:
        for name in ("sample_rate", "n_fft", "hop_length", "n_mels", "seconds", "top_db"):
            if not getattr(self, name) > 0:
                raise UsageError(
                    f"{name} {getattr(self, name):g} is not positive", where="front-end", hint="give more than 0"
                )
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise UsageError(
                f"no band from {self.f_min:g} to {self.f_max:g} Hz at {self.sample_rate} samples a second",
                where="front-end",
                hint="give 0 ≤ f_min < f_max ≤ sample_rate / 2",
            )

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
        """Shape ``(M, F)`` of a clip's log-mel."""
        return self.n_mels, self.frames

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that identify this front-end."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


FRONT_ENDS: dict[str, FrontEnd] = {
    "tiny": FrontEnd(hop_length=1_024, n_mels=64, seconds=5.9),
    "paper": FrontEnd(),
    "paper45": FrontEnd(seconds=45.0),
    "full-band": FrontEnd(f_min=0.0, f_max=11_025.0),
}


def front_end(preset: str) -> FrontEnd:
    """The front-end named ``preset``.

    Raises:
        UsageError: there is no preset of that name.
    """
    if preset not in FRONT_ENDS:
        near = difflib.get_close_matches(str(preset), FRONT_ENDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(FRONT_ENDS)}"
        raise UsageError(f"there is no preset {preset!r}", where="--preset", hint=hint)
    return FRONT_ENDS[preset]
