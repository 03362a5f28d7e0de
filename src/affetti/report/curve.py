"""A picture of predictions: each recording's way over the valence-arousal plane, and over time.

Colours are Okabe & Ito's, which people of any colour vision tell apart; markers tell recordings apart too. Of a single
recording the interval is drawn as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affetti.emotion import AXES
from affetti.errors import UsageError
from affetti.storage import atomic_write

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "P", "X", "v", "*")
CORNERS = {
    "tense": (-0.97, 0.97, "left", "top"),
    "happy": (0.97, 0.97, "right", "top"),
    "sad": (-0.97, -0.97, "left", "bottom"),
    "peaceful": (0.97, -0.97, "right", "bottom"),
}
LONGEST = 48
"""Letters of a name that are shown."""


def require_picture(path: Path) -> None:
    """Refuse a file that is no picture matplotlib can write.

    Raises:
        UsageError: names the endings that do.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{path.suffix!r} is no picture", where="--picture", hint="name it .png, .svg or .pdf")


def curve_picture(entries: Sequence[dict[str, Any]], path: Path) -> list[str]:
    """Draw the first eight recordings of ``entries`` (see :func:`affetti.predict`) into ``path``.

    Returns:
        the paths of the recordings for which there was no room.

    Raises:
        UsageError: ``path`` is no picture.
        StorageError: it cannot be written.
    """
    require_picture(path)
    from matplotlib.figure import Figure  # a second to import

    read = [entry for entry in entries if entry.get("error") is None]
    drawn = read[: len(COLOURS)]
    figure = Figure(figsize=(10, 4.6 + 0.2 * len(drawn)), layout="constrained")
    places = figure.subplot_mosaic([["plane", "valence"], ["plane", "arousal"]], width_ratios=(1, 1.2))
    plane = places["plane"]
    for number, entry in enumerate(drawn):
        curve, colour, mark = entry["curve"], COLOURS[number], MARKERS[number]
        series = {axis: [point[axis] for point in curve] for axis in AXES}
        times = [point["time"] for point in curve]
        plane.plot(series["valence"], series["arousal"], "-", color=colour, linewidth=1, alpha=0.5)
        if len(drawn) == 1 and None not in (entry["valence_ci"], entry["arousal_ci"]):
            reach = [np.abs(np.subtract(entry[f"{axis}_ci"], entry[axis]))[:, None] for axis in AXES]
            plane.errorbar(entry["valence"], entry["arousal"], reach[1], reach[0], color="0.5", capsize=3)
        at: dict[str, Any] = {"markersize": 9, "markeredgecolor": "w", "zorder": 3, "linestyle": "none"}
        name = Path(entry["path"]).name
        label = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        plane.plot(entry["valence"], entry["arousal"], mark, color=colour, label=label, **at)
        for axis in AXES:
            every = max(1, len(times) // 12)
            places[axis].plot(times, series[axis], "-", color=colour, marker=mark, markersize=4, markevery=every)
            if len(drawn) == 1 and entry[f"{axis}_ci"] is not None:
                places[axis].axhspan(*entry[f"{axis}_ci"], color=colour, alpha=0.12, linewidth=0)
    for line in (plane.axhline, plane.axvline, *(places[axis].axhline for axis in AXES)):
        line(0, color="0.7", linewidth=0.8, zorder=0)
    for word, (x, y, side, base) in CORNERS.items():
        plane.text(x, y, word, ha=side, va=base, color="0.45", fontsize=9)
    plane.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xlabel="valence", ylabel="arousal")
    for axis in AXES:
        places[axis].set(ylim=(-1, 1), ylabel=axis)
    places["valence"].tick_params(labelbottom=False)
    places["arousal"].set(xlabel="time, s")
    places["valence"].sharex(places["arousal"])
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=130, format=path.suffix.lower().removeprefix("."))
    return [entry["path"] for entry in read[len(COLOURS) :]]
