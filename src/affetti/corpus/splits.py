"""Splits without leakage of songs or artists.

Clips that share a song, an artist or a recording form one group. Groups are assigned to folds so that every fold has
its share of each cell of the valence-arousal plane (5 × 5) and of each genre. The test clips of fold K are the clips
whose ``fold`` is K; all other clips are its training clips, of which a tenth of the groups (at least one) is set aside
for validation.

When not to use: to compare with published results, which need the published split (``--split NAME``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from affetti import tables
from affetti.errors import InputError, MismatchError, UsageError
from affetti.storage import expand_home, is_file

PLANE_CELLS = 5


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fold: ``train`` and ``validation`` share no group with ``test``."""

    number: int
    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]

    def within(self, chosen: NDArray[np.bool_]) -> Fold:
        """The rows of each part that are ``chosen`` ``[N]``."""
        return Fold(self.number, *(rows[chosen[rows]] for rows in (self.train, self.validation, self.test)))


def groups(clips: pd.DataFrame) -> NDArray[np.intp]:
    """Group number of each clip ``[N]``: clips of one song, one artist (where known) or one recording share a group.

    Groups are the connected components of a graph of songs, artists and sets of near duplicates, so that clips which
    are related over several steps (two artists who recorded one song) stay together.
    """
    # Nodes: the songs first, then the artists, then the sets of duplicates; each clip is an edge from its song.
    songs = pd.factorize(clips["song_id"])[0]
    nodes = int(songs.max()) + 1
    ends = [(songs, songs)]
    for column in ("artist", "duplicates"):
        names = _names(clips, column)
        known = (names != "").to_numpy(dtype=bool)
        ends.append((songs[known], nodes + pd.factorize(names[known])[0]))
        nodes = max(nodes, int(ends[-1][1].max(initial=nodes - 1)) + 1)
    rows, columns = (np.concatenate(side) for side in zip(*ends, strict=True))
    edges = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(nodes, nodes))
    return connected_components(edges, directed=False)[1][songs].astype(np.intp)


def _names(clips: pd.DataFrame, column: str) -> pd.Series:
    """Names as they are compared, "" where unknown; artists without regard to case and blanks around."""
    if column not in clips:
        return pd.Series("", index=clips.index, dtype=str)
    names = pd.Series(clips[column]).fillna("").astype(str)
    return names.str.strip().str.casefold() if column == "artist" else names


def assign_folds(clips: pd.DataFrame, folds: int, seed: int) -> NDArray[np.int16]:
    """Assign groups to ``folds`` folds, stratified by plane cell and genre.

    Greedy: the largest groups first, each to the fold where it adds least to Σ filled²/share over the strata. Corpora
    with fewer groups than ``folds`` get one fold per group.

    Args:
        clips: the manifest, with ``song_id``, ``artist``, ``genre``, ``valence`` and ``arousal``.
        folds: number of folds, ≥ 2.
        seed: seed of the order among groups of equal size, ≥ 0.

    Returns:
        Fold number of each clip ``[N]``.

    Raises:
        UsageError: fewer than two folds, or a negative seed.
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
    # The constant stratum balances the number of clips per fold; the others balance emotion and genre.
    strata = [
        cells[:, 0] * PLANE_CELLS + cells[:, 1],
        pd.factorize(clips["genre"].fillna(""))[0],
        np.zeros(len(clips), int),
    ]
    table = np.concatenate([_counts(member, stratum, count) for stratum in strata], axis=1)  # [groups, strata]
    share = table.sum(axis=0) / folds
    order = np.random.default_rng(seed).permutation(count)
    # Large groups first, while every fold has room; small ones then even out what is left. Ties are in random order.
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    filled = np.zeros((folds, table.shape[1]))
    fold_of = np.zeros(count, dtype=np.int16)
    for group in order:
        # Growth of Σ filled²/share. Dividing by the share gives rare strata the same weight as common ones.
        cost = (((filled + table[group]) ** 2 - filled**2) / np.maximum(share, 1e-9)).sum(axis=1)
        fold_of[group] = int(np.argmin(cost))
        filled[fold_of[group]] += table[group]
    return fold_of[member]


def require_settings(folds: int, seed: int) -> None:
    """Check the arguments of :func:`assign_folds`.

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


@dataclass(frozen=True)
class SplitColumns:
    """Which fold tests each clip (-1: none), and its part in a fixed split."""

    fold: NDArray[np.int16]
    part: NDArray[np.str_]


GENERATED_SPLITS = ("folds", "train-validation-test")
"""Splits that affetti makes, by song and artist; all others are published ones, by name, or a file."""
PARTS = ("train", "validation", "test")


def published_split(split: str, official: Mapping[str, Mapping[str, str]]) -> Mapping[str, str] | None:
    """Part by track or song id, of a published split or of a CSV with the columns ``song`` and ``part``.

    Returns None for :data:`GENERATED_SPLITS`.

    Raises:
        UsageError: there is no such split; lists the available ones.
        InputError: the file cannot be used, or names a song twice.
    """
    if split in GENERATED_SPLITS:
        return None
    path = expand_home(split)
    if split not in official and not is_file(path):
        offered = ", ".join([*GENERATED_SPLITS, *official])
        raise UsageError(
            f"there is no split {split!r}",
            where="--split",
            hint=f"choose from {offered}, or give a CSV with the columns song and part",
        )
    return official[split] if split in official else _from_file(path)


def assign_split(
    clips: pd.DataFrame, split: str, folds: int, seed: int, named: Mapping[str, str] | None = None
) -> SplitColumns:
    """Assign clips to folds, or to the parts of a fixed split.

    Args:
        clips: the manifest.
        split: ``folds``; ``train-validation-test`` (80, 10 and 10 % of the clips); or any other name, with ``named``.
        folds: how many folds.
        seed: seed of the assignment.
        named: for a fixed split, the part by track or song id, see :func:`published_split`.

    Raises:
        InputError: there are no test or no training clips, or too few groups for three parts.
    """
    if split == "folds":
        return SplitColumns(assign_folds(clips, folds, seed), np.full(len(clips), ""))
    if split == "train-validation-test":
        home = assign_folds(clips, 10, seed)
        part = np.where(home == 0, "test", np.where(home == 1, "validation", "train"))
        if home.max() < 2:
            raise InputError("fewer than 3 songs or artists cannot be split in three", hint="use --split folds")
    else:
        named = named or {}
        ids = zip(clips["clip_id"], clips["song_id"], strict=True)
        part = np.array([_part(named, clip, song) for clip, song in ids])
        for needed in ("train", "test"):
            if needed not in part:
                raise InputError(
                    f"none of the clips is in the {needed} part", where=split, hint="choose another --split"
                )
    return SplitColumns(np.where(part == "test", 0, -1).astype(np.int16), part)


def _part(named: Mapping[str, str], clip: str, song: str) -> str:
    """Part of a clip by its own id, its track's or its song's; clips of a track end in a number of two digits."""
    for name in (clip, clip[:-3] if clip[-3:-2] == "-" and clip[-2:].isdigit() else clip, song):
        if name in named:
            return named[name]
    return ""


def _from_file(path: Path) -> dict[str, str]:
    """Part by song out of a CSV file."""
    rows = tables.read(path, ("song", "part"), hint="give the columns song and part")
    parts = tables.unique(rows, "song", "keep one")
    for row in parts.values():
        if row["part"] not in PARTS:
            raise row.wrong(f"part {row['part']!r}", f"choose from {', '.join(PARTS)}")
    return {song: row["part"] for song, row in parts.items()}


def fold_numbers(clips: pd.DataFrame) -> list[int]:
    """The numbers of the folds, sorted; a fixed split is fold 0, a synthetic set has none."""
    home = clips["fold"].to_numpy(dtype=int)
    return np.unique(home[home >= 0]).tolist()


def fold(clips: pd.DataFrame, number: int, validation: float = 0.1, *, allow_artists: bool = False) -> Fold:
    """Rows of fold ``number``.

    Args:
        clips: the manifest.
        number: the fold whose clips are the test set.
        validation: share of the other groups set aside for validation, where the split does not fix it.
        allow_artists: whether test and training clips may share artists.

    Raises:
        UsageError: the corpus has no such fold.
        MismatchError: see :func:`require_no_leakage`.
    """
    present = fold_numbers(clips)
    if number not in present:
        offered = f"choose from {', '.join(map(str, present))}" if present else "a synthetic corpus has no folds"
        raise UsageError(f"there is no fold {number}", where="--fold", hint=offered)
    rows = np.arange(len(clips))
    part = _names(clips, "part").to_numpy(dtype=str)
    test = clips["fold"].to_numpy(dtype=int) == number
    others = ~test
    if (part != "").any():
        others &= part != ""  # clips that a published split does not name are on neither side
    aside = part == "validation" if "validation" in part else _set_aside(clips, others, validation)
    require_no_leakage(clips.loc[test], clips.loc[others], allow_artists=allow_artists)
    return Fold(number, rows[others & ~aside], rows[aside], rows[test])


def _set_aside(clips: pd.DataFrame, others: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Validation clips: a share of the groups, by a hash of their names: new songs do not reshuffle the others."""
    member = groups(clips)
    names: dict[int, str] = {}
    for group, song in zip(member[others].tolist(), clips.loc[others, "song_id"], strict=True):
        names[group] = min(str(song), names.get(group, str(song)))
    ordered = sorted(names, key=lambda group: hashlib.sha256(f"validation:{names[group]}".encode()).digest())
    held = ordered[: max(1, round(share * len(ordered)))] if len(ordered) > 1 else []
    return np.isin(member, held) & others


def require_real(clips: pd.DataFrame) -> None:
    """Raise if a test set has synthetic clips.

    Raises:
        MismatchError: names the first.
    """
    synthetic = clips["synthetic"].to_numpy(dtype=bool)
    if synthetic.any():
        first = clips["clip_id"].iloc[int(synthetic.argmax())]
        raise MismatchError(
            f"{int(synthetic.sum())} of {len(clips)} test clips are synthetic (first: {first})",
            hint="test on real clips only",
        )


SHARED = {"song_id": "songs", "sha256": "sounds", "duplicates": "near duplicates", "artist": "artists"}
"""Columns whose values must not occur on both sides, and their names in messages and in ``leakage``."""


def require_no_leakage(
    test: pd.DataFrame,
    train: pd.DataFrame,
    *,
    trained_on: Iterable[str] = (),
    allow_artists: bool = False,
    where: str | Path | None = None,
) -> None:
    """Raise if test clips are synthetic, or share songs, artists or recordings with the training clips.

    Args:
        test: the test clips.
        train: the training clips, real or synthetic.
        trained_on: ids of songs that the generators of synthetic clips, or teacher models, have seen in training.
        allow_artists: whether both sides may share artists (published splits do).
        where: the place that the error names.

    Raises:
        MismatchError: names the kind of leak, how many and the first.
    """
    require_real(test)
    for column, called in SHARED.items():
        if column == "artist" and allow_artists:
            continue
        shared = (set(_names(test, column)) & set(_names(train, column))) - {""}
        if shared:
            raise MismatchError(
                f"{len(shared)} {called} lie both in the test set and in the training set (first: {min(shared)})",
                where=where,
                hint="split by song and artist: prepare the corpora together",
            )
    require_held_out(test["song_id"], trained_on, where)


def require_held_out(songs: Iterable[str], trained_on: Iterable[str], where: str | Path | None = None) -> None:
    """Raise if a test song was seen in training.

    Raises:
        MismatchError: names the first.
    """
    shared = set(songs) & set(trained_on)
    if shared:
        raise MismatchError(
            f"was trained on {len(shared)} of the test songs (first: {min(shared)})",
            where=where,
            hint="train with --fold set to the fold that is tested, or test on the fold it was trained for",
        )


def leakage(clips: pd.DataFrame) -> dict[str, float]:
    """Share of test clips whose artist (song, recording …) is also in training, over all folds, by kind of leak.

    All are 0 for splits that affetti makes; published splits may share artists.
    """
    tested = 0
    leaked = dict.fromkeys(SHARED.values(), 0)
    part = _names(clips, "part").to_numpy(dtype=str)
    home = clips["fold"].to_numpy(dtype=int)
    for number in fold_numbers(clips):
        test = home == number
        train = ~test & ((part == "train") if (part != "").any() else True)
        tested += int(test.sum())
        for column, called in SHARED.items():
            names = _names(clips, column)
            leaked[called] += int(names.loc[test].isin(set(names.loc[train]) - {""}).sum())
    return {called: count / max(tested, 1) for called, count in leaked.items()}


def split_hash(clips: pd.DataFrame) -> str:
    """A hash of the fold and part of every clip; it does not depend on the order of rows."""
    lines = sorted(
        f"{clip}\t{song}\t{home}\t{part}"
        for clip, song, home, part in zip(
            clips["clip_id"], clips["song_id"], clips["fold"], _names(clips, "part"), strict=True
        )
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
