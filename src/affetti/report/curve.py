"""A picture of predictions: the curve of each recording on the valence-arousal plane, and over time.

Colours are Okabe & Ito's, which people of any colour vision can distinguish; recordings differ in their markers too. Of
a single recording the interval is drawn as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affetti.corpus.plot import draw_plane
from affetti.emotion import AXES
from affetti.errors import UsageError
from affetti.inference.predictor import SongPrediction
from affetti.storage import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "P", "X", "v", "*")
MAX_LETTERS = 48
"""Letters of a name that are shown."""


def require_picture(path: Path) -> None:
    """Refuse a file that is not a picture that matplotlib can write.

    Raises:
        UsageError: names the endings of those that are.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{path.suffix!r} is no picture", where="--picture", hint="name it .png, .svg or .pdf")


def curve_picture(predictions: Sequence[SongPrediction], path: Path) -> list[str]:
    """Draw the first eight recordings that could be predicted.

    Args:
        predictions: see :func:`affetti.predict`.
        path: the picture: ``.png``, ``.svg`` or ``.pdf``.

    Returns:
        The paths of the recordings for which there was no room.

    Raises:
        UsageError: ``path`` is not a picture.
        StorageError: it cannot be written.
    """
    require_picture(path)
    figure, left_out = draw_curves(predictions)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=130, format=path.suffix.lower().removeprefix("."))
    return left_out


def draw_curves(predictions: Sequence[SongPrediction]) -> tuple[Figure, list[str]]:
    """The drawing of :func:`curve_picture`, and the paths of the recordings for which there was no room."""
    from matplotlib.figure import Figure  # a second to import

    predicted = [_Drawable.of(prediction) for prediction in predictions if prediction.error is None]
    drawn = predicted[: len(COLOURS)]
    figure = Figure(figsize=(10, 4.6 + 0.2 * len(drawn)), layout="constrained")
    axes = figure.subplot_mosaic([["plane", "valence"], ["plane", "arousal"]], width_ratios=(1, 1.2))
    for number, recording in enumerate(drawn):
        _draw(axes, recording, COLOURS[number], MARKERS[number], intervals=len(drawn) == 1)
    draw_plane(axes["plane"])
    for axis in AXES:
        axes[axis].axhline(0, color="0.7", linewidth=0.8, zorder=0)
        axes[axis].set(ylim=(-1, 1), ylabel=axis)
    axes["valence"].tick_params(labelbottom=False)
    axes["arousal"].set(xlabel="time, s")
    axes["valence"].sharex(axes["arousal"])
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure, [recording.path for recording in predicted[len(COLOURS) :]]


@dataclass(frozen=True)
class _Drawable:
    """A recording that could be predicted, by axis."""

    path: str
    times: list[float]
    curve: dict[str, list[float]]
    mean: dict[str, float]
    interval: dict[str, list[float] | None]

    @classmethod
    def of(cls, prediction: SongPrediction) -> _Drawable:
        points = prediction.curve or []
        return cls(
            prediction.path or "",
            [point.time for point in points],
            {
                # NaN is not drawn.
                "valence": [np.nan if point.valence is None else point.valence for point in points],
                "arousal": [np.nan if point.arousal is None else point.arousal for point in points],
            },
            {"valence": prediction.valence or 0.0, "arousal": prediction.arousal or 0.0},
            {"valence": prediction.valence_ci, "arousal": prediction.arousal_ci},
        )

    @property
    def label(self) -> str:
        """Name of the file, shortened."""
        name = Path(self.path).name
        return name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"


def _draw(axes: Mapping[str, Any], recording: _Drawable, colour: str, mark: str, *, intervals: bool) -> None:
    """Draw one recording on the plane and over time."""
    plane, mean = axes["plane"], recording.mean
    valence, arousal = recording.interval["valence"], recording.interval["arousal"]
    plane.plot(recording.curve["valence"], recording.curve["arousal"], "-", color=colour, linewidth=1, alpha=0.5)
    if intervals and valence is not None and arousal is not None:
        across = np.abs(np.subtract(valence, mean["valence"]))[:, None]
        up = np.abs(np.subtract(arousal, mean["arousal"]))[:, None]
        plane.errorbar(mean["valence"], mean["arousal"], up, across, color="0.5", capsize=3)
    style: dict[str, Any] = {"markersize": 9, "markeredgecolor": "w", "zorder": 3, "linestyle": "none"}
    plane.plot(mean["valence"], mean["arousal"], mark, color=colour, label=recording.label, **style)
    every = max(1, len(recording.times) // 12)
    for axis in AXES:
        points = recording.curve[axis]
        axes[axis].plot(recording.times, points, "-", color=colour, marker=mark, markersize=4, markevery=every)
        interval = recording.interval[axis]
        if intervals and interval is not None:
            axes[axis].axhspan(*interval, color=colour, alpha=0.12, linewidth=0)
