"""Splits that leak neither song nor artist.

Clips that share a song or an artist are one group; groups are dealt to folds so that every fold has its share of each
cell of the valence-arousal plane (5 × 5) and of each genre. Fold K's test clips are the clips whose ``fold`` is K; its
training clips are all others, of which a tenth of the groups (at least one) is set aside for validation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from affetti.errors import InputError, MismatchError, UsageError

PLANE_CELLS = 5


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fold: ``train`` and ``validation`` share no group with ``test``."""

    number: int
    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def groups(clips: pd.DataFrame) -> NDArray[np.intp]:
    """Group number of each clip: connected by song or (where known) artist."""
    songs = pd.factorize(clips["song_id"])[0]
    artists = _names(clips, "artist")
    known = (artists != "").to_numpy(dtype=bool)
    codes = pd.factorize(artists)[0]
    nodes = int(songs.max()) + 1
    edges = coo_matrix(
        (np.ones(known.sum()), (songs[known], nodes + codes[known])), shape=(nodes + len(codes) + 1,) * 2
    )
    return connected_components(edges, directed=False)[1][songs].astype(np.intp)


def _names(clips: pd.DataFrame, column: str) -> pd.Series:
    """Names as they are compared, "" where unknown; artists without regard to case and blanks around."""
    names = pd.Series(clips[column]).fillna("").astype(str)
    return names.str.strip().str.casefold() if column == "artist" else names


def assign(clips: pd.DataFrame, folds: int, seed: int) -> NDArray[np.int16]:
    """Deal the groups to ``folds`` folds, stratified by plane cell and genre.

    The largest groups go first, each to the fold where it raises the squared excess over an even share least.
    Corpora with fewer groups than ``folds`` get one fold a group.

    Raises:
        UsageError: fewer than two folds were asked for, or the seed is negative.
        InputError: all clips form one group, which cannot be split.
    """
    require_settings(folds, seed)
    member = groups(clips)
    count = int(member.max()) + 1
    if count < 2:
        raise InputError(
            "all clips belong to one song or artist: they cannot be split", hint="add another artist's songs"
        )
    folds = min(folds, count)
    cells = np.clip(
        ((clips[["valence", "arousal"]].to_numpy(float) + 1) / 2 * PLANE_CELLS).astype(int), 0, PLANE_CELLS - 1
    )
    strata = [
        cells[:, 0] * PLANE_CELLS + cells[:, 1],
        pd.factorize(clips["genre"].fillna(""))[0],
        np.zeros(len(clips), int),
    ]
    table = np.concatenate([_counts(member, stratum, count) for stratum in strata], axis=1)  # [groups, strata]
    share = table.sum(axis=0) / folds
    order = np.random.default_rng(seed).permutation(count)
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    filled = np.zeros((folds, table.shape[1]))
    home = np.zeros(count, dtype=np.int16)
    for group in order:
        # Growth of Σ filled²/share: small for the fold that lacks these strata most.
        cost = (((filled + table[group]) ** 2 - filled**2) / np.maximum(share, 1e-9)).sum(axis=1)
        home[group] = int(np.argmin(cost))
        filled[home[group]] += table[group]
    return home[member]


def require_settings(folds: int, seed: int) -> None:
    """Refuse what :func:`assign` could not work with.

    Raises:
        UsageError: fewer than two folds, or a negative seed.
    """
    if folds < 2:
        raise UsageError(f"{folds} folds", where="--folds", hint="give at least 2")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative", where="--seed", hint="give 0 or more")


def _counts(member: NDArray[np.intp], stratum: NDArray[np.int_], count: int) -> NDArray[np.float64]:
    table = np.zeros((count, int(stratum.max()) + 1))
    np.add.at(table, (member, stratum), 1.0)
    return table


def fold(clips: pd.DataFrame, number: int, validation: float = 0.1) -> Fold:
    """Rows of fold ``number``.

    Raises:
        UsageError: the corpus has no such fold.
        MismatchError: a test clip is synthetic, or shares its song or artist with training clips.
    """
    home = clips["fold"].to_numpy(dtype=int)
    present = np.unique(home[home >= 0])
    if number not in present:
        offered = f"choose from {', '.join(map(str, present))}" if len(present) else "a synthetic corpus has no folds"
        raise UsageError(f"there is no fold {number}", where="--fold", hint=offered)
    member = groups(clips)
    test = home == number
    require_real(clips.loc[test])
    require_disjoint(clips.loc[test], clips.loc[~test])
    rest = np.unique(member[~test])
    # Which groups validate depends on their own names alone, so that adding a song does not reshuffle the others.
    names = {group: str(clips["song_id"].to_numpy()[member == group].min()) for group in rest}
    ordered = sorted(rest, key=lambda group: hashlib.sha256(f"validation:{names[group]}".encode()).digest())
    held = ordered[: max(1, round(validation * len(ordered)))] if len(ordered) > 1 else []
    aside = np.isin(member, held) & ~test
    rows = np.arange(len(clips))
    return Fold(number, rows[~test & ~aside], rows[aside], rows[test])


def require_real(clips: pd.DataFrame) -> None:
    """Refuse synthetic clips in a test set.

    Raises:
        MismatchError: names the first.
    """
    made = clips["synthetic"].to_numpy(dtype=bool)
    if made.any():
        first = clips["clip_id"].iloc[int(made.argmax())]
        raise MismatchError(
            f"{int(made.sum())} of {len(clips)} test clips are synthetic (first: {first})",
            hint="test on real clips only",
        )


def require_disjoint(test: pd.DataFrame, train: pd.DataFrame) -> None:
    """Refuse a test set that shares a song or an artist with the training set.

    Raises:
        MismatchError: names the first shared one.
    """
    for column in ("song_id", "artist"):
        shared = (set(_names(test, column)) & set(_names(train, column))) - {""}
        if shared:
            raise MismatchError(
                f"{len(shared)} {column}s lie both in the test set and in the training set (first: {min(shared)})",
                hint="split by song and artist: prepare the corpora together",
            )


def split_hash(clips: pd.DataFrame) -> str:
    """A hash of who lies where; it does not depend on the order of rows."""
    lines = sorted(
        f"{clip}\t{song}\t{home}"
        for clip, song, home in zip(clips["clip_id"], clips["song_id"], clips["fold"], strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
