"""What each step of the chain from sound to latent takes in bits, and how near to the original what comes back is.

Of every step the integers are counted (:mod:`~affetti.studies.audit.codec.entropy`) and the sound that they give back
is compared with the original (:mod:`affetti.signal.fidelity`). The waveform's bits are FLAC's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import FrontEnd
from affetti.signal.fidelity import fidelity
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.entropy import coded_bits, flac_bits, order_0_bits
from affetti.studies.audit.codec.stages import MEL_STAGES, STAGES, Stage
from affetti.studies.audit.probes.linear_probe import Texts

MIN_NUMBERS = 1_000
"""Numbers below which order-0 entropy depends on their count and little else."""
FIELDS = (
    ("entropy", "entropy of order 0", "bit/s"),
    ("coded", "bits of the better lossless coder", "bit/s"),
    ("si_sdr", "SI-SDR of what comes back", "dB"),
    ("convergence", "spectral convergence of what comes back", "dB"),
    ("log_distance", "log-spectral distance of what comes back", "dB"),
    ("sharpness", "sharpness of onsets of what comes back", "%"),
)


@dataclass(frozen=True)
class RoundTrip:
    """The measures of one step of one clip; what is not defined is NaN."""

    entropy: float
    """Bits a second."""
    coded: float
    """Bits a second."""
    si_sdr: float
    convergence: float
    log_distance: float
    sharpness: float


def round_trip(step: Stage, waveform: Tensor, front: FrontEnd) -> RoundTrip:
    """The measures of one step of a waveform ``[T]`` that is not silent."""
    seconds = len(waveform) / front.sample_rate
    packed = flac_bits(waveform, front.sample_rate) if step.name == "waveform" else coded_bits(step.codes)
    near = fidelity(waveform, step.sound, front.sample_rate, front.linear_n_fft, front.hop_length)
    return RoundTrip(
        entropy=order_0_bits(step.codes) / seconds if step.codes.size >= MIN_NUMBERS else np.nan,
        coded=packed / seconds,
        si_sdr=near.si_sdr,
        convergence=near.convergence,
        log_distance=near.log_distance,
        sharpness=np.nan if near.sharpness is None else 100.0 * near.sharpness,
    )


def measurements(prefix: str, clips: Sequence[Mapping[str, RoundTrip]], songs: Texts) -> list[Measurement]:
    """Of every step, from the round trips of clips ``[N]``; the waveform must be among the steps of each.

    With a prefix, of the steps alone that depend on the bands.
    """
    base = _column(clips, "waveform", "coded")
    rows: list[Measurement] = []
    if not prefix:
        entropy, label = _column(clips, "waveform", "entropy"), "waveform: entropy of order 0"
        rows.append(Measurement.of_mean("waveform_bits", "waveform: bits as FLAC", base, songs=songs, unit="bit/s"))
        rows.append(Measurement.of_mean("entropy_waveform", label, entropy, songs=songs, unit="bit/s"))
    for name in MEL_STAGES if prefix else tuple(STAGES):
        called, label = f"{prefix}retention_{name}", _retention(name)
        if any(name not in clip for clip in clips):
            rows.append(Measurement.missing(called, label, "more songs to fit the latent to", "%"))
            continue
        pair = _column(clips, name, "coded"), base
        rows.append(Measurement.of_statistic(called, label, _share_percent, *pair, songs=songs, unit="%"))
        for field, words, unit in FIELDS if name != "waveform" else ():
            values, words = _column(clips, name, field), f"{STAGES[name]}: {words}"
            if field == "entropy" and not np.isfinite(values).all():
                needs = f"{MIN_NUMBERS:,} numbers a clip: of fewer it depends on their count"
                rows.append(Measurement.missing(f"{prefix}{field}_{name}", words, needs, unit))
                continue
            rows.append(Measurement.of_mean(f"{prefix}{field}_{name}", words, values, songs=songs, unit=unit))
    return rows


def missing_measurements(needs: str) -> list[Measurement]:
    """The same measurements that claims are about, without sound."""
    bits = Measurement.missing("waveform_bits", "waveform: bits as FLAC", needs, "bit/s")
    return [bits, *(Measurement.missing(f"retention_{name}", _retention(name), needs, "%") for name in STAGES)]


def _retention(name: str) -> str:
    return f"{STAGES[name]}: lossless bits, % of the waveform's"


def _column(clips: Sequence[Mapping[str, RoundTrip]], name: str, field: str) -> NDArray[np.float64]:
    return np.array([getattr(clip[name], field) for clip in clips], dtype=np.float64)


def _share_percent(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return 100.0 * float(part.mean() / whole.mean())
