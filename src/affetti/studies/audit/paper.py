"""Sentences for a paper: methods, future work, and why CCC is not higher, with what was measured.

Each verb follows from an interval. "raise", "more" and "below" are said where the whole 95 % interval says so, or where
two intervals do not overlap; anything else is called not shown or not distinguished, whatever the value. What was not
measured is called that, and no number is taken over from the published study.

When not to use: as a verdict on a method. A study of few seeds or one generator run is called exploratory, and stays so
in print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from affetti.metrics.published import tier_of
from affetti.studies.audit.answer import Measurement, format_measurement
from affetti.studies.augmentation.arm_results import ArmResult, Interval
from affetti.studies.augmentation.results import MethodRow, StudyResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training.registry import GENERATORS

NO_STUDY = (
    "No study in CCC with an arm of a generator was given (--study): what training on its clips gains was not measured."
)
MIN_GENERATOR_RUNS = 3
"""Runs of a generator under which a gain is of these runs, not of the method."""
Relation = Literal["below", "above", "not distinguished from"]


def relation(first: Interval, second: Interval) -> Relation:
    """How one interval lies to another: "not distinguished from" where they overlap or touch.

    Example:
        >>> relation((40, 60), (90, 100)), relation((40, 95), (90, 100))
        ('below', 'not distinguished from')
    """
    if first[1] < second[0]:
        return "below"
    return "above" if first[0] > second[1] else "not distinguished from"


def methods_sentences(studies: Sequence[StudyResult], scorecards: Sequence[Scorecard] = ()) -> str:
    """How many clips of which generator were added, how they score beside real clips, and what they gain.

    Args:
        studies: of several that have an arm the first counts.
        scorecards: of synthetic sets.
    """
    sentences: dict[str, str] = {}
    for study in studies:
        for row in study.arms:
            if row.name in GENERATORS and study.measure == "ccc" and row.name not in sentences:
                sentences[row.name] = _gain_sentence(study, row)
    said = [*sentences.values(), *map(_score_sentence, scorecards)]
    return " ".join(said if sentences else [*said, NO_STUDY])


def ccc_sentences(measurements: Mapping[str, Measurement], studies: Sequence[StudyResult]) -> str:
    """Why CCC is not higher: the ceiling of the labels, what a probe finds, what the regressor finds.

    Args:
        measurements: by ``question.measurement``.
        studies: the first in CCC says what its regressor reaches without synthetic clips.
    """
    labels = measurements.get("ceiling.label_ccc")
    probe = measurements.get("information.own_emotion_ccc_log_mel")
    regressor = next((_reference(study) for study in studies if study.measure == "ccc"), None)
    named: list[tuple[str, Interval]] = []
    said: list[str] = []
    if labels is None or labels.value is None:
        said.append("The ceiling that raters' disagreement sets on CCC was not measured.")
    else:
        said.append(f"The disagreement of raters caps CCC at {format_measurement(labels)}.")
    if probe is None or probe.value is None:
        said.append("What a linear probe finds in log-mels was not measured.")
    else:
        said.append(f"A linear probe on statistics of log-mels reaches {format_measurement(probe)} on held-out songs.")
        named += [("the probe", probe.ci)] if probe.ci else []
    if regressor is None:
        said.append("What a regressor reaches was not measured (--study).")
    else:
        words, row, songs = regressor
        reached = f"{row.ccc:.2f} [{row.ci[0]:.2f}, {row.ci[1]:.2f}]"
        said.append(f"The regressor of the study ({words}) reaches {reached} on {songs} test songs.")
        named.append(("the regressor", row.ci))
    if len(named) == 2:
        (_, below), (_, above) = named
        said.append(
            f"Of both, the regressor is {relation(above, below)} the probe; they are tested on different songs."
        )
    if labels is not None and labels.ci is not None and named:
        said.append(_of_ceiling(named[-1], labels.ci))
    return " ".join(said)


def future_work(
    measurements: Mapping[str, Measurement], mitigations: Mapping[str, str], *, composed: bool
) -> tuple[str, ...]:
    """What to do next, a sentence each, that first which was measured to cost most.

    The cost is what a linear regressor of emotion gains from an aspect beyond the log-mel (``variance.ASPECT``), which
    is measured alike for all. Aspects that were not measured come last.

    Args:
        measurements: by ``question.measurement``.
        mitigations: what helps, by aspect.
        composed: whether the music is composed, whose labels are the composer's.
    """
    known = {name: measurements.get(f"variance.{name}") for name in mitigations}
    costs = {name: it for name, it in known.items() if it is not None and it.value is not None}
    order = sorted(costs, key=lambda name: -(costs[name].value or 0.0))
    target = "the composer's labels" if composed else "emotion"
    said: list[str] = []
    for place, name in enumerate(order):
        before = costs[order[place - 1]] if place else None
        said.append(_cost_sentence(name, mitigations[name], costs[name], target, before, order[place - 1]))
    return tuple(said) + tuple(f"{name}: {what}. What it costs was not measured." for name, what in mitigations.items()
                               if name not in costs)  # fmt: skip


def _cost_sentence(
    name: str, mitigation: str, cost: Measurement, target: str, before: Measurement | None, above: str
) -> str:
    shown = format_measurement(cost, 1)
    if cost.ci is not None and cost.ci[0] > 0:
        said = f"{name}: {mitigation}. A linear regressor explains {shown} more of the variance of {target} with it"
    else:
        said = f"{name}: {mitigation}. No gain is shown for a linear regressor ({shown} of the variance of {target})"
    if before is not None and (before.ci is None or cost.ci is None or relation(cost.ci, before.ci) != "below"):
        said += f"; its place after {above} is not established"
    return f"{said}."


def _gain_sentence(study: StudyResult, row: ArmResult) -> str:
    """What the arm of a generator on top of the recipe gains."""
    reference = study.arm(study.reference)
    added = (row.n_train or 0) - (reference.n_train or 0)
    clips = f"{added:,} clips" if added > 0 else "Clips"
    low, high, whose = _interval_of(study, row)
    if low > 0:
        finding = "raises CCC"
    elif high < 0:
        finding = "lowers CCC"
    else:
        finding = "is not shown to change CCC"
    recipe = f"On top of {', '.join(study.recipe)}" if study.recipe else "Without other augmentation"
    said = (
        f"{clips} of {row.name} ({_quality(study, row.name)}) were added to the real training clips. {recipe}, "
        f"this {finding} on {study.test.songs} real test songs: {row.delta:+.3f} [{low:+.3f}, {high:+.3f}] ({whose})"
    )
    limits: list[str] = []
    if study.exploratory:
        limits.append("the study is exploratory")
    if row.generator_runs is not None and row.generator_runs < MIN_GENERATOR_RUNS:
        runs = "one run" if row.generator_runs == 1 else f"{row.generator_runs} runs"
        limits.append(f"it is of {runs} of the generator, not of the method")
    return f"{said}; {', and '.join(limits)}." if limits else f"{said}."


def _interval_of(study: StudyResult, row: ArmResult) -> tuple[float, float, str]:
    """The interval that may be cited: of the primary contrast its own, of other arms that for all at once."""
    if study.primary is not None and (study.primary.arm, study.primary.reference) == (row.name, study.reference):
        return *study.primary.ci, "95 % interval of the primary contrast"
    if row.delta_ci_simultaneous is not None:
        return *row.delta_ci_simultaneous, "95 % interval for all arms at once"
    return *row.delta_ci, "95 % interval of this difference alone"


def _quality(study: StudyResult, name: str) -> str:
    rows = {method.name: method for method in study.hierarchy}
    own, real = rows.get(name), rows.get(study.reference) or rows.get("real")
    if own is None or own.quality is None:
        return "Quality Score not measured"
    said = f"Quality Score {_points(own)}"
    if own.quality_ci is None:
        return said
    said += f", {_tiers(own.quality_ci)} in the study's words"
    if real is None or real.quality is None or real.quality_ci is None:
        return said
    return f"{said}, {relation(own.quality_ci, real.quality_ci)} the {_points(real)} of real training clips"


def _points(row: MethodRow) -> str:
    ends = "" if row.quality_ci is None else f" [{row.quality_ci[0]:.0f}, {row.quality_ci[1]:.0f}]"
    return f"{row.quality:.0f}{ends}"


def _tiers(ci: Interval) -> str:
    """The study's word for a score, from the lower to the upper end of its interval."""
    low, high = (tier_of(end) for end in ci)
    return f"'{low}'" if low == high else f"'{low}' to '{high}'"


def _score_sentence(scorecard: Scorecard) -> str:
    """A scorecard in one sentence; its score is calibrated so that other real songs score 100."""
    quality = scorecard.quality
    low, high = quality.ci
    made = scorecard.generator.generator if scorecard.generator else scorecard.fake
    return (
        f"{scorecard.n_fake:,} clips of {made} have a Quality Score of {quality.score:.0f} [{low:.0f}, {high:.0f}] "
        f"against {scorecard.n_real:,} real clips, {_tiers(quality.ci)} in the study's words, where other real songs "
        "score 100."
    )


def _reference(study: StudyResult) -> tuple[str, ArmResult, int]:
    return study.regressor.describe(), study.arm(study.reference), study.test.songs


def _of_ceiling(best: tuple[str, Interval], ceiling: Interval) -> str:
    name, reached = best
    if relation(reached, ceiling) == "below":
        return (
            f"The interval of {name} lies below that of the ceiling: raters' disagreement alone does not explain what "
            "is missing."
        )
    return f"The interval of {name} reaches that of the ceiling: raters' disagreement may explain all that is missing."
