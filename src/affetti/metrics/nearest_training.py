"""Are synthetic clips copies of training clips?

A generator that copies its training set has perfect distances. Only real clips it has *not* seen separate learning
from copying, so every measure here needs training rows and held-out rows of the same distribution (split by song), and
each is reported beside that of held-out clips in the generator's place.

- ``nearer_train``: share of synthetic rows whose nearest neighbour among train and holdout together is in train; ties
  count ½. (Distance to closest record share.) The null is ½ only if the two could change places: as many rows of more
  songs reach farther. So songs of both are paired at random, of each pair as many clips are kept, and the share is
  averaged over several such draws.
- ``authentic``: share of synthetic rows that lie farther from their nearest training row than that row does from its
  own nearest (AuthPct, Alaa et al. 2022). Its null is *not* ½ and depends on D and N: compare ``authentic_control``.
- ``distance_ratio``: median distance synthetic → train over median distance holdout → train. 1 for fresh draws.
- ``exact_copies``: synthetic rows equal to a training row.
- ``share``, ``p``: how many synthetic songs are nearer to a training song, for the place, than held-out songs ever are,
  and whether that is chance: :mod:`affetti.metrics.smallest_distances`, an exact test.

:func:`nearest_pairs` names the clips to listen to. ``data_copying`` has C_T, a test by region.

``copying`` is set by exact copies beyond those the holdout shows, or by ``p`` below 0.005. Distances count relative to
that of the fifth nearest training song, so that a generator of little variety, whose clips lie where music is dense, is
not taken for one that copies; and clips that lie in one place count once. The other statistics describe: a few copies
among many clips hardly move them.

*Intervals*, but for that of ``share``, are of the bootstrap over songs: synthetic ones, of ``distance_ratio`` held-out
ones too, of the control these alone. The neighbours themselves, training set and holdout, stay as they are: the
question is about this training set, and a row drawn twice would only thin out the others.

When not to use: features that ignore what a copy would share (a mean level does not identify a melody, a statistic of
the whole clip does not see that half of it is copied: see :mod:`affetti.metrics.passages`), or fewer than some 50
held-out songs, where only wholesale copying shows (``detectable``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.agreement import bootstrap_values
from affetti.metrics.pairs import distance_blocks, require_few_pairs
from affetti.metrics.sample import Codes, Floats, Sample, as_pair
from affetti.metrics.smallest_distances import TailTest, distinct_places, relative_nearest, tail_test

N_DRAWS = 10
"""Subsamples of train and holdout over which the share is averaged."""
N_RESAMPLES = 400
"""Draws of songs for an interval."""


@dataclass(frozen=True)
class MemorisationIntervals:
    """95 % intervals over songs of the statistics of :class:`Memorisation`."""

    nearer_train: tuple[float, float]
    authentic: tuple[float, float]
    authentic_control: tuple[float, float]
    distance_ratio: tuple[float, float] | None
    share: tuple[float, float] | None = None
    """Of :func:`affetti.metrics.smallest_distances.tail_test`."""


@dataclass(frozen=True)
class Memorisation:
    """Copy statistics; the module's docstring defines each."""

    nearer_train: float
    """In [0, 1]; ½ by chance."""
    authentic: float
    """In [0, 1]; compare ``authentic_control``."""
    authentic_control: float
    """``authentic`` of held-out rows."""
    distance_ratio: float | None
    """≥ 0; 1 by chance; ``None`` if half of the holdout lies in the training set."""
    ci: MemorisationIntervals
    exact_copies: int
    """Synthetic rows equal to a training row."""
    copying: bool
    """Whether this is evidence of copying."""
    n: int
    """Rows of train and of holdout in a subsample, on average."""
    share: float | None = None
    """Estimated share of synthetic songs that are copies, 0 to 1; ``None`` in results of affetti 0.1, as ``p``."""
    p: float | None = None
    """Probability of as many small distances to training songs from a generator that does not copy."""
    detectable: float | None = None
    """Share of copies from which on they are reported for certain; ``None`` where too few songs are held out."""


def memorisation(
    fake: ArrayLike,
    train: ArrayLike,
    holdout: ArrayLike,
    seed: int = 0,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    train_groups: ArrayLike | None = None,
) -> Memorisation:
    """Copy statistics of ``fake`` against the rows that its generator was trained on.

    Args:
        fake: synthetic rows ``[N, D]``.
        train: the generator's training rows ``[T, D]``.
        holdout: real rows it has not seen ``[H, D]``, of other songs.
        seed: of the subsampling and of the bootstrap.
        groups: song ids of the rows of ``fake`` and of ``holdout``; without them every row is a song.
        train_groups: song ids of the rows of ``train``; without them every row is a song.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 2 rows or songs in any set, or
            than 8 held-out songs.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> train, holdout = rng.normal(size=(2, 100, 8))
        >>> memorisation(train[:50], train, holdout).copying
        True
    """
    fakes, learnt, held_out = _samples(fake, train, holdout, groups, train_groups)
    generated, seen, unseen = fakes.rows, learnt.rows, held_out.rows
    rng = np.random.default_rng(seed)
    draws = [_exchangeable(learnt, held_out, rng) for _ in range(N_DRAWS)]
    nearer = _nearer_train(generated, seen, unseen, draws)
    to_train, of_fake, relative = relative_nearest(distance_blocks(generated, seen), learnt.song, len(generated))
    held_to_train, of_held, held_relative = relative_nearest(distance_blocks(unseen, seen), learnt.song, len(unseen))
    tail = _tail(fakes, held_out, (to_train, of_fake, relative), held_relative, seed)
    alone, _ = nearest_rows(seen, seen, others=True)
    own = (to_train > alone[of_fake]).astype(np.float64)
    own_held = (held_to_train > alone[of_held]).astype(np.float64)
    copies, natural = int((to_train == 0).sum()), float((held_to_train == 0).mean())
    held = float(np.median(held_to_train))
    ratio = float(np.median(to_train)) / held if held > 0 else None
    return Memorisation(
        nearer_train=float(nearer.mean()),
        authentic=float(own.mean()),
        authentic_control=float(own_held.mean()),
        distance_ratio=ratio,
        ci=MemorisationIntervals(
            nearer_train=_mean_ci(nearer, fakes, seed),
            authentic=_mean_ci(own, fakes, seed),
            authentic_control=_mean_ci(own_held, held_out, seed),
            distance_ratio=None if ratio is None else _ratio_ci(fakes, to_train, held_out, held_to_train, seed),
            share=tail.ci,
        ),
        exact_copies=copies,
        copying=copies > natural * len(generated) or tail.copying,
        n=round(float(np.mean([len(of_train) for of_train, _ in draws]))),
        share=tail.share,
        p=tail.p,
        detectable=tail.detectable,
    )


def _tail(
    fakes: Sample, held_out: Sample, nearest: tuple[Floats, Codes, Floats], held_relative: Floats, seed: int
) -> TailTest:
    """The test of the smallest relative distances, given those of :func:`relative_nearest`."""
    away, which, relative = nearest

    def apart(row: int, others: Codes) -> Floats:
        return np.linalg.norm(fakes.rows[others] - fakes.rows[row], axis=1)

    places = distinct_places(which, away, relative, held_relative, apart)
    return tail_test(relative, held_relative, (fakes.song, held_out.song), places, seed)


def _samples(
    fake: ArrayLike,
    train: ArrayLike,
    holdout: ArrayLike,
    groups: tuple[ArrayLike, ArrayLike] | None,
    train_groups: ArrayLike | None,
) -> tuple[Sample, Sample, Sample]:
    """The three sets, checked and with their songs."""
    generated, seen = as_pair(fake, train, ("fake", "train"))
    _, unseen = as_pair(train, holdout, ("train", "holdout"))
    songs = (None, None) if groups is None else groups
    fakes, held_out = Sample.of(generated, songs[0], "groups of fake"), Sample.of(unseen, songs[1], "groups of holdout")
    learnt = Sample.of(seen, train_groups, "train_groups")
    require_few_pairs(max(len(generated), len(seen), len(unseen)), len(seen), "fake, train and holdout")
    return fakes, learnt, held_out


def _nearer_train(generated: Floats, seen: Floats, unseen: Floats, draws: list[tuple[Codes, Codes]]) -> Floats:
    """For each synthetic row the share of draws in which training is nearer."""
    nearer = np.zeros(len(generated))
    blocks = zip(distance_blocks(generated, seen), distance_blocks(generated, unseen), strict=True)
    for (here, to_train), (_, to_holdout) in blocks:
        for of_train, of_holdout in draws:
            a, b = to_train[:, of_train].min(axis=1), to_holdout[:, of_holdout].min(axis=1)
            nearer[here] += ((a < b) + 0.5 * (a == b)) / N_DRAWS
    return nearer


def _exchangeable(x: Sample, y: Sample, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Rows of as many songs of either set, paired at random, and of both songs of a pair as many clips."""
    pairs = min(x.songs, y.songs)
    songs = [rng.permutation(sample.songs)[:pairs] for sample in (x, y)]
    clips = [np.bincount(sample.song) for sample in (x, y)]
    kept = np.minimum(clips[0][songs[0]], clips[1][songs[1]])
    rows: list[Codes] = []
    for sample, chosen, count in zip((x, y), songs, clips, strict=True):
        shuffled = rng.permutation(len(sample.song))
        by_song = shuffled[np.argsort(sample.song[shuffled], kind="stable")]
        place = np.empty_like(by_song)  # of a row among the clips of its song, in random order
        place[by_song] = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
        most = np.zeros_like(count)
        most[chosen] = kept
        rows.append(np.flatnonzero(place < most[sample.song]))
    return rows[0], rows[1]


def _mean_ci(values: Floats, sample: Sample, seed: int) -> tuple[float, float]:
    """Interval of a mean over rows ``[N]``, songs drawn again: sums and counts by song are all it takes."""
    total, count = (np.asarray(np.bincount(sample.song, by), dtype=np.float64) for by in (values, None))
    rng = np.random.default_rng(seed)
    songs = (rng.integers(len(count), size=len(count)) for _ in range(N_RESAMPLES))
    low, high = np.quantile([total[drawn].sum() / count[drawn].sum() for drawn in songs], [0.025, 0.975])
    return float(low), float(high)


def _ratio_ci(made: Sample, to_train: Floats, held_out: Sample, held: Floats, seed: int) -> tuple[float, float] | None:
    """Interval of the ratio of two medians, either set's songs drawn again; ``None`` where some are divided by 0."""
    above = bootstrap_values(np.median, to_train, groups=made.song, seed=seed, resamples=N_RESAMPLES)
    below = bootstrap_values(np.median, held, groups=held_out.song, seed=seed + 1, resamples=N_RESAMPLES)
    if (below == 0).any():
        return None
    low, high = np.quantile(above / below, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class Pair:
    """A synthetic clip and the training clip nearest to it."""

    fake: str
    train: str
    distance: float
    quantile: float | None
    """Share of held-out clips that lie at most as far from training; 0 is nearer than any of them."""

    def to_dict(self) -> dict[str, str | float | None]:
        """The same as plain JSON values."""
        return {"fake": self.fake, "train": self.train, "distance": self.distance, "quantile": self.quantile}


def nearest_pairs(
    fake: ArrayLike,
    train: ArrayLike,
    fake_names: Sequence[str],
    train_names: Sequence[str],
    holdout: ArrayLike | None = None,
    n: int = 20,
) -> list[Pair]:
    """The synthetic clips that lie nearest to a training clip, to be listened to.

    Args:
        fake: synthetic rows ``[N, D]``.
        train: the generator's training rows ``[T, D]``.
        fake_names: file of each synthetic row.
        train_names: file of each training row.
        holdout: real rows it has not seen ``[H, D]``; without them distances have nothing to be held against.
        n: pairs at the most, one for each synthetic row.

    Returns:
        Pairs from the nearest on; equals in order of their names.

    Raises:
        InputError: as :func:`memorisation`, names that do not fit the rows, or n below 1.
    """
    generated, seen = as_pair(fake, train, ("fake", "train"))
    for rows, names, name in ((generated, fake_names, "fake"), (seen, train_names, "train")):
        if len(names) != len(rows):
            raise InputError(f"{len(names)} names for {len(rows)} rows", where=f"{name}_names", hint="name every row")
    if n < 1:
        raise InputError(f"{n} pairs", where="n", hint="request at least 1")
    require_few_pairs(len(generated), len(seen), "fake and train")
    away, which = nearest_rows(generated, seen)
    held: Floats | None = None
    if holdout is not None:
        _, unseen = as_pair(train, holdout, ("train", "holdout"))
        require_few_pairs(len(unseen), len(seen), "holdout and train")
        held = np.sort(nearest_rows(unseen, seen)[0])
    return [
        Pair(
            str(fake_names[row]),
            str(train_names[int(which[row])]),
            float(away[row]),
            None if held is None else float(np.searchsorted(held, away[row], side="right")) / len(held),
        )
        for row in np.lexsort([np.asarray(fake_names), away])[:n].tolist()
    ]


def nearest_rows(x: Floats, y: Floats, others: bool = False) -> tuple[Floats, Codes]:
    """How far each row of ``x`` is from its nearest row of ``y``, and which that is.

    Args:
        x: rows ``[N, D]``.
        y: rows ``[M, D]``.
        others: whether ``y`` is ``x``, and no row may be its own neighbour.
    """
    away, which = np.empty(len(x)), np.empty(len(x), dtype=np.intp)
    for here, apart in distance_blocks(x, y):
        if others:
            apart[np.arange(len(apart)), np.arange(here.start, here.stop)] = np.inf
        which[here] = apart.argmin(axis=1)
        away[here] = apart.min(axis=1)
    return away, which
