"""What the augmentation study returns: one typed result, whose fields are the keys of ``result.json``.

CCC is the mean of valence's and arousal's concordance correlation coefficients, in [-1, 1]. Every interval is a 95 %
interval over songs and seeds, see :mod:`affetti.studies.augmentation.comparison`. A part that was not requested is
empty or None; what could not be measured is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from affetti.results import BaseResult, PointEstimate
from affetti.studies.augmentation.arm_results import ArmResult, ContrastResult, Interval, Measure, PrimaryContrast
from affetti.training.registry import SMALL_REGRESSOR, PublishedClaim

REGRESSOR_NAMES = {
    "student": "small network",
    "vit": "vision transformer",
    "baseline": "ridge regression on statistics of log-mels",
}


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """The test clips: real ones, always."""

    __test__: ClassVar[bool] = False

    n: int
    songs: int
    synthetic: int = 0


@dataclass(frozen=True, kw_only=True)
class BestArm:
    """The arm that ``best`` stands for in a fold."""

    fold: int
    arm: str | None
    """None where there was no signal augmentation, generator or validation song to choose by."""


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """The layer of an encoder that validation songs chose in a fold."""

    fold: int
    train_fraction: float = 1.0
    layer: int
    """0: the input of the first."""
    layers: int
    """Of which it was chosen; 1: the encoder gives one embedding, or the layer was given."""
    ccc: float | None
    """On the validation songs, mean of valence and arousal; None where there are none."""
    decay: float | None = None
    """Weight decay of a perceptron."""


@dataclass(frozen=True, kw_only=True)
class RegressorDescription:
    """What every arm trained."""

    name: str = SMALL_REGRESSOR
    """As ``--regressor`` names it."""
    head: str | None = None
    """Of an encoder: ``linear`` (ridge regression) or ``mlp``."""
    sound: bool = False
    """Whether it predicts from the sound of clips; that of log-mel generators is what mel inversion makes of them."""
    seeded: bool = True
    """Whether its training has a part of chance; if not, ``seeds`` counts generator runs."""
    layers: tuple[LayerChoice, ...] = ()
    """Of an encoder."""

    def describe(self) -> str:
        """What it is, in words.

        Example:
            >>> RegressorDescription(name="encoder:handcrafted", head="linear", seeded=False).describe()
            'ridge regression on handcrafted'
        """
        if self.head is None:
            return REGRESSOR_NAMES.get(self.name, self.name)
        head = "ridge regression" if self.head == "linear" else "perceptron"
        layers = dict.fromkeys(f"layer {it.layer} in fold {it.fold}" for it in self.layers if it.layers > 1)
        chosen = f", {', '.join(layers)} (chosen on validation songs)" if layers else ""
        return f"{head} on {self.name.partition(':')[2]}{chosen}"


@dataclass(frozen=True, kw_only=True)
class EmotionAgreement:
    """How a regressor's predictions of a method's clips agree with their labels, on one axis."""

    ccc: PointEstimate
    slope: PointEstimate


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """What one method adds to the training songs, see :mod:`affetti.studies.augmentation.method_table`."""

    name: str
    quality: float | None
    """Quality Score, 0 to 100, of the method's clips against held-out real songs."""
    quality_ci: Interval | None = None
    published_quality: float | None = None
    """The published formula on the same clips."""
    diversity: float | None = None
    """Within-label diversity, 1 for real music."""
    emotion: Mapping[str, EmotionAgreement] = field(default_factory=dict[str, EmotionAgreement])
    """By axis, ``valence`` and ``arousal``."""
    information: float | None = None
    """r² of a clip's mel statistics before and after the change, %; None for generated clips."""
    information_ci: Interval | None = None
    delta: float | None = None
    delta_ci: Interval | None = None
    n: int
    """Clips measured."""
    claimed: PublishedClaim | None = None


@dataclass(frozen=True, kw_only=True)
class SamplingRow(MethodRow):
    """A generator sampled with one parameter set to ``value``."""

    kind: str
    sampling: str
    """The parameter, such as ``guidance``."""
    value: float


@dataclass(frozen=True, kw_only=True)
class TrainingStepsRow(MethodRow):
    """A generator trained for ``updates``."""

    kind: str
    updates: int
    seconds: float
    """Of training."""


@dataclass(frozen=True, kw_only=True)
class LearningCurvePoint:
    """The arms, everything trained on a fraction of the real training songs."""

    train_fraction: float
    """In (0, 1]."""
    songs: int
    """Real training songs, mean over folds."""
    arms: tuple[ArmResult, ...]


@dataclass(frozen=True, kw_only=True)
class SeedRange:
    """CCC over seeds: the mean, and the lowest and highest."""

    value: float
    range: Interval


@dataclass(frozen=True, kw_only=True)
class MixedTestSet:
    """Test clips of the published protocol."""

    test: int
    """All of them."""
    synthetic: int
    """Those that were generated."""


@dataclass(frozen=True, kw_only=True)
class PublishedProtocol:
    """What the study's own protocol would have reported; never an honest evaluation."""

    honest: bool
    """False, always."""
    why: str
    generator: str
    seeds: int
    test: MixedTestSet
    real: SeedRange
    """Real clips alone, split by clip."""
    mixed: SeedRange
    """Real and synthetic clips, split by clip."""
    mixed_on_real: SeedRange
    """The regressor of ``mixed`` on the real part of its test clips."""
    gain: float
    """``mixed`` less ``real``."""
    honest_real: float | None = None
    """CCC of the reference arm of the honest study."""
    honest_gain: float | None = None
    """Gain of the arm of the same generator in the honest study; None where it was not run."""
    honest_gain_ci: Interval | None = None
    difference: float | None = None
    """``gain`` less ``honest_gain``."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An arm that did not fit the budget."""

    name: str
    seconds: float
    """What it would have taken."""


@dataclass(frozen=True, kw_only=True)
class Requested:
    """The settings of the study, as requested."""

    arms: tuple[str, ...] = ()
    train_fractions: tuple[float, ...] = ()
    """In (0, 1]."""
    sampling: tuple[tuple[str, float], ...] = ()
    training_steps: tuple[int, ...] = ()
    budget: float | None = None
    """Seconds."""
    published_protocol: bool = False
    contrasts: tuple[tuple[str, str], ...] = ()
    augment: str | None = None
    clips: tuple[tuple[str, str], ...] = ()
    """Name and corpus of sets of clips that were given."""
    trained_on: str | None = None
    """What their generators were trained on, as declared."""
    generator_runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class SyntheticCorpus:
    """A set of clips that was made for the study."""

    name: str
    fold: int
    train_fraction: float = 1.0
    run: int = 0
    """Number of the generator's run."""
    path: str


@dataclass(frozen=True, kw_only=True)
class StudyResult(BaseResult):
    """The augmentation study: does training on synthetic clips help on real songs not seen in training?

    Example:
        >>> row = dict(ccc_valence=0.2, ccc_arousal=0.4, ccc=0.3, ci=(0.1, 0.5), delta=0.0, delta_ci=(0.0, 0.0))
        >>> result = StudyResult(
        ...     arms=(ArmResult(name="real", **row), ArmResult(name="flow", **row)),
        ...     test=TestSet(n=80, songs=10), seeds=3, folds=(0,), corpus="corpus", seed=0,
        ... )
        >>> result.arm("flow").ccc
        0.3
        >>> StudyResult.from_dict(result.to_dict()) == result
        True
    """

    verb: ClassVar[str | None] = "compare"
    renamed: ClassVar[Mapping[str, str]] = {
        "asked": "requested",
        "share": "train_fraction",
        "shares": "train_fractions",
        "returns": "training_steps",
        "dial": "sampling",
        "dials": "sampling",
        "is": "arm",
        "probability_of_harm": "share_below_zero",
    }

    regressor: RegressorDescription = field(default_factory=RegressorDescription)
    """What every arm trained."""
    primary: PrimaryContrast | None = None
    """None in studies of 0.1, and where ``real`` is the only arm."""
    arms: tuple[ArmResult, ...]
    contrasts: tuple[ContrastResult, ...] = ()
    """Of other pairs of arms."""
    ridge: tuple[ArmResult, ...] = ()
    """The arms whose clips differ, with ridge regression on statistics of log-mels; differences are from its own
    ``real``. Empty where that is the study's own regressor."""
    reference: str = "real-longer"
    """The arm that differences are from: ``real``; in studies of 0.1 ``real-longer``."""
    measure: Measure = "ccc"
    """What differences are of."""
    test: TestSet
    seeds: int
    folds: tuple[int, ...]
    ratio: float | None = None
    """Synthetic clips for each real training clip."""
    recipe: tuple[str, ...] = ()
    """Augmentations of all arms but the plain ones; none in studies of 0.1."""
    generator_runs: int = 1
    """Runs of each generator, in each fold."""
    exploratory: bool = False
    """Whether there are fewer than five seeds or ten test songs, or one fold."""
    detectable: float | None = None
    """Median over arms of the difference that such a study finds four times of five."""
    best: tuple[BestArm, ...] = ()
    hierarchy: tuple[MethodRow, ...] = ()
    tradeoff: tuple[SamplingRow, ...] = ()
    training_steps: tuple[TrainingStepsRow, ...] = ()
    curve: tuple[LearningCurvePoint, ...] = ()
    published_protocol: PublishedProtocol | None = None
    labels: str = "song"
    """Whether labels are those of songs or, from ratings over time, of windows (clips)."""
    by_song: tuple[ArmResult, ...] = ()
    """With labels of windows: the arms on the means of songs, which have no verdict."""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    requested: Requested = field(default_factory=Requested)
    synthetic: tuple[SyntheticCorpus, ...] = ()
    corpus: str
    seed: int
    versions: Mapping[str, str] = field(default_factory=dict[str, str])

    def arm(self, name: str) -> ArmResult:
        """The row of an arm.

        Raises:
            KeyError: the study has no such arm.
        """
        for row in self.arms:
            if row.name == name:
                return row
        raise KeyError(name)

    @classmethod
    def from_dict(cls, document: Any, where: str | Path = "result") -> Self:
        """Build the result from a document that :meth:`to_dict` wrote, or affetti 0.1.

        Raises:
            StorageError: a key is missing or unknown, or a value is of the wrong type.
        """
        return super().from_dict(_of_01(document) if isinstance(document, dict) else document, where)


@dataclass(frozen=True, kw_only=True)
class StudyPlan(BaseResult):
    """What a study would train and write, and about how long it would take."""

    arms: tuple[str, ...]
    trials: int
    """Regressors to train, ridge regression aside."""
    sets: tuple[str, ...]
    """Synthetic sets to make, for each fold."""
    train_fractions: tuple[float, ...]
    bytes: int
    """Size of the synthetic sets."""
    seconds: float
    least_seconds: float
    """What ``real`` alone would take."""
    test: TestSet
    folds: tuple[int, ...]


def _of_01(document: dict[str, Any]) -> dict[str, Any]:
    """A document of 0.1 in the units of today: fractions, not percentages; None, not an empty interval."""
    if "asked" not in document and "requested" in document:
        return document
    requested = dict(document.get("asked") or {})
    if "shares" in requested:
        requested["shares"] = [share / 100 for share in requested["shares"]]
    changed = {
        key: _without_empty_intervals(document[key]) for key in ("hierarchy", "tradeoff", "returns") if key in document
    }
    return {**document, **changed, **({"asked": requested} if "asked" in document else {})}


def _without_empty_intervals(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: None if key == "ci" and item == [] else _without_empty_intervals(item) for key, item in value.items()
        }
    return [_without_empty_intervals(item) for item in value] if isinstance(value, list) else value
