"""What audits of recordings return: the stages of each file, and how alike two files are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from affetti.results import BaseResult


@dataclass(frozen=True)
class PredictedEmotion:
    """Where a regressor puts a sound, in [-1, 1]."""

    valence: float
    arousal: float
    valence_ci: list[float] | None = None
    """Calibrated interval ``[low, high]``; None: the regressor is not calibrated."""
    arousal_ci: list[float] | None = None


@dataclass(frozen=True)
class RecordingStage:
    """What one representation keeps of an excerpt."""

    name: str
    """Such as ``mel``, see :mod:`affetti.studies.audit.codec.stages`."""
    label: str
    numbers: float
    """Numbers a second."""
    bits: float
    """Bits a second that a lossless coder takes."""
    retention: float
    """These bits in % of the waveform's as FLAC."""
    entropy: float | None
    """Bits a second at the entropy of order 0; None: too few numbers."""
    si_sdr: float
    """SI-SDR of the sound that comes back, dB."""
    convergence: float
    """Spectral convergence of the sound that comes back, dB; less is better."""
    log_distance: float
    """Log-spectral distance of the sound that comes back, dB; 0 is best."""
    sharpness: float | None
    """How much onsets stand out in the sound that comes back, % of the original's; None: it has none."""
    emotion: PredictedEmotion | None
    """Where the regressor puts the sound that comes back; None: without a regressor."""
    sound: str | None
    """The sound that comes back: a FLAC file, relative to the folder; None: without a folder."""


@dataclass(frozen=True)
class RecordingAudit:
    """What each representation keeps of one recording; where it could not be read, ``error`` says why."""

    path: str
    file_rate: int | None = None
    """Sample rate of the file."""
    recording_seconds: float | None = None
    """Length of the recording."""
    start: float | None = None
    """Where the excerpt begins, seconds."""
    seconds: float | None = None
    """Length of the excerpt, which all numbers are about."""
    loudness: float | None = None
    """Of the excerpt, LUFS; None: below the gate of -70."""
    onsets: int | None = None
    """Onsets in the excerpt."""
    stages: tuple[RecordingStage, ...] = ()
    error: str | None = None
    """Why the recording could not be audited."""


@dataclass(frozen=True)
class RecordingsResult(BaseResult):
    """What ``affetti audit SONG...`` returns, prints and files: the representations of single recordings."""

    verb: ClassVar[str | None] = "audit-recordings"

    recordings: tuple[RecordingAudit, ...]
    preset: str
    """Front-end of the log-mels."""
    requested_seconds: float
    """Length of what was to be audited, the middle of each recording."""
    model: str | None
    """The regressor; None: without one."""
    page: str | None
    """The HTML page with sounds and pictures; None: without a folder."""
    versions: Mapping[str, str]
    """Of affetti and of the libraries it computes with."""


@dataclass(frozen=True)
class PairedRecording:
    """One recording of a pair."""

    path: str
    file_rate: int
    """Sample rate of the file."""
    recording_seconds: float
    """Length of the recording."""
    loudness: float | None
    """Of what is compared, LUFS; None: below the gate of -70."""
    emotion: PredictedEmotion | None
    """Where the regressor puts what is compared; None: without a regressor."""
    sound: str | None
    """What is compared: a FLAC file, relative to the folder; None: without a folder."""


@dataclass(frozen=True)
class PairSimilarity:
    """How alike two recordings are, in all of their cells, over time, in notes and in level."""

    correlation: float | None
    """Pearson's r of all cells of the two log-mels, as the study compares spectrograms; None: a log-mel is constant."""
    correlation_shifted: float | None
    """The same with the second moved in time by a quarter, a half and three quarters of the length, mean: what r is
    where only the spectra agree, and nothing happens at the same time."""
    correlation_in_time: float | None
    """Pearson's r after each band's mean over time is taken out."""
    correlation_aligned: float | None
    """The largest r of all cells when the second is moved by up to a second."""
    lag: float | None
    """By how many seconds the second is later there."""
    distance: float
    """Root mean square over bands of the difference in dB, mean over frames."""
    spectrum_difference: float
    """% of the power that would have to move to other bands for the same mean spectrum."""
    chroma: float | None
    """Pearson's r of the two chromagrams: which notes sound when; None: see ``notes``."""
    chroma_transposed: float | None
    """The largest such r when the second is transposed."""
    transposition: int | None
    """By how many semitones upwards the second lies above the first there, -5 to 6."""
    level_difference: float | None
    """Loudness of the second less the first's, LU; None: one is below the gate."""
    level: float | None
    """Pearson's r of the level over time, dB of all bands together; None: one of the two is constant."""
    valence_difference: float | None
    """Valence predicted of the second less the first's; None: without a regressor."""
    arousal_difference: float | None


@dataclass(frozen=True)
class PairResult(BaseResult):
    """What ``affetti audit A B --pair`` returns, prints and files: how alike two recordings are."""

    verb: ClassVar[str | None] = "audit-pair"

    first: PairedRecording
    second: PairedRecording
    seconds: float
    """Length of what is compared."""
    similarity: PairSimilarity
    identical_by_study: bool | None
    """Whether r exceeds 0.9, above which the study's script calls spectrograms identical."""
    confused_by_study: bool | None
    """Whether r exceeds 0.7, above which the study's script calls instruments confused."""
    preset: str
    """Front-end of the log-mels."""
    requested_seconds: float
    """Length of what was to be compared."""
    model: str | None
    """The regressor; None: without one."""
    page: str | None
    """The HTML page with sounds and pictures; None: without a folder."""
    notes: tuple[str, ...]
    """What to be careful of: other rates, other lengths, what could not be measured."""
    versions: Mapping[str, str]
    """Of affetti and of the libraries it computes with."""
