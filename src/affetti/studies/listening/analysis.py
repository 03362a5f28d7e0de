"""The analysis of a listening study: ratings in, a :class:`~affetti.studies.listening.result.ListeningResult` out.

Listeners are screened by stated rules first. Then, by scale: means and differences of systems over listeners × clips
(:mod:`~affetti.studies.listening.crossed`), reliability, and what limits the study; of pairs, triangles and MUSHRA what
:mod:`~affetti.studies.listening.preferences` computes; of valence and arousal, whether what was requested is perceived
(:mod:`~affetti.studies.listening.control`). What cannot be computed is None, and a note says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.metrics import agreement
from affetti.provenance import versions
from affetti.results import PointEstimate
from affetti.studies.listening.answers import PREFERENCE, SPOTTED
from affetti.studies.listening.control import control, rank_agreement
from affetti.studies.listening.crossed import MIN_UNITS, Contrast, Crossed
from affetti.studies.listening.labels import label_ceiling
from affetti.studies.listening.preferences import Comparisons, mushra_medians, strengths, triangle
from affetti.studies.listening.rating_table import Floats, RatingTable, ScaleRatings
from affetti.studies.listening.reliability import icc_one_way, icc_two_way, krippendorff_alpha, within_listener
from affetti.studies.listening.result import (
    ControlRow,
    ListeningResult,
    PairDifference,
    RankAgreement,
    RegressorAgreement,
    Reliability,
    Screening,
    SystemMean,
    TriangleTest,
    UnscreenedMean,
    VarianceComponent,
    VarianceOfScale,
)
from affetti.studies.listening.screening import RULES, ExcludedListener, screen
from affetti.studies.listening.sequential import ALPHA, Analysis
from affetti.studies.listening.variance import component_intervals, components, precision

QUALITY_SCALES = ("quality", "similarity", PREFERENCE)
"""Scales whose order of systems is compared with that of Quality Scores."""


@dataclass(frozen=True)
class AnalysisInputs:
    """What an analysis may use besides the ratings."""

    task: str = "rate"
    study: str = ""
    """Folder or file, for the result."""
    requested: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Requested valence and arousal by clip, in [-1, 1]."""
    predicted: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """A regressor's predictions by clip."""
    quality_scores: Mapping[str, float] = field(default_factory=dict[str, float])
    """Quality Scores by system."""
    analysis: Analysis | None = None
    """Which of several interim analyses this is; None: the only one."""
    target: float | None = None
    """Half-width of the interval of a difference that is to be reached; None: half of what the study has."""
    seed: int = 0


def analyse(table: RatingTable, inputs: AnalysisInputs = AnalysisInputs()) -> ListeningResult:
    """Analyse the ratings of a study.

    Args:
        table: ratings; of valence and arousal in [-1, 1].
        inputs: what else is known.

    Raises:
        InputError: screening leaves nobody.
    """
    excluded = screen(table.table)
    kept = table.without([it.listener for it in excluded])
    if not len(kept.table) or not len(kept.main):
        hint = "check the answers in the table of ratings"
        reasons = "; ".join(dict.fromkeys(it.reason for it in excluded))
        raise InputError(f"screening leaves no listener ({len(excluded)}: {reasons})", where="ratings", hint=hint)
    listeners = kept.table["listener"].nunique()
    look = inputs.analysis or Analysis(1, listeners, 0, ALPHA)
    level, notes = 1.0 - look.alpha, _notes(kept, excluded, look)
    systems: list[SystemMean] = []
    pairs: list[PairDifference] = []
    for scale in kept.scales:
        if scale == PREFERENCE:
            means, differences = _preferences(kept, look, inputs.seed)
        elif scale == SPOTTED:
            continue
        else:
            means, differences = _means(kept.scale(scale), look, inputs)
        systems += means
        pairs += differences
    rated = [kept.scale(scale) for scale in kept.scales if scale not in (PREFERENCE, SPOTTED)]
    return ListeningResult(
        study=inputs.study,
        task=inputs.task,
        listeners=listeners,
        ratings=len(kept.main),
        analysis=look,
        seed=inputs.seed,
        systems=tuple(systems),
        pairs=tuple(pairs),
        triangles=_triangles(kept, level),
        control=_control(kept, inputs, level, notes),
        regressor=_regressor(kept, inputs),
        quality_score=_quality_scores(systems, inputs, level),
        reliability=tuple(_reliability(kept, ratings, inputs.seed, notes) for ratings in rated),
        ceiling=label_ceiling(kept, inputs.seed),
        variance=tuple(filter(None, (_variance(ratings, inputs) for ratings in rated))),
        screening=Screening(RULES, excluded, _effect(table, kept) if excluded else ()),
        notes=tuple(notes),
        versions=versions(),
    )


def _notes(kept: RatingTable, excluded: tuple[ExcludedListener, ...], look: Analysis) -> list[str]:
    """What the reader must know of the data."""
    notes: list[str] = []
    if excluded:
        total = kept.table["listener"].nunique() + len(excluded)
        notes.append(f"the rules of screening leave out {len(excluded)} of {total} listeners")
    if look.interim or look.number > 1:
        notes.append(f"analysis {look.number} of a study planned for {look.planned} listeners: level {look.alpha:.3g}")
    listeners = kept.table["listener"].nunique()
    if listeners < MIN_UNITS:
        notes.append(f"too few listeners for an interval: {listeners}, and {MIN_UNITS} or more are needed")
    clips = kept.main.groupby("system")["clip"].nunique()
    few = clips[clips < MIN_UNITS].items()
    notes += [f"too few clips of {name} for an interval: {n}, and {MIN_UNITS} or more are needed" for name, n in few]
    for scale in kept.scales:
        ratings = kept.main.loc[kept.main["scale"] == scale, "rating"]
        if ratings.min() == ratings.max() and scale != PREFERENCE:
            notes.append(f"every rating on {scale} is {ratings.iloc[0]:g}: nothing varies, so nothing can be compared")
    return notes


def _means(
    ratings: ScaleRatings, look: Analysis, inputs: AnalysisInputs
) -> tuple[list[SystemMean], list[PairDifference]]:
    level = 1.0 - look.alpha
    crossed, n = Crossed(ratings), len(ratings.systems)
    medians = mushra_medians(ratings, inputs.seed, level) if inputs.task == "mushra" else [None] * n
    constant = bool(np.ptp(ratings.rating) == 0)
    means: list[SystemMean] = []
    for system, name in enumerate(ratings.systems):
        mean = crossed.system_mean(system)
        ci = None if constant else mean.interval(level)
        clips, listeners, count = crossed.clips(system), crossed.listeners(system), int(crossed.count[system])
        means.append(SystemMean(name, ratings.scale, mean.value, ci, clips, listeners, count, medians[system]))
    differences = [
        _pair(ratings.systems[a], ratings.systems[b], ratings.scale, it, n, look, constant)
        for (a, b), it in crossed.differences().items()
    ]
    return means, differences


def _pair(
    a: str, b: str, scale: str, contrast: Contrast, systems: int, look: Analysis, constant: bool = False
) -> PairDifference:
    level, correction = 1.0 - look.alpha, ALPHA / look.alpha
    if constant:
        return PairDifference(a, b, scale, contrast.value, None, None, None, None)
    adjusted = contrast.adjusted_p(systems)
    return PairDifference(
        a,
        b,
        scale,
        contrast.value,
        contrast.interval(level),
        contrast.simultaneous_interval(systems, level),
        contrast.p,
        None if adjusted is None else min(1.0, adjusted * correction),
    )


def _comparisons(table: RatingTable) -> Comparisons:
    """The pairs of a table: one row of two, that of the system that comes first in the alphabet.

    Raises:
        InputError: a comparison has one row.
    """
    both = table.main[table.main["scale"] == PREFERENCE]
    rows, mirrored = both[both["system"] < both["against"]], both[both["system"] > both["against"]]
    made = rows.value_counts(["listener", "system", "against"]).to_dict()
    if (
        len(rows) + len(mirrored) < len(both)
        or made != mirrored.value_counts(["listener", "against", "system"]).to_dict()
    ):
        hint = "give each comparison two rows, one a system, with the other system in the column against"
        raise InputError("a preference names no second system, or has one row of two", where="ratings", hint=hint)
    systems = tuple(sorted({*rows["system"], *rows["against"]}))
    number = {name: index for index, name in enumerate(systems)}
    return Comparisons(
        np.array([number[name] for name in rows["system"]], dtype=np.intp),
        np.array([number[name] for name in rows["against"]], dtype=np.intp),
        rows["rating"].to_numpy(dtype=float),
        np.unique(rows["listener"], return_inverse=True)[1].astype(np.intp),
        np.unique(rows["condition"], return_inverse=True)[1].astype(np.intp),
        systems,
    )


def _preferences(table: RatingTable, look: Analysis, seed: int) -> tuple[list[SystemMean], list[PairDifference]]:
    compared = _comparisons(table)
    theta, pairs = strengths(compared, seed)
    rows = table.main[table.main["scale"] == PREFERENCE]
    means: list[SystemMean] = []
    for system, contrast in zip(compared.systems, theta, strict=True):
        own = rows[rows["system"] == system]
        sizes = own["clip"].nunique(), own["listener"].nunique(), len(own)
        means.append(SystemMean(system, PREFERENCE, contrast.value, contrast.interval(1 - look.alpha), *sizes))
    differences: list[PairDifference] = []
    for (a, b), contrast in pairs.items():
        made = _pair(compared.systems[a], compared.systems[b], PREFERENCE, contrast, len(theta), look)
        own = (compared.first == a) & (compared.second == b)
        share = float(compared.preference[own].mean()) if own.any() else None
        differences.append(replace(made, preferred=share))
    return means, differences


def _triangles(table: RatingTable, level: float) -> tuple[TriangleTest, ...]:
    if SPOTTED not in table.scales:
        return ()
    ratings = table.scale(SPOTTED)
    rows = table.main[table.main["scale"] == SPOTTED]
    pairs = [tuple(sorted(it)) for it in zip(rows["system"], rows["against"], strict=True)]
    tests: list[TriangleTest] = []
    for a, b in dict.fromkeys(pairs):
        own = ratings.rows(np.array([it == (a, b) for it in pairs]))
        test = triangle(own, level)
        sizes = len(own), len(np.unique(own.listener)), len(np.unique(own.condition))
        tests.append(TriangleTest(a, b, test.correct.value, test.correct.ci, test.p, *sizes))
    return tuple(tests)


def _control(table: RatingTable, inputs: AnalysisInputs, level: float, notes: list[str]) -> tuple[ControlRow, ...]:
    rows: list[ControlRow] = []
    for index, axis in enumerate(AXES):
        if axis not in table.scales:
            continue
        ratings = table.scale(axis)
        requested = _by_clip(ratings, inputs.requested, index)
        for system, name in enumerate(ratings.systems):
            made = control(ratings.rows(ratings.system == system), requested, inputs.seed, level)
            if made is None and inputs.requested:
                few = f"fewer than {MIN_UNITS} clips of {name} have a requested {axis}, or all have the same"
                notes.append(f"{few}: whether it is perceived is not measured")
            if made is not None:
                rows.append(ControlRow(name, axis, made.slope, made.bias, made.correlation, made.clips, made.listeners))
    return tuple(rows)


def _regressor(table: RatingTable, inputs: AnalysisInputs) -> tuple[RegressorAgreement, ...]:
    rows: list[RegressorAgreement] = []
    for index, axis in enumerate(AXES if inputs.predicted else ()):
        if axis not in table.scales:
            continue
        ratings = table.scale(axis)
        predicted = _by_clip(ratings, inputs.predicted, index)
        count = np.bincount(ratings.clip)
        perceived = np.bincount(ratings.clip, ratings.rating) / count
        system, condition = np.zeros(len(count), dtype=int), np.zeros(len(count), dtype=int)
        system[ratings.clip], condition[ratings.clip] = ratings.system, ratings.condition
        for name, chosen in (("all", system >= 0), *((it, system == k) for k, it in enumerate(ratings.systems))):
            own = chosen & np.isfinite(predicted)
            made = _agreement(predicted[own], perceived[own], condition[own], inputs.seed)
            if made is not None:
                rows.append(RegressorAgreement(axis, name, *made, int(own.sum())))
    return tuple(rows)


def _agreement(
    predicted: Floats, perceived: Floats, groups: NDArray[np.int_], seed: int
) -> tuple[PointEstimate, PointEstimate, PointEstimate] | None:
    """Correlation, concordance and bias over clips; None with too few, or without spread."""
    if len(np.unique(groups)) < MIN_UNITS or np.ptp(predicted) == 0 or np.ptp(perceived) == 0:
        return None

    def bias(p: Floats, t: Floats) -> float:
        return float((p - t).mean())

    def estimate(statistic: agreement.Statistic) -> PointEstimate:
        ci = agreement.bootstrap_ci(statistic, predicted, perceived, groups=groups, seed=seed)
        return PointEstimate(statistic(predicted, perceived), ci)

    return estimate(agreement.pearson), estimate(agreement.concordance), estimate(bias)


def _by_clip(ratings: ScaleRatings, known: Mapping[str, tuple[float, float]], axis: int) -> Floats:
    return np.array([known[clip][axis] if clip in known else np.nan for clip in ratings.clips])


def _quality_scores(systems: list[SystemMean], inputs: AnalysisInputs, level: float) -> tuple[RankAgreement, ...]:
    rows: list[RankAgreement] = []
    for scale in QUALITY_SCALES:
        known = [it for it in systems if it.scale == scale and it.name in inputs.quality_scores]
        scores = np.array([inputs.quality_scores[it.name] for it in known])
        made = rank_agreement(np.array([it.mean for it in known]), scores, level)
        if made is not None:
            names = tuple(it.name for it in known)
            rows.append(RankAgreement(scale, made[0], made[1], names, tuple(map(float, scores))))
    return tuple(rows)


def _reliability(table: RatingTable, ratings: ScaleRatings, seed: int, notes: list[str]) -> Reliability:
    matrix = ratings.matrix()
    whole = matrix[np.isfinite(matrix).all(axis=1)]
    icc1 = icc2 = alpha = None
    try:
        icc1, alpha = icc_one_way(matrix), krippendorff_alpha(matrix, seed)
        icc2 = icc_two_way(whole) if len(whole) >= MIN_UNITS and matrix.shape[1] > 1 else None
    except InputError as error:
        notes.append(f"reliability of {ratings.scale} is not defined: {error.what}")
    within = within_listener(table.table, ratings.scale, seed)
    clips, listeners = matrix.shape
    return Reliability(ratings.scale, icc1, icc2, alpha, within, clips, listeners, len(ratings))


def _variance(ratings: ScaleRatings, inputs: AnalysisInputs) -> VarianceOfScale | None:
    """None where each listener rated one clip, so that clips and listeners cannot be separated."""
    crossed = Crossed(ratings)
    if crossed.residual_variance is None or np.ptp(ratings.rating) == 0:
        return None
    values = components(ratings)
    intervals = component_intervals(ratings, inputs.seed)
    systems = range(len(ratings.systems))
    clips = round(float(np.mean([crossed.clips(system) for system in systems])))
    each = float(np.mean([crossed.count[system] / crossed.listeners(system) for system in systems]))
    made = precision(values, len(ratings.listeners), clips, each, inputs.target)
    listener, by_system, clip, error = (
        VarianceComponent(float(it), ci) for it, ci in zip(values.values(), intervals, strict=True)
    )
    return VarianceOfScale(
        ratings.scale,
        listener,
        by_system,
        clip,
        error,
        half_width=made.half_width,
        shares=made.shares,
        limit=made.limit,
        target=made.target,
        listeners_needed=made.listeners,
        clips_needed=made.clips,
        both_needed=made.both,
    )


def _effect(before: RatingTable, after: RatingTable) -> tuple[UnscreenedMean, ...]:
    """Means of systems with and without screening."""
    keys = ["system", "scale"]
    means = after.main.groupby(keys, sort=False)["rating"].mean()
    unscreened = before.main.groupby(keys, sort=False)["rating"].mean()
    both = pd.DataFrame({"mean": means, "unscreened": unscreened.reindex(means.index)}).reset_index()
    rows = zip(both["system"], both["scale"], both["mean"], both["unscreened"], strict=True)
    return tuple(UnscreenedMean(str(name), str(scale), float(a), float(b)) for name, scale, a, b in rows)
