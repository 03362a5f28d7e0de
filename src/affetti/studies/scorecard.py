"""The scorecard: how good is a synthetic set, beside what real music itself would score?

Every number comes with its floor: the same measure between two halves of the real songs, at the same number of clips.
The established metrics are taken in an embedding of choice, ``statistics`` by default. Whether clips follow the emotion
they were asked for is read by a regressor that was trained on real clips only, and is told beside what it reads on real
clips it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, UsageError
from affetti.features import cache
from affetti.features.clipset import ClipSet
from affetti.features.embedders import STATISTICS, Embedder, Standardiser
from affetti.models.noise import child_seed
from affetti.progress import Progress, silent
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.loop import Clips, LoopConfig

SPLITS = 10
"""Random halvings of the real songs over which neighbour metrics are averaged."""
MOST = 2_000
"""Clips a side that neighbour metrics use at the most."""


def scorecard(
    real: ClipSet,
    fake: ClipSet,
    *,
    train: ClipSet | None = None,
    fold: int | None = None,
    regressor: Path | None = None,
    features: Embedder = STATISTICS,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score ``fake`` against ``real``.

    Args:
        real: real clips; with ``fold``, only that fold's test clips are the reference, and its training clips are
            ``train``.
        fake: the synthetic clips.
        train: what the generator was trained on, for the search for copies.
        fold: a fold of ``real`` (which must be a corpus).
        regressor: a run of a regressor that reads the emotions; without one a small one is trained when ``real`` is
            a labelled corpus.
        features: what the established metrics and the search for copies compare; the Quality Score reads log-mels.
        seed: of every resampling.
        progress: told of stages.

    Returns:
        the document that ``affetti score --json`` prints.

    Raises:
        InputError: too few songs, arrays that cannot be compared, or no audio for features that hear it.
        MismatchError: different front-ends, a "real" set that is synthetic, or features trained on the songs compared.
    """
    if seed < 0:
        raise UsageError(f"seed {seed} is negative", where="--seed", hint="give 0 or more")
    for other in (fake, train):
        if other is not None:
            _require_alike(real, other)
    for clips in (real, fake, train):
        if clips is not None:
            features.require(clips)
    corpus = real.corpus
    if corpus is not None and corpus.synthetic:
        raise MismatchError("holds synthetic clips", where=real.name, hint="REAL comes first: give real clips there")
    reference, part = real, None
    if fold is not None:
        if corpus is None:
            raise UsageError("only a corpus has folds", where="--fold", hint="leave it out")
        part = corpus.fold(fold)
        reference = real.subset(part.test)
        splits.require_unheard(reference.songs.tolist(), _trained_on(fake), f"the generator of {fake.name}")
    features.require_unseen(reference.songs)

    steps = 4
    progress("score", 0, steps)
    quality = metrics.quality_score(reference.mel, fake.mel, reference.songs, fake.songs, seed=seed)
    progress("score", 1, steps)
    x, y, z = _embedded(features, real, fake, train, part, progress)
    frechet = metrics.frechet(x, y, (reference.songs, fake.songs), seed=seed)
    progress("score", 2, steps)
    neighbours = compared_with_real(x, y, reference.songs, fake.songs, seed)
    memorisation = None if z is None else metrics.memorisation(y, z, x, seed)
    progress("score", 3, steps)
    conditioning, reader = _conditioning(real, reference, fake, fold, regressor, seed)
    progress("score", 4, steps)
    return {
        "quality": quality.to_dict(),
        "frechet": frechet.to_dict(),
        **neighbours,
        "conditioning": conditioning,
        "memorisation": memorisation,
        "features": {"name": features.name, "version": features.version, "dimension": x.shape[1]},
        "reader": reader,
        "n_real": len(reference),
        "n_fake": len(fake),
        "songs": {"real": int(np.unique(reference.songs).size), "fake": int(np.unique(fake.songs).size)},
        "generator": _generator(fake),
        "heard": len(set(_trained_on(fake)) & set(reference.songs.tolist())),
        "real": real.name,
        "fake": fake.name,
        "fold": fold,
        "seed": seed,
        "versions": fitting.versions(),
    }


def _embedded(
    features: Embedder,
    real: ClipSet,
    fake: ClipSet,
    train: ClipSet | None,
    part: splits.Fold | None,
    progress: Progress,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Embeddings ``[N, D]`` of the reference, the fakes and, where known, what the generator was trained on.

    A fold takes its rows from the whole corpus, so that the cache holds a corpus once and not once a fold.
    """
    x, y = (
        cache.features(clips, features, stage=f"features {role}", progress=progress)
        for role, clips in (("real", real), ("fake", fake))
    )
    z = None if part is None else x[part.train]
    if train is not None:
        z = cache.features(train, features, stage="features train", progress=progress)
    x = x if part is None else x[part.test]
    if features.standardise:
        standard = Standardiser.of(x)
        return standard(x), standard(y), None if z is None else standard(z)
    return x, y, z


def _require_alike(real: ClipSet, other: ClipSet) -> None:
    """Refuse log-mels of another front-end or shape than the real ones.

    Raises:
        MismatchError: names both.
    """
    hint = "prepare and generate both with the same --preset"
    ours, theirs = real.front_end, other.front_end
    if ours is not None and theirs is not None and ours.hash != theirs.hash:
        found = f"front-ends {ours.hash} {ours.shape} and {theirs.hash} {theirs.shape}"
        raise MismatchError(found, where=other.name, hint=hint)
    if real.mel.shape[1:] != other.mel.shape[1:]:
        found = f"log-mels of shape {other.mel.shape[1:]}, those of {real.name} are {real.mel.shape[1:]}"
        raise MismatchError(found, where=other.name, hint=hint)


def compared_with_real(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    real_songs: NDArray[np.str_],
    fake_songs: NDArray[np.str_],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Kernel distance, precision, recall, density, coverage and Vendi score, each beside its floor.

    Over :data:`SPLITS` random halvings A, B of the real songs and a random draw of as many fake songs' clips: value
    is measure(A, fakes) and floor is measure(A, B), at the same number n of clips on every side; ``ci`` spans the
    middle 95 % of the halvings.

    Args:
        x: real embeddings ``[N, D]``.
        y: synthetic embeddings ``[K, D]``.
        real_songs: song of each real row.
        fake_songs: song of each synthetic row.
        seed: of the halvings.
    """
    rng = np.random.default_rng(seed)
    names, member = np.unique(real_songs, return_inverse=True)
    drawn: dict[str, list[tuple[float, float]]] = {}
    for _ in range(SPLITS):
        order = rng.permutation(len(names))
        side = np.isin(member, order[: len(names) // 2])
        a, b = np.flatnonzero(side), np.flatnonzero(~side)
        n = min(len(a), len(b), len(y), MOST)
        a, b, c = (rng.permutation(rows)[:n] for rows in (a, b, np.arange(len(y))))
        for name, (value, floor) in _pairs(x[a], x[b], y[c], (real_songs[a], real_songs[b], fake_songs[c])).items():
            drawn.setdefault(name, []).append((value, floor))
    result: dict[str, dict[str, Any]] = {}
    for name, pairs in drawn.items():
        values, floors = np.array(pairs).T
        low, high = np.quantile(values, [0.025, 0.975])
        result[name] = {"value": float(values.mean()), "ci": [float(low), float(high)], "floor": float(floors.mean())}
    return result


def _pairs(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], songs: tuple[NDArray[np.str_], ...]
) -> dict[str, tuple[float, float]]:
    k = min(5, len(a) - 1)
    fakes = metrics.precision_recall_density_coverage(a, c, k)
    reals = metrics.precision_recall_density_coverage(a, b, k)
    found = {name: (fakes[name], reals[name]) for name in fakes}
    kernel: Callable[..., float] = metrics.kernel_distance
    found["kernel"] = kernel(a, c, (songs[0], songs[2])), kernel(a, b, (songs[0], songs[1]))
    found["vendi"] = metrics.vendi_score(c), metrics.vendi_score(b)
    return found


def _trained_on(fake: ClipSet) -> list[str]:
    """Songs that the generator of ``fake`` was trained on, where its corpus says so."""
    provenance = None if fake.corpus is None else fake.corpus.meta.get("provenance")
    return [] if provenance is None else provenance["training_songs"]


def _generator(fake: ClipSet) -> dict[str, Any] | None:
    """What made the synthetic clips, where their corpus says so."""
    provenance = None if fake.corpus is None else fake.corpus.meta.get("provenance")
    return (
        None
        if provenance is None
        else {key: provenance[key] for key in ("generator", "weights_sha256", "emotions", "seed")}
    )


def _conditioning(
    real: ClipSet, reference: ClipSet, fake: ClipSet, fold: int | None, regressor: Path | None, seed: int
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """How the reading of fakes answers their condition, beside how the reading of real clips answers their labels."""
    if fake.labels is None or (np.ptp(fake.labels, axis=0) == 0).all():
        return None, None
    if regressor is not None:
        trained = runs.load(regressor)
        if trained.kind not in runs.REGRESSORS:
            raise UsageError(
                f"a {trained.kind} reads no emotions",
                where=regressor,
                hint=f"give a run of {' or '.join(runs.REGRESSORS)}",
            )
        known = fake.front_end or real.front_end
        if fake.mel.shape[1:] != trained.front_end.shape or (known and known.hash != trained.front_end.hash):
            raise MismatchError(
                f"reads log-mels of front-end {trained.front_end.hash} {trained.front_end.shape}, "
                f"these are {known.hash if known else 'unknown'} {fake.mel.shape[1:]}",
                where=regressor,
                hint="use one --preset",
            )
        held = reference
        unseen = ~np.isin(reference.songs, sorted(trained.songs))
        if not unseen.all():
            held = reference.subset(np.flatnonzero(unseen))
        model, reader = trained.model, {"run": str(regressor), "kind": trained.kind}
    else:
        corpus = real.corpus
        if corpus is None or real.labels is None:
            return None, None
        number = fold if fold is not None else splits.numbers(corpus.clips)[0]
        part = corpus.fold(number)
        held = real.subset(part.test)
        model = train_reader(corpus, part.train, seed)
        reader = {"run": None, "kind": "student", "trained_on": f"fold {number}'s training clips"}
    response = metrics.label_response(
        fake.labels, fitting.read(model, fake.mel, np.arange(len(fake))), fake.songs, seed
    )
    if held.labels is None or len(np.unique(held.songs)) < 2:
        return _told(response, None, None), reader
    real_response = metrics.label_response(
        held.labels, fitting.read(model, held.mel, np.arange(len(held))), held.songs, seed
    )
    return _told(response, real_response, metrics.relative_to_real(response, real_response)), reader


def _told(response: Any, real: Any, relative: Any) -> dict[str, Any]:
    def plain(axis: Any) -> Any:
        return None if axis is None else {name: {"value": r.value, "ci": list(r.ci)} for name, r in axis.items()}

    return {
        axis: {
            **(plain(response[axis]) or {}),
            "real": None if real is None else plain(real[axis]),
            "relative": None if relative is None else relative[axis],
        }
        for axis in response
    }


def train_reader(corpus: Corpus, rows: NDArray[np.intp], seed: int) -> Any:
    """A small regressor trained on the given real clips."""
    from affetti import presets

    budget = presets.budget(corpus.meta["preset"], "student")
    batch = min(budget.batch_size, max(2, len(rows) // 2))
    splits.require_real(corpus.clips.iloc[rows])
    torch.manual_seed(child_seed("weights", seed))
    model = runs.make("student", corpus.front_end.shape, {})
    _, trained = fitting.fit(
        "student", model, Clips(corpus.mel, corpus.labels, rows), LoopConfig(budget.steps, batch, seed)
    )
    return trained
