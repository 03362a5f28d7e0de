"""What ``affetti train`` returns: the fields of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from affetti.results import BaseResult, Estimate


@dataclass(frozen=True)
class AgreementEstimate(Estimate):
    """CCC or R² with its interval, and what noisy labels leave of it to be reached."""

    of_ceiling: Estimate | None = None
    """As a share of :attr:`ceiling`; None where that is not known."""
    ceiling: Estimate | None = None
    """The value that a perfect model would reach on these labels, see :mod:`affetti.corpus.ceiling`."""


@dataclass(frozen=True)
class Agreement:
    """How well predictions agree with labels, on one axis; None where a measure is not defined."""

    ccc: AgreementEstimate | None
    """Lin's concordance correlation coefficient, -1 to 1."""
    r2: AgreementEstimate | None
    """Coefficient of determination, at most 1."""
    pearson: Estimate | None
    """Pearson's correlation, -1 to 1."""
    rmse: Estimate | None
    """Root mean square error, ≥ 0, in units of [-1, 1]."""
    mae: Estimate | None
    """Mean absolute error, ≥ 0, in units of [-1, 1]."""


@dataclass(frozen=True)
class ClipCounts:
    """Clips of a fold."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class SongCounts:
    """Songs of a fold."""

    train: int


@dataclass(frozen=True)
class Calibration:
    """The interval of a regressor, see :mod:`affetti.training.calibration`."""

    coverage: float
    """Probability that the label of a clip of a new song lies in the interval."""
    n: int
    """Clips that it was calibrated on."""
    songs: int
    """Their songs."""
    half_width: dict[str, float]
    """Half-width of the interval by axis, ≥ 0."""
    on: str = "validation songs"
    """Whose songs these were."""


@dataclass(frozen=True)
class QuadrantAccuracy:
    """Share of clips predicted in the quadrant of their label."""

    accuracy: Estimate
    chance: float
    """What always predicting the commonest quadrant would reach."""
    n: int
    """Clips."""


@dataclass(frozen=True)
class GenreAgreement:
    """CCC on the clips of one genre."""

    genre: str
    n: int
    """Clips."""
    songs: int
    valence: Estimate | None
    """None for a genre of too few songs."""
    arousal: Estimate | None


@dataclass(frozen=True)
class SongError:
    """How far predictions for one song lie from its labels."""

    song_id: str
    error: float
    """Mean distance on the plane between prediction and label, ≥ 0."""
    n: int
    """Clips."""
    prediction: tuple[float, float]
    """Mean predicted valence and arousal."""
    label: tuple[float, float]
    """Mean labelled valence and arousal."""
    worst_clip: str
    """The clip of the largest error."""
    genre: str


@dataclass(frozen=True)
class FusionGain:
    """What the other inputs add to the prediction from sound, on one axis."""

    weight: float
    """Of what they add, ≥ 0, see :mod:`affetti.training.late_fusion`."""
    ccc: Estimate | None
    """CCC with them less CCC of sound alone, of the same test clips; the interval is of the difference."""
    r2: Estimate | None
    """The same of R²."""


@dataclass(frozen=True)
class FusionReport:
    """A regressor of sound with other inputs, tested on the clips of which any is known."""

    inputs: tuple[str, ...]
    """Inputs besides sound: ``lyrics``, ``genre``, ``instruments``."""
    n: int
    """Test clips of which any is known."""
    songs: int
    """Their songs."""
    test: dict[str, Agreement]
    """By axis, with the other inputs."""
    sound: dict[str, Agreement]
    """By axis, from sound alone, on the same clips."""
    gain: dict[str, FusionGain]
    """By axis."""
    calibration: Calibration
    """Of predictions with the other inputs."""


@dataclass(frozen=True)
class CurveAgreement:
    """How well the curves of songs are predicted: means over songs of measures of a song's windows by itself."""

    songs: int
    """Songs of three windows or more."""
    ccc: Estimate | None
    """CCC within a song; of a flat curve 0. None where the ratings of fewer than two songs move."""
    rmse: Estimate
    """Root mean square error within a song, in units of [-1, 1]."""
    rmse_song_mean: Estimate
    """The same of a flat curve at the mean of the song's ratings, the best flat one."""
    rmse_flat: Estimate
    """The same of a flat curve at the mean of the song's predictions."""
    gain: Estimate
    """``rmse_flat`` less ``rmse``: above 0 the movement of the predictions helps."""


@dataclass(frozen=True)
class RegressorEvaluation:
    """A regressor calibrated on validation songs and tested on others."""

    calibration: Calibration
    test: dict[str, Agreement]
    """By axis."""
    coverage: dict[str, Estimate]
    """Share of test clips whose label lies in the interval, by axis."""
    quadrants: QuadrantAccuracy
    genres: tuple[GenreAgreement, ...]
    worst: tuple[SongError, ...]
    """The songs of the largest error, worst first."""
    by_song: dict[str, Agreement] | None = None
    """By axis, of the means of songs; where labels are those of windows."""
    within_songs: dict[str, Estimate | None] | None = None
    """By axis, Pearson's correlation of deviations from the means of songs; where labels are those of windows."""
    curves: dict[str, CurveAgreement | None] | None = None
    """By axis, predictions over time as curves of songs; where labels are those of windows."""


@dataclass(frozen=True)
class Alignment:
    """How a generator was aligned: fine-tuned to prefer real clips to its own."""

    run: str
    """The run that it was aligned from."""
    beta: float
    """β of the loss, > 0; the larger, the nearer it stays to that run."""
    coverage: dict[str, float]
    """Share of validation clips with a generated one near by, 0 to 1: the best of the training with each β."""
    coverage_before: float | None
    """The same of the run that it was aligned from; None where there are too few validation songs."""
    seconds: float
    """Training time with every β."""


@dataclass(frozen=True)
class InitialWeights:
    """The run whose weights a training began with, see :mod:`affetti.training.start`."""

    run: str
    """The run."""
    weights_sha256: str
    """Hash of its weights."""
    sources: tuple[str, ...]
    """Corpora that these weights had been trained on, the first one first."""
    fields: tuple[str, ...] | None = None
    """Of a generator: condition fields whose weights were taken; None for a regressor."""
    new_fields: tuple[str, ...] | None = None
    """Condition fields, and names of a field, whose weights began as usual, such as ``genre: rock``."""
    left_out_fields: tuple[str, ...] | None = None
    """Condition fields, and names of a field, that the run has and this corpus has not."""


@dataclass(frozen=True)
class TrainResult(BaseResult):
    """A trained model: how it was trained and, of a regressor, how well it predicts songs that it has not seen."""

    verb: ClassVar[str | None] = "train"
    renamed: ClassVar[Mapping[str, str]] = {"guess": "chance", "read": "prediction"}

    model: str
    """Its family."""
    fold: int
    n: ClipCounts
    songs: SongCounts
    steps: int
    """Steps taken."""
    seed: int
    seconds: float
    """Training time, of all sessions."""
    loss: float | None
    """The last that was logged; None for a model that takes no steps."""
    parameters: int
    """Weights that are learnt by gradient."""
    corpus_hash: str
    versions: dict[str, str]
    """Of affetti and of the libraries."""
    alignment: Alignment | None = None
    """Of a generator that was aligned."""
    alarms: tuple[str, ...] | None = None
    """Of a generator: what its last evaluation found out of range; None for a regressor."""
    calibration: Calibration | None = None
    """This and what follows is None for a generator, see :class:`RegressorEvaluation`."""
    test: dict[str, Agreement] | None = None
    coverage: dict[str, Estimate] | None = None
    quadrants: QuadrantAccuracy | None = None
    genres: tuple[GenreAgreement, ...] | None = None
    worst: tuple[SongError, ...] | None = None
    features: str | None = None
    """What a baseline predicts from, as ``score --features`` names it; None for other models."""
    feature_ccc: dict[str, float] | None = None
    """Where a baseline's features were chosen: CCC on validation clips of each, mean of valence and arousal."""
    labels: str = "song"
    """Whether labels are those of songs or, from ratings over time, of windows (clips)."""
    test_by_song: dict[str, Agreement] | None = None
    """With labels of windows: by axis, how well the mean prediction of a song agrees with the mean label."""
    within_songs: dict[str, Estimate | None] | None = None
    """With labels of windows: by axis, Pearson's correlation of predictions and labels, both less their song's mean;
    None where labels do not vary within songs."""
    curves: dict[str, CurveAgreement | None] | None = None
    """With labels of windows: by axis, predictions over time scored as the curves of songs; None where fewer than two
    songs have three windows."""
    fusion: FusionReport | None = None
    """Of a regressor that was trained with other inputs than sound: what they add. All else is of sound alone."""
    initial_weights: InitialWeights | None = None
    """Of a model that began with the weights of another run."""
