"""The scorecard: how good is a synthetic set, beside what real music itself would score?

Every number comes with its floor: the same measure with real songs in the place of synthetic ones. The established
metrics are taken in an embedding of choice, ``statistics`` by default. Whether clips follow the emotion they were asked
for is read by a regressor that was trained on real clips only, and is told beside what it reads on real clips it has
not seen. Each part of the document has a module of its own beside this one, which puts them together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import splits
from affetti.embedders import cache
from affetti.embedders.base import Embedder, Standardiser, require_input, require_unseen
from affetti.embedders.clip_set import ClipSet
from affetti.embedders.statistics import STATISTICS
from affetti.errors import InputError, MismatchError, UsageError
from affetti.metrics.quality import MIN_SONGS
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.studies.scorecard import conditioning as emotion
from affetti.studies.scorecard import distances
from affetti.studies.scorecard.memorisation import clip_digests, count_contained, find_copies, unseen_rows
from affetti.studies.scorecard.paired import against as compared
from affetti.studies.scorecard.plot_data import plot_arrays, save

Rows = NDArray[np.float64]


def scorecard(
    real: ClipSet,
    fake: ClipSet,
    *,
    train: ClipSet | None = None,
    against: ClipSet | None = None,
    fold: int | None = None,
    regressor: Path | None = None,
    features: Embedder = STATISTICS,
    seed: int = 0,
    device: str = "cpu",
    out: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score ``fake`` against ``real``.

    Args:
        real: real clips; with ``fold``, only that fold's test clips are the reference, and its training clips are
            ``train``.
        fake: the synthetic clips.
        train: what the generator was trained on, for the search for copies.
        against: clips of another generator, to be compared with ``fake`` on the same reference.
        fold: a fold of ``real`` (which must be a corpus).
        regressor: a run of a regressor that reads the emotions; without one a small one is trained when ``real`` is
            a labelled corpus.
        features: what the established metrics and the search for copies compare; the Quality Score reads log-mels.
        seed: of every resampling.
        device: where the regressor reads.
        out: folder for ``pictures.npz``, which the report draws; without it nothing is written.
        progress: told of stages.

    Returns:
        the document that ``affetti score --json`` prints.

    Raises:
        InputError: too few songs, arrays that cannot be compared, or no audio for features that hear it.
        MismatchError: different front-ends, a "real" set that is synthetic, features trained on the songs compared, or
            a reference of training songs where copies are looked for.
    """
    if seed < 0:
        raise UsageError(f"seed {seed} is negative", where="--seed", hint="give 0 or more")
    for other in (fake, train, against):
        if other is not None:
            _require_alike(real, other)
    for clips in (real, fake, train, against):
        if clips is not None:
            require_input(features, clips)
    corpus = real.corpus
    if corpus is not None and corpus.synthetic:
        raise MismatchError("holds synthetic clips", where=real.name, hint="REAL comes first: give real clips there")
    reference, part = real, None
    if fold is not None:
        if corpus is None:
            raise UsageError("only a corpus has folds", where="--fold", hint="leave it out")
        part = corpus.fold(fold)
        reference = real.subset(part.test)
        for made in (fake, against):
            if made is not None:
                songs, whose = reference.songs.tolist(), f"the generator of {made.name}"
                splits.require_held_out(songs, _trained_on(made), whose)
    require_unseen(features, reference.songs)
    for clips in (reference, fake, against):
        if clips is not None:
            _require_songs(clips)

    steps = 7 if against is None else 8
    progress("score", 0, steps)
    known = [(clips, clip_digests(clips)) for clips in (real, train) if clips is not None]
    fresh = np.arange(len(reference))
    if train is not None:
        digests = known[0][1] if part is None else [known[0][1][row] for row in part.test]
        fresh = unseen_rows(reference, digests, train, known[1][1])
    real_ones = _contained(fake, known)
    quality = metrics.quality_score(reference.mel, fake.mel, reference.songs, fake.songs, seed=seed)
    progress("score", 1, steps)
    x, y, z, w = _embedded(features, real, fake, train, against, part, progress)
    songs = (reference.songs, fake.songs)
    established = distances.distances(x, y, songs, seed)
    progress("score", 2, steps)
    established |= distances.neighbours(x, y, songs, seed)
    progress("score", 3, steps)
    spectrogram = distances.spectrogram(reference, fake, seed)
    progress("score", 4, steps)
    learnt = train if train is not None else real if part is not None else None
    memorised, test, pairs = None, None, None
    if z is not None and learnt is not None:
        rows = part.train if train is None and part is not None else np.arange(len(learnt))
        memorised, test, pairs = find_copies(fake, y, (learnt, rows), z, reference.subset(fresh), x[fresh], seed)
    progress("score", 5, steps)
    readings = emotion.predict_emotions(real, reference, fake, fold, regressor, seed, device)
    conditioning = emotion.conditioning(fake, readings, seed)
    joint = emotion.joint_distance(reference, fake, x, y, seed)
    progress("score", 6, steps)
    strata = emotion.strata(reference, fake, x, y, readings, seed)
    progress("score", 7, steps)
    rival: dict[str, Any] | None = None
    if against is not None and w is not None:
        rival = compared(reference, fake, against, (x, y, w), seed)
        rival["contains_real"] = _contained(against, known)
        progress("score", 8, steps)
    if out is not None:
        save(out / "pictures.npz", plot_arrays(reference, fake, x, y, learnt, pairs or []))
    front = reference.front_end or fake.front_end
    return {
        "quality": quality.to_dict(),
        **established,
        "spectrogram": spectrogram,
        "conditioning": conditioning,
        "joint": joint,
        "strata": strata,
        "memorisation": memorised,
        "data_copying": test,
        "nearest_pairs": pairs,
        "contains_real": real_ones,
        "against": rival,
        "features": {"name": features.name, "version": features.version, "dimension": x.shape[1]},
        "reader": None if readings is None else readings.reader,
        "front_end": None if front is None else front.hash,
        "n_real": len(reference),
        "n_fake": len(fake),
        "songs": {"real": int(np.unique(reference.songs).size), "fake": int(np.unique(fake.songs).size)},
        "left_out": [dict(file) for clips in (real, fake, train, against) if clips for file in clips.left_out],
        "generator": _generator(fake),
        "heard": len(set(_trained_on(fake)) & set(reference.songs.tolist())),
        "real": real.name,
        "fake": fake.name,
        "fold": fold,
        "seed": seed,
        "versions": versions(),
    }


def _require_songs(clips: ClipSet) -> None:
    """Refuse a set of too few songs, before it is read.

    Raises:
        InputError: fewer songs than the Quality Score can be calibrated on.
    """
    songs = int(np.unique(clips.songs).size)
    if songs < MIN_SONGS:
        raise InputError(
            f"{songs} song{' is' if songs == 1 else 's are'} too few to calibrate on",
            where=clips.name,
            hint=f"give clips of {MIN_SONGS} songs or more",
        )


def _contained(fake: ClipSet, known: list[tuple[ClipSet, list[bytes | None]]]) -> int:
    """How many clips of ``fake`` are clips of one of the real sets, whichever holds most of them."""
    made = clip_digests(fake)
    return max(count_contained(made, digests, (fake, clips)) for clips, digests in known)


def _embedded(
    features: Embedder,
    real: ClipSet,
    fake: ClipSet,
    train: ClipSet | None,
    against: ClipSet | None,
    part: splits.Fold | None,
    progress: Progress,
) -> tuple[Rows, Rows, Rows | None, Rows | None]:
    """Embeddings ``[N, D]`` of the reference, the fakes, what the generator was trained on, and the other generator's.

    A fold takes its rows from the whole corpus, so that the cache holds a corpus once and not once a fold.
    """

    def embed(role: str, clips: ClipSet) -> Rows:
        return cache.embed(clips, features, stage=f"features {role}", progress=progress)

    x, y = embed("real", real), embed("fake", fake)
    z = None if part is None else x[part.train]
    if train is not None:
        z = embed("train", train)
    w = None if against is None else embed("against", against)
    x = x if part is None else x[part.test]
    if features.standardise:
        standard = Standardiser.fit(x)
        return standard(x), standard(y), None if z is None else standard(z), None if w is None else standard(w)
    return x, y, z, w


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
