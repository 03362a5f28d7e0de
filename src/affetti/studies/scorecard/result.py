"""The scorecard as typed values: :class:`Scorecard` and its parts.

Field names are the keys of the JSON document. The measures of the registry (:mod:`affetti.studies.scorecard.measures`)
stand in ``Scorecard.measures`` in Python, and at the top level of the document, after ``quality``. What could not be
measured is ``None``, with the ``reason`` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from affetti import config, metrics
from affetti.errors import StorageError, UsageError
from affetti.results import BaseResult, PointEstimate
from affetti.studies.scorecard.comparison import Comparison
from affetti.studies.scorecard.copy_results import DataCopyingTest, NearestPair, PassageTest, pairs_to_hear
from affetti.studies.scorecard.form_results import Form
from affetti.studies.scorecard.legacy import is_measure, upgraded
from affetti.studies.scorecard.measurement import ExtrapolatedMeasure, Interval, Measure
from affetti.studies.scorecard.set_description import SetDescription
from affetti.studies.scorecard.typicality_results import ClipTypicality


@dataclass(frozen=True)
class Quality:
    """The calibrated Quality Score; see :class:`affetti.metrics.QualityResult`."""

    score: float
    """0 to 100; 100 is held-out real music."""
    ci: Interval
    """95 % interval over songs."""
    sensitivity: Interval
    """Where the score lies for 95 % of weightings of its parts."""
    tier: str
    components: dict[str, metrics.Component]
    published: metrics.PublishedQuality
    """The study's formula on the same sets."""

    @classmethod
    def of(cls, result: metrics.QualityResult) -> Quality:
        """From the result of :func:`affetti.metrics.quality_score`."""
        return cls(result.score, result.ci, result.sensitivity, result.tier, dict(result.components), result.published)


@dataclass(frozen=True)
class Band:
    """How far the levels of one mel band lie apart, in dB."""

    value: float
    ci: Interval | None
    floor: float | None


@dataclass(frozen=True)
class Spectrogram:
    """Distances between log-mels; see :func:`affetti.metrics.spectrogram_distances`."""

    level: Measure
    modulation: Measure
    onset_rate: Measure
    onset_strength: Measure
    bands: dict[str, Band]
    """By centre frequency, from low to high; by number where the front-end is not known."""
    frame_rate: float | None
    """Frames per second; ``None``: onsets are counted per frame."""


@dataclass(frozen=True)
class Response:
    """How predictions follow labels on one axis."""

    correlation: PointEstimate
    slope: PointEstimate
    ccc: PointEstimate
    mae: PointEstimate
    bias: PointEstimate | None = None
    """How far predictions fall short of the condition, towards neutral; ``None`` in scorecards of affetti 0.1."""


@dataclass(frozen=True)
class RelativeResponse:
    """A response over that of the same regressor on held-out real clips: 1 is as good as real music.

    Intervals hold the error of both sides; None in scorecards of 0.1.
    """

    correlation: float
    slope: float
    ccc: float
    correlation_ci: tuple[float, float] | None = None
    slope_ci: tuple[float, float] | None = None
    ccc_ci: tuple[float, float] | None = None

    def describe(self) -> str:
        """Slope and correlation in words.

        Example:
            >>> RelativeResponse(0.9, 0.8, 0.85, slope_ci=(0.6, 1.1)).describe()
            "0.80 [0.60, 1.10] and 0.90 of real music's"
        """
        pairs = (self.slope, self.slope_ci), (self.correlation, self.correlation_ci)
        each = [f"{value:.2f}" + (f" [{ci[0]:.2f}, {ci[1]:.2f}]" if ci else "") for value, ci in pairs]
        return f"{' and '.join(each)} of real music's"


@dataclass(frozen=True)
class AxisConditioning:
    """How synthetic clips follow their condition on one axis; ``None`` where condition or prediction never varies."""

    correlation: PointEstimate | None = None
    slope: PointEstimate | None = None
    ccc: PointEstimate | None = None
    mae: PointEstimate | None = None
    bias: PointEstimate | None = None
    """How far predictions fall short of the condition, towards neutral, in the unit of the labels."""
    real: Response | None = None
    """The same of held-out real clips and their labels."""
    relative: RelativeResponse | None = None
    """``None`` where the regressor does not follow real clips beyond doubt."""
    permuted: metrics.PermutedResponse | None = None
    """The random-direction control: the same with the conditions of the clips permuted; ``None`` where songs cannot
    trade their conditions."""
    reason: str | None = None
    """Why the response is undefined though conditions vary."""


@dataclass(frozen=True)
class Conditioning:
    """How synthetic clips follow the emotion they were conditioned on."""

    valence: AxisConditioning
    arousal: AxisConditioning

    def axes(self) -> dict[str, AxisConditioning]:
        """By the name of the axis."""
        return {"valence": self.valence, "arousal": self.arousal}


@dataclass(frozen=True)
class JointDistance:
    """The Fréchet joint distance of features and emotion; see :class:`affetti.metrics.JointDistance`."""

    joint: Measure | None = None
    features: Measure | None = None
    alpha: float | None = None
    plain: float | None = None
    null: tuple[float, float, float] | None = None
    """Plain distances with permuted conditions: 2.5 %, mean, 97.5 %."""
    p: float | None = None
    permutations: int | None = None
    seed: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class StratumMeasure:
    """A measure in one quadrant or genre."""

    result: Measure | None
    reason: str | None
    songs: tuple[int, ...]
    """Songs of each set in the stratum."""
    drawn: int
    """Songs of each set that the result rests on; 0 without one."""


ByStratum = dict[str, StratumMeasure]


@dataclass(frozen=True)
class QuadrantMeasures:
    """Measures by quadrant of the emotion plane."""

    kernel: ByStratum | None = None
    """Kernel distance."""
    valence_error: ByStratum | None = None
    """Mean absolute difference of prediction and condition; the floor is that of held-out real clips."""
    arousal_error: ByStratum | None = None
    reason: str | None = None
    """Why a measure is ``None``."""


@dataclass(frozen=True)
class GenreMeasures:
    """Measures by genre."""

    kernel: ByStratum | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Strata:
    """Measures by quadrant and by genre, on equally many songs in each."""

    quadrant: QuadrantMeasures
    genre: GenreMeasures


@dataclass(frozen=True)
class Features:
    """What the measures compare."""

    name: str
    version: str
    dimension: int


@dataclass(frozen=True)
class RegressorSource:
    """The regressor that predicted the emotions."""

    run: str | None
    """Its run; ``None``: it was trained for this scorecard."""
    kind: str
    trained_on: str | None = None
    valence: str | None = None
    """Features that valence is predicted from in its place, because validation songs prefer them; None: its own."""


@dataclass(frozen=True)
class SongCounts:
    """Songs of each set."""

    real: int
    fake: int


@dataclass(frozen=True)
class LeftOut:
    """A file that could not be used."""

    path: str
    reason: str


@dataclass(frozen=True)
class Generator:
    """What made the synthetic clips, as their corpus says."""

    generator: str
    weights_sha256: str | None
    emotions: str | None
    seed: int | None


@dataclass(frozen=True)
class Requested:
    """What was requested besides the two sets, the fold and the seed, in the words of the command line."""

    regressor: str | None = None
    features: str = "statistics"
    train: str | None = None
    against: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    preset: str | None = None
    form: bool = False


@dataclass(frozen=True)
class Scorecard(BaseResult):
    """How good a synthetic set is, beside what held-out real music scores."""

    verb: ClassVar[str | None] = "score"
    renamed: ClassVar[Mapping[str, str]] = {"heard": "trained_on", "reader": "regressor"}

    quality: Quality
    spectrogram: Spectrogram
    conditioning: Conditioning | None
    """``None`` where no condition varies, or nothing predicts the emotions."""
    joint: JointDistance
    strata: Strata
    memorisation: metrics.Memorisation | None
    """``None`` where the training set is not known; ``copying`` by features or by passages."""
    data_copying: DataCopyingTest | None
    nearest_pairs: tuple[NearestPair, ...] | None
    contains_real: int
    """Synthetic clips that are real or training clips."""
    against: Comparison | None
    """The comparison with another generator, the first of ``comparisons``; ``None`` where none was given."""
    features: Features
    regressor: RegressorSource | None
    front_end: str | None
    n_real: int
    n_fake: int
    songs: SongCounts
    left_out: tuple[LeftOut, ...]
    generator: Generator | None
    trained_on: int
    """Songs of the reference that the generator was trained on."""
    real: str
    fake: str
    fold: int | None
    seed: int
    versions: dict[str, str]
    requested: Requested | None = None
    """None in scorecards of affetti 0.1, and in those that are not made by :func:`affetti.score`."""
    silent: int = 0
    """Clips of all sets that are left out because they are silent."""
    passages: PassageTest | None = None
    """Whether clips share passages with training clips; ``None`` where the training set is not known, and in scorecards
    of affetti 0.1."""
    typicality: ClipTypicality | None = None
    """How typical each synthetic clip is of real songs; None in scorecards of affetti 0.1."""
    comparisons: tuple[Comparison, ...] = ()
    """Each other generator, in the order in which they were given; empty in scorecards of affetti 0.1."""
    sets: tuple[SetDescription, ...] = ()
    """Each set that was given, as it was compared; empty in scorecards of affetti 0.1."""
    cautions: tuple[str, ...] = ()
    """What is likely wrong with the sets given: values that do not look like dB, other levels or sample rates."""
    form: Form | None = None
    """Whole songs beside real ones; None where this was not requested."""
    measures: dict[str, Measure] = field(default_factory=dict[str, Measure])
    """The established metrics, by their key in the registry; at the top level of the document."""

    @property
    def pairs_to_hear(self) -> tuple[NearestPair, ...]:
        """The nearest pairs, by features or by passages; see :func:`pairs_to_hear`."""
        p = None if self.memorisation is None else self.memorisation.p
        return pairs_to_hear(self.nearest_pairs, p, self.passages)

    def compared(self) -> tuple[Comparison, ...]:
        """Each other generator; of a scorecard of affetti 0.1 the one that it may have."""
        return self.comparisons or (() if self.against is None else (self.against,))

    def to_dict(self) -> dict[str, Any]:
        """The document that ``affetti score --json`` prints."""
        document = super().to_dict()
        del document["measures"]
        first = {key: document.pop(key) for key in ("verb", "quality")}
        measures = {key: config.unstructure(measure) for key, measure in self.measures.items()}
        return {**first, **measures, **document}

    @classmethod
    def from_dict(cls, document: Any, where: str | Path = "result") -> Self:
        """Build the scorecard from its document, also one of affetti 0.1.

        Raises:
            StorageError: a key is missing or unknown, or a value is of the wrong type.
        """
        if not isinstance(document, dict):
            return super().from_dict(document, where)
        known = {part.name for part in fields(cls)} | {*cls.renamed, "verb"}
        measured = {key: part for key, part in document.items() if key not in known and is_measure(part)}
        rest = {key: part for key, part in document.items() if key not in measured}
        try:
            measures = {
                key: config.structure(part, ExtrapolatedMeasure if "slope" in part else Measure, where)
                for key, part in measured.items()
            }
        except UsageError as error:
            hint = "run the command that made it again"
            raise StorageError(f"holds a measure that cannot be read ({error.what})", where=where, hint=hint) from error
        return replace(super().from_dict(upgraded(rest), where), measures=measures)
