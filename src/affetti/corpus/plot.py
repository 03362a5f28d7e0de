"""The emotion plane as matplotlib draws it: valence to the right, arousal upwards, both from -1 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CORNERS = {
    "tense": (-0.97, 0.97, "left", "top"),
    "happy": (0.97, 0.97, "right", "top"),
    "sad": (-0.97, -0.97, "left", "bottom"),
    "peaceful": (0.97, -0.97, "right", "bottom"),
}
"""Words for the quadrants: where each stands, and its alignment."""
COLOUR = "#0072B2"
"""The first of Okabe & Ito's, which people of any colour vision can distinguish."""


def new_axes() -> Axes:
    """The axes of a new figure."""
    from matplotlib import pyplot as plt  # a second to import, and it chooses how figures are shown

    return plt.subplots(layout="constrained")[1]


def draw_plane(ax: Axes) -> None:
    """Draw the plane without anything on it."""
    for line in (ax.axhline, ax.axvline):
        line(0, color="0.7", linewidth=0.8, zorder=0)
    for word, (x, y, side, base) in CORNERS.items():
        ax.text(x, y, word, ha=side, va=base, color="0.45", fontsize=9)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xlabel="valence", ylabel="arousal")


def plot_labels(labels: NDArray[np.float64], title: str, ax: Axes | None = None) -> Axes:
    """Draw labels on the plane, a point each; returns the axes.

    Args:
        labels: valence and arousal ``[N, 2]``; a clip without a label is NaN and left out.
        title: what they are of; the number of clips is added.
        ax: what to draw on; by default a new figure.
    """
    ax = ax or new_axes()
    labels = labels[np.isfinite(labels).all(axis=1)]
    # Many clips lie on top of each other: their number shows as darkness.
    alpha = float(np.clip(40 / max(len(labels), 1) ** 0.5, 0.15, 0.8))
    ax.scatter(labels[:, 0], labels[:, 1], s=12, color=COLOUR, alpha=alpha, linewidths=0)
    draw_plane(ax)
    ax.set_title(f"{title}: {len(labels)} clips")
    return ax
