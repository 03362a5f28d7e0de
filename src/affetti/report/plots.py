"""Pictures of results as matplotlib draws them: ``result.plot()``.

Each function takes the axes to draw on, or makes a figure of its own, and returns the axes, so that titles, limits and
files are set as everywhere in matplotlib::

    ax = affetti.score("corpus", "synthetic", fold=0).plot()
    ax.figure.savefig("score.png")

Colours are Okabe & Ito's, which people of any colour vision can distinguish. The pages of :mod:`affetti.report` draw
SVG with a text alternative instead: do not use these pictures where a screen reader must read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affetti.corpus.plot import new_axes
from affetti.emotion import AXES
from affetti.errors import UsageError
from affetti.inference.predictor import SongPrediction
from affetti.report.augmentation import MEASURES
from affetti.report.curve import COLOURS, MARKERS
from affetti.report.scorecard import PART_WORDS
from affetti.results import BaseResult
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_prediction(prediction: SongPrediction, ax: Axes | None = None) -> Axes:
    """Valence and arousal of a recording over time, with the calibrated interval of its mean as a band.

    Args:
        prediction: a recording that could be predicted.
        ax: what to draw on; by default a new figure.

    Raises:
        UsageError: the recording could not be predicted.
    """
    if prediction.error is not None or not prediction.curve:
        raise UsageError(
            f"there is nothing to draw ({prediction.error or 'no curve'})",
            where=prediction.path or "prediction",
            hint="plot a recording without an error",
        )
    ax = ax or new_axes()
    times = [point.time for point in prediction.curve]
    for number, axis in enumerate(AXES):
        values = [np.nan if (value := getattr(point, axis)) is None else value for point in prediction.curve]
        every = max(1, len(times) // 12)
        ax.plot(times, values, color=COLOURS[number], marker=MARKERS[number], markersize=4, markevery=every, label=axis)
        interval = getattr(prediction, f"{axis}_ci")
        if interval is not None:
            ax.axhspan(*interval, color=COLOURS[number], alpha=0.12, linewidth=0)
    ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    ax.set(ylim=(-1, 1), xlabel="time, s", ylabel="emotion")
    ax.legend(frameon=False)
    if prediction.path is not None:
        ax.set_title(Path(prediction.path).name)
    return ax


def plot_scorecard(card: Scorecard, ax: Axes | None = None) -> Axes:
    """The Quality Score with its 95 % interval, and the score of each of its parts, 0 to 100 (real music: 100).

    Args:
        card: a scorecard.
        ax: what to draw on; by default a new figure.
    """
    ax = ax or new_axes()
    parts = card.quality.components
    names = [PART_WORDS.get(name, name) for name in parts]
    ax.barh(names, [part.score for part in parts.values()], color=COLOURS[5], height=0.6)
    low, high = card.quality.ci
    ax.axvspan(low, high, color=COLOURS[0], alpha=0.15, linewidth=0)
    label = f"Quality Score {card.quality.score:.0f} [{low:.0f}, {high:.0f}]"
    ax.axvline(card.quality.score, color=COLOURS[0], label=label)
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="score (real music: 100)")
    ax.legend(frameon=False, loc="lower right")
    return ax


def plot_study(result: StudyResult, ax: Axes | None = None) -> Axes:
    """The difference of each arm from the reference, with intervals that hold for all arms at once.

    Args:
        result: an augmentation study.
        ax: what to draw on; by default a new figure.
    """
    ax = ax or new_axes()
    arms = [arm for arm in result.arms if arm.name != result.reference]
    for row, arm in enumerate(arms):
        low, high = arm.delta_ci_simultaneous or arm.delta_ci
        ax.plot([low, high], [row, row], color=COLOURS[0], linewidth=1.5)
        ax.plot(arm.delta, row, marker="o", color=COLOURS[0])
    ax.axvline(0, color="0.5", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(arms)), [arm.name for arm in arms])
    ax.invert_yaxis()
    ax.set_xlabel(f"{MEASURES[result.measure]} on held-out real songs, less that of {result.reference}")
    return ax


PLOTS: Mapping[type[BaseResult], Callable[[Any, Axes | None], Axes]] = {
    SongPrediction: plot_prediction,
    Scorecard: plot_scorecard,
    StudyResult: plot_study,
}
"""What draws each type of result."""


def plot_result(result: BaseResult, ax: Axes | None = None) -> Axes:
    """Draw a result: see :data:`PLOTS`.

    Raises:
        UsageError: results of this type have no picture.
    """
    draw = next((draw for kind, draw in PLOTS.items() if isinstance(result, kind)), None)
    if draw is None:
        kinds = ", ".join(kind.__name__ for kind in PLOTS)
        raise UsageError(f"a {type(result).__name__} has no picture", hint=f"plot one of: {kinds}")
    return draw(result, ax)
