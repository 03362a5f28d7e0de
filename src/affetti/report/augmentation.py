"""The section on the augmentation study: arms, methods, learning curve, sampling, training steps, published protocol.

All of it is drawn from the study's result alone. A part that was not requested has no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from affetti.report import figures
from affetti.report.drawing import legend_line
from affetti.report.figures import Bar, Line, panels
from affetti.report.wording import with_interval
from affetti.studies.augmentation.results import (
    ArmResult,
    PublishedProtocol,
    SamplingRow,
    StudyResult,
    TrainingStepsRow,
)

MAX_CURVES = 6
"""Arms drawn in the learning curve, at most."""
MEASURES = {"ccc": "CCC", "accuracy": "share of clips predicted in the right quadrant"}
NOT_A_NUMBER = float("nan")


@dataclass(frozen=True)
class LearningCurve:
    """The learning curves of the arms."""

    figure: Markup
    legend: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True)
class GeneratorFigure:
    """A figure of one generator, ``kind``."""

    kind: str
    figure: Markup
    sampling: str = ""
    """The sampling parameter, where one is varied."""


@dataclass(frozen=True)
class ProtocolComparison:
    """The published protocol beside the honest one."""

    result: PublishedProtocol
    figure: Markup
    honest_gain: str | None
    """With its interval; None where the arm was not run."""


@dataclass(frozen=True)
class StudySection:
    """What the template ``arms.html`` needs of one study."""

    name: str
    result: StudyResult
    values: Markup
    """The measure of each arm."""
    differences: Markup
    """The difference of each arm from the reference."""
    by_genre: bool
    """Whether any arm has results by genre."""
    curve: LearningCurve | None
    tradeoffs: tuple[GeneratorFigure, ...]
    training_steps: tuple[GeneratorFigure, ...]
    published: ProtocolComparison | None
    left_out: tuple[str, ...]


def study_section(result: StudyResult, name: str) -> StudySection:
    """Draw a study."""
    values = [_bar(arm, _measured(arm, result), _measured_interval(arm, result), result) for arm in result.arms]
    differences = [_bar(arm, arm.delta, arm.delta_ci_simultaneous or arm.delta_ci, result) for arm in result.arms]
    return StudySection(
        name=name,
        result=result,
        values=figures.forest(values, f"{MEASURES[result.measure]} on held-out real songs"),
        differences=figures.forest(differences, f"difference from {result.reference}", zero=True),
        by_genre=any(arm.by_genre for arm in result.arms),
        curve=_learning_curve(result),
        tradeoffs=_tradeoffs(result),
        training_steps=_training_steps(result),
        published=_published(result),
        left_out=tuple(arm.name for arm in result.left_out),
    )


def _measured(arm: ArmResult, result: StudyResult) -> float:
    return arm.ccc if result.measure == "ccc" or arm.accuracy is None else arm.accuracy


def _measured_interval(arm: ArmResult, result: StudyResult) -> tuple[float, float]:
    return arm.ci if result.measure == "ccc" or arm.accuracy_ci is None else arm.accuracy_ci


def _bar(arm: ArmResult, value: float, interval: tuple[float, float], result: StudyResult) -> Bar:
    generated = {made.name for made in result.synthetic}
    colour = 4 if arm.name.endswith("-shuffled") else 0 if arm.name in generated else 1
    return Bar(arm.name, value, *interval, colour, hollow=arm.name == result.reference)


def _learning_curve(result: StudyResult) -> LearningCurve | None:
    """Each arm's measure and difference against the number of real training songs."""
    if not result.curve:
        return None
    names = [arm.name for arm in result.curve[-1].arms if arm.name != "real"][:MAX_CURVES]
    values: list[Line] = []
    gains: list[Line] = []
    for name in names:
        points = [(point.songs, arm) for point in result.curve for arm in point.arms if arm.name == name]
        values.append(Line(name, [_without_interval(songs, _measured(arm, result)) for songs, arm in points]))
        gains.append(Line(name, [_without_interval(songs, arm.delta) for songs, arm in points]))
    figure = panels(
        "real songs trained on",
        [(MEASURES[result.measure], values), (f"difference from {result.reference}", gains)],
        "Learning curves of the arms.",
    )
    return LearningCurve(figure, tuple((name, legend_line(number)) for number, name in enumerate(names)))


def _without_interval(x: float, value: float) -> figures.Point:
    return float(x), value, NOT_A_NUMBER, NOT_A_NUMBER


def _tradeoffs(result: StudyResult) -> tuple[GeneratorFigure, ...]:
    """Quality, diversity and difference by the value of a sampling parameter."""
    drawn: list[GeneratorFigure] = []
    for kind, parameter in dict.fromkeys((row.kind, row.sampling) for row in result.tradeoff):
        rows = [row for row in result.tradeoff if (row.kind, row.sampling) == (kind, parameter)]
        parts = _method_panels(rows, [row.value for row in rows], kind, result, diversity=True)
        if parts:
            figure = panels(f"{parameter} of {kind}", parts, f"Trade-off over {parameter} of {kind}.")
            drawn.append(GeneratorFigure(kind, figure, parameter))
    return tuple(drawn)


def _training_steps(result: StudyResult) -> tuple[GeneratorFigure, ...]:
    """Quality and difference against seconds of training."""
    drawn: list[GeneratorFigure] = []
    for kind in dict.fromkeys(row.kind for row in result.training_steps):
        rows = [row for row in result.training_steps if row.kind == kind]
        parts = _method_panels(rows, [row.seconds for row in rows], kind, result, diversity=False)
        if parts:
            figure = panels(f"seconds of training {kind}", parts, f"Gain of training {kind} longer.")
            drawn.append(GeneratorFigure(kind, figure))
    return tuple(drawn)


def _method_panels(
    rows: Sequence[SamplingRow] | Sequence[TrainingStepsRow],
    x: Sequence[float],
    kind: str,
    result: StudyResult,
    *,
    diversity: bool,
) -> list[tuple[str, list[Line]]]:
    """A chart for each thing that was measured of ``rows``, over ``x``."""
    named = "difference in CCC" if result.measure == "ccc" else "difference in accuracy"
    charts = {"Quality Score": _points(x, [(row.quality, row.quality_ci) for row in rows])}
    if diversity:
        charts["diversity (1: real music)"] = _points(x, [(row.diversity, None) for row in rows])
    charts[named] = _points(x, [(row.delta, row.delta_ci) for row in rows])
    return [(name, [Line(kind, points)]) for name, points in charts.items() if points]


def _points(
    x: Sequence[float], measured: Sequence[tuple[float | None, tuple[float, float] | None]]
) -> list[figures.Point]:
    return [
        (float(at), value, *(interval or (NOT_A_NUMBER, NOT_A_NUMBER)))
        for at, (value, interval) in zip(x, measured, strict=True)
        if value is not None
    ]


def _published(result: StudyResult) -> ProtocolComparison | None:
    protocol = result.published_protocol
    if protocol is None:
        return None
    bars = [
        Bar(name, seeds.value, *seeds.range, 3)
        for name, seeds in (
            ("as published, mixed test", protocol.mixed),
            ("its model, real test clips", protocol.mixed_on_real),
            ("as published, real alone", protocol.real),
        )
    ]
    arms = {arm.name: arm for arm in result.arms}
    honest = [arms[name] for name in (protocol.generator, result.reference) if name in arms]
    bars += [Bar(f"honest, {arm.name}", arm.ccc, *arm.ci, 0, hollow=arm.name == result.reference) for arm in honest]
    gain = None
    if protocol.honest_gain is not None:
        gain = with_interval(protocol.honest_gain, protocol.honest_gain_ci)
    return ProtocolComparison(protocol, figures.forest(bars, "CCC by protocol"), gain)
