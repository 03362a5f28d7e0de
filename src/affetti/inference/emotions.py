"""Emotions to request from a generator."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from affetti import tables
from affetti.emotion import AXES, Emotion
from affetti.errors import InputError, UsageError
from affetti.random import child_seed
from affetti.storage import expand_home

CHOICES = ("uniform", "matched", "gaps")
GRID_POINTS = 41
"""Points an axis on which the density of the training labels is measured."""
MIN_DENSITY = 0.05
"""Share of the highest density below which a point is out of the generator's reach."""


def choose_emotions(emotions: str, n: int, trained_on: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The conditions ``[n, 2]`` or, for ``matched``, ``[n, K]`` that ``emotions`` stands for.

    Args:
        emotions: ``uniform`` on the plane (the study's choice); ``matched`` to the clips it was trained on, with all
            their fields; ``gaps``, where these are rare but not absent; a word; ``V,A``; or a CSV file with the
            columns valence and arousal (its rows are used in turn).
        n: how many.
        trained_on: conditions ``[N, K]`` of the training clips.
        seed: of the draw.

    Raises:
        UsageError: ``emotions`` is none of these.
        InputError: the CSV cannot be used.
    """
    rng = np.random.default_rng(child_seed("emotions", seed))
    if emotions == "uniform":
        return rng.uniform(-1.0, 1.0, (n, 2))
    if emotions == "matched":
        # Whole shuffled passes over the training clips, so that each occurs equally often, give or take one.
        passes = [rng.permutation(len(trained_on)) for _ in range(-(-n // len(trained_on)))]
        return trained_on[np.concatenate(passes)[:n]]
    if emotions == "gaps":
        return _gaps(n, trained_on[:, :2], rng)
    if emotions.lower().endswith(".csv"):
        return _from_csv(expand_home(emotions), n)
    near = difflib.get_close_matches(emotions.lower(), CHOICES, n=1)
    if near:
        raise UsageError(f"{emotions!r} is not a choice", where="--emotions", hint=f"did you mean {near[0]}?")
    point = Emotion.parse(emotions)
    return np.tile([point.valence, point.arousal], (n, 1))


def _gaps(n: int, labels: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Points drawn in proportion to what is missing: the highest density less the density, where there is any."""
    axis = np.linspace(-1.0, 1.0, GRID_POINTS)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    try:
        density = gaussian_kde(labels.T)(points.T)
    except (np.linalg.LinAlgError, ValueError) as error:
        raise InputError("the training labels lie on a line: it has no gaps", hint="use uniform") from error
    missing = np.where(density > MIN_DENSITY * density.max(), density.max() - density, 0.0)
    chosen = points[rng.choice(len(points), n, p=missing / missing.sum())]
    half = 1.0 / (GRID_POINTS - 1)
    return (chosen + rng.uniform(-half, half, chosen.shape)).clip(-1.0, 1.0)


def _from_csv(path: Path, n: int) -> NDArray[np.float64]:
    rows = tables.read(path, AXES, hint="give a CSV with the columns valence and arousal")
    values = np.array([[row.number(axis, -1, 1) for axis in AXES] for row in rows])
    return values[np.arange(n) % len(values)]
