"""Harmony, as far as a log-mel shows it: which partials sound, and how long they stay.

A log-mel has no pitch. Its bands are a semitone wide at 800 Hz (64 bands up to 8 kHz; 400 Hz at 128), and wider than
that below, so chroma cannot be had from it. What it does hold is its fine structure over bands: levels less their mean
over neighbouring bands, where partials stand out. Two moments with the same notes have the same fine structure, and a
change of chord or key changes it. Measured are its cosine between moments by the lag between them, how many different
ones a clip has (entropy of the eigenvalues of its cosine matrix), how alike halves, quarters and eighths of the clip
are, and how strong it is.

When not to use: to measure consonance, to name chords, or to distinguish major from minor or wrong notes from right
ones.
"""

from __future__ import annotations

import numpy as np

from affetti.metrics.mel_features import MIN_SPREAD_DB, Batch
from affetti.metrics.sample import Floats

MOMENTS = 32
"""Windows a clip is cut into."""
PARTS = (2, 4, 8)


def harmony_features(x: Batch) -> Floats:
    """Features of log-mels in dB ``[B, M, F]``: ``[B, D]``, D by F alone."""
    fine = _fine_structure(x)
    moments = _unit_means(fine, min(MOMENTS, x.shape[2] // 2))
    cosine = moments @ moments.transpose(0, 2, 1)
    columns: list[Floats] = []
    lag = 1
    while lag <= 3 * cosine.shape[1] // 4:
        alike = np.diagonal(cosine, lag, axis1=1, axis2=2)
        columns += [alike.mean(axis=1), alike.min(axis=1)]
        lag *= 2
    shares = np.maximum(np.linalg.eigvalsh(cosine) / cosine.shape[1], 1e-9)
    columns += [-(shares * np.log(shares)).sum(axis=1), np.log(shares[:, -1] + 0.01)]
    for count in PARTS:
        parts = _unit_means(fine, count)
        alike = parts @ parts.transpose(0, 2, 1)
        later, earlier = np.tril_indices(count, -1)
        columns.append(alike[:, later, earlier].mean(axis=1))
        if count > 2:
            columns += [alike[:, later, earlier].min(axis=1), np.diagonal(alike, 1, axis1=1, axis2=2).min(axis=1)]
    strength = 0.5 * np.log(np.einsum("bmf,bmf->b", fine, fine) / fine[0].size + MIN_SPREAD_DB**2)
    lasting = 0.5 * np.log((fine.mean(axis=2, dtype=np.float64) ** 2).mean(axis=1) + MIN_SPREAD_DB**2)
    return np.stack([*columns, strength, lasting - strength], axis=1)


def _fine_structure(x: Batch) -> Batch:
    """Levels less their mean over a tenth of the bands about each."""
    reach = max(1, x.shape[1] // 20)
    padded = np.pad(x, ((0, 0), (reach + 1, reach), (0, 0)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    width = 2 * reach + 1
    return np.asarray(x - (sums[:, width:] - sums[:, :-width]) / width, dtype=np.float32)


def _unit_means(fine: Batch, count: int) -> Floats:
    """Mean over each of ``count`` windows ``[B, count, M]``, of length 1 where it is not silent."""
    edges = np.linspace(0, fine.shape[2], count + 1).round().astype(int)
    means = (np.add.reduceat(fine, edges[:-1], axis=2) / np.diff(edges)).transpose(0, 2, 1).astype(np.float64)
    return np.asarray(means / (np.sqrt((means**2).sum(axis=2, keepdims=True)) + MIN_SPREAD_DB))
