"""How well emotion is predicted in each genre, and whether genres differ in it at all.

CCC (mean of valence's and arousal's) of predictions out of fold, with an interval over the genre's songs. The largest
less the smallest of several CCCs is never negative, and large with few songs whatever the truth: so it is compared with
a permutation distribution, in which genres are assigned to songs at random. Where that is as large, the genres do not
differ.

A closed form is reported beside them: Fisher's interval of a correlation, tanh(artanh r ± 1.96 / √(n − 3)), for the
study's smallest genre. It assumes that its 18 clips are of 18 songs, and takes CCC for r. When not to use: to rank
genres. A genre whose labels vary little has a low CCC at the same error.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti import metrics
from affetti.errors import InputError
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.probes.linear_probe import Floats, Texts

MIN_SONGS = 3
"""Songs of a genre below which nothing is said of it."""
N_PERMUTATIONS, N_PERMUTATIONS_QUICK = 1_000, 300
STUDY_SMALLEST_GENRE = (0.68, 18)
"""CCC and number of clips of the smallest genre in the study."""


def clip_genres(clips: pd.DataFrame) -> Texts:
    """Genre of each clip ``[N]``: lower case, words joined by ``_``; empty where it is unknown."""
    plain = clips["genre"].fillna("").str.lower().tolist()
    return np.array([re.sub(r"[^a-z0-9]+", "_", name).strip("_") for name in plain], dtype=str)


def ccc_spread(predicted: Floats, labels: Floats, genre: NDArray[np.generic]) -> float:
    """Largest less smallest CCC over genres.

    Raises:
        InputError: fewer than two genres, or one in which CCC is not defined.
    """
    names = np.unique(genre)
    if len(names) < 2:
        raise InputError("one genre alone", hint="give two or more")
    return float(np.ptp([metrics.concordance(predicted[genre == name], labels[genre == name]) for name in names]))


def ccc_by_genre(
    predicted: Floats, labels: Floats, genre: Texts, songs: Texts, rng: np.random.Generator, n_permutations: int
) -> list[Measurement]:
    """CCC in each genre of :data:`MIN_SONGS` songs or more, their spread, and the spread by chance.

    Args:
        predicted: emotion predicted out of fold ``[N, 2]``.
        labels: of each clip ``[N, 2]``.
        genre: of each clip, see :func:`clip_genres`.
        songs: of each clip.
        rng: of the permutations.
        n_permutations: how often genres are assigned at random.
    """
    names = [name for name in np.unique(genre[genre != ""]) if np.unique(songs[genre == name]).size >= MIN_SONGS]
    measurements = [
        Measurement.of_statistic(
            f"ccc_{name}",
            f"CCC on {name.replace('_', ' ')}",
            metrics.concordance,
            predicted[here],
            labels[here],
            songs=songs[here],
        )
        for name in names
        for here in [genre == name]
    ]
    kept = np.isin(genre, names)
    if len(names) < 2:
        return [*measurements, *missing_measurements(f"two genres or more, each of {MIN_SONGS} songs")]
    predicted, labels, songs = predicted[kept], labels[kept], songs[kept]
    codes = np.searchsorted(names, genre[kept])
    spread = Measurement.of_statistic(*SPREAD, ccc_spread, predicted, labels, codes, songs=songs)
    if spread.value is None:
        return [*measurements, spread, *missing_measurements("genres whose labels differ")[1:]]
    by_chance = permuted_spread(predicted, labels, codes, songs, rng, n_permutations)
    low, high = np.quantile(by_chance, [0.025, 0.975])
    p = float((1 + (by_chance >= spread.value).sum()) / (1 + n_permutations))
    count = int(np.unique(songs).size)
    return [
        *measurements,
        spread,
        Measurement(
            *BY_CHANCE, float(by_chance.mean()), (float(low), float(high)), count, note="95 % of the permutations"
        ),
        Measurement(*ALIKE, p, None, n_permutations, "permutations"),
    ]


SPREAD = "spread_ccc", "largest less smallest CCC over genres"
BY_CHANCE = "spread_ccc_by_chance", "the same, genres assigned to songs at random"
ALIKE = "genres_alike", "share of permutations with as large a spread"


def missing_measurements(needs: str) -> list[Measurement]:
    """What is said of the differences between genres, not measured."""
    return [Measurement.missing(*naming, needs) for naming in (SPREAD, BY_CHANCE, ALIKE)]


def permuted_spread(
    predicted: Floats,
    labels: Floats,
    codes: NDArray[np.intp],
    songs: Texts,
    rng: np.random.Generator,
    n_permutations: int,
) -> Floats:
    """Spread of CCC with genres assigned to songs at random ``[n_permutations]``, as many songs to each as it has."""
    _, first, member = np.unique(songs, return_index=True, return_inverse=True)
    spreads: list[float] = []
    while len(spreads) < n_permutations:
        spreads.append(ccc_spread(predicted, labels, rng.permutation(codes[first])[member]))
    return np.array(spreads)


def fisher_interval() -> list[Measurement]:
    """The interval of the study's smallest genre, in closed form."""
    r, n = STUDY_SMALLEST_GENRE
    ends = np.tanh(np.arctanh(r) + np.array([-1.96, 1.96]) / np.sqrt(n - 3))
    return [
        Measurement(f"fisher_{name}", f"{name} end of Fisher's 95 % interval of r = {r}, n = {n}", float(end), None, n)
        for name, end in zip(("low", "high"), ends, strict=True)
    ]
