"""Copies: does the synthetic set hold clips of its training set, or real clips as they are?

Two different questions. *Memorisation* asks of the generator, in the features: do its clips lie nearer to the training
set than fresh real music does? *Contents* asks of the files: is a clip of the synthetic set, bit for bit, a clip of the
real ones? A set that holds real clips is no synthetic set, and every distance flatters it. It is scored all the same,
since whoever looks for exact copies wants to see them, but the document counts them (``contains_real``), and the
command line says so first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError, MismatchError
from affetti.execution.local import ranges
from affetti.metrics.mel_features import Mels
from affetti.metrics.quality import MIN_SONGS
from affetti.rows import release_pages
from affetti.signal import audio
from affetti.studies.scorecard.measures import told

BATCH_CLIPS = 64
"""Clips read at a time."""
N_PAIRS = 20
"""Nearest pairs listed."""

Rows = NDArray[np.float64]


def clip_digests(clips: ClipSet) -> list[bytes | None]:
    """A digest of each clip's log-mel as float16; ``None`` for a clip that is constant, as silence is.

    Raises:
        InputError: a value is not finite; names the set and the clip.
    """
    return [digest for part in _parts(clips) for digest in part]


def _parts(clips: ClipSet) -> Iterator[list[bytes | None]]:
    mel: Mels = clips.mel  # type: ignore[assignment]
    for start, stop in ranges(len(clips), BATCH_CLIPS):
        batch = np.asarray(mel[start:stop])
        finite = np.isfinite(batch).all(axis=(1, 2))
        if not finite.all():
            row = start + int(np.flatnonzero(~finite)[0])
            hint = "remove that clip or make it anew"
            raise InputError("a value is not finite", where=f"{clips.name}, clip {row}", hint=hint)
        varies = batch.max(axis=(1, 2)) > batch.min(axis=(1, 2))
        half = batch.astype(np.float16, copy=False)
        yield [
            hashlib.blake2b(row.tobytes(), digest_size=16).digest() if moves else None
            for row, moves in zip(half, varies, strict=True)
        ]
        release_pages(mel)


def count_contained(fake: list[bytes | None], real: list[bytes | None], files: tuple[ClipSet, ClipSet]) -> int:
    """Synthetic clips that are real ones: of the same log-mel, or of the same audio file.

    Args:
        fake: digests of the synthetic clips, see :func:`clip_digests`.
        real: digests of the real clips.
        files: both sets, synthetic first.
    """
    known = {digest for digest in real if digest is not None}
    heard = _sounds(files[1])
    same = np.array([digest in known for digest in fake])
    if heard:
        same |= np.array([sound in heard for sound in _each_sound(files[0])], dtype=bool)
    return int(same.sum())


def unseen_rows(
    reference: ClipSet, digests: list[bytes | None], train: ClipSet, learnt: list[bytes | None]
) -> NDArray[np.intp]:
    """Rows of the reference that can tell learning from copying: those of songs that are not in the training set.

    Args:
        reference: real clips.
        digests: of these, see :func:`clip_digests`. A song is in the training set if one of its clips is, or, where
            both are corpora, if its id is.
        train: what the generator was trained on.
        learnt: digests of its clips.

    Raises:
        MismatchError: too few songs are left.
    """
    known = {digest for digest in learnt if digest is not None}
    shared = np.array([digest in known for digest in digests])
    if reference.corpus is not None and train.corpus is not None:
        shared |= np.isin(reference.songs, train.songs)
    rows = np.flatnonzero(~np.isin(reference.songs, reference.songs[shared]))
    left, songs = (int(np.unique(part).size) for part in (reference.songs[rows], reference.songs))
    if left < MIN_SONGS:
        raise MismatchError(
            f"{songs - left} of the {songs} songs of {reference.name} are training songs, and only real clips that "
            f"were not trained on can tell learning from copying",
            where=train.name,
            hint=f"give as REAL clips of {MIN_SONGS} songs or more that are not in --train, or --fold of a corpus",
        )
    return rows


def _sounds(clips: ClipSet) -> set[str]:
    return {sound for sound in _each_sound(clips) if sound}


def _each_sound(clips: ClipSet) -> list[str]:
    """SHA-256 of the audio each clip was cut from; empty where that is not known."""
    if clips.corpus is not None and len(clips.corpus) == len(clips):
        return clips.corpus.clips["sha256"].fillna("").tolist()
    if clips.corpus is None and clips.files is not None:
        return [audio.file_sha256(file) for file in clips.files]
    return [""] * len(clips)


def find_copies(
    fake: ClipSet,
    made: Rows,
    train: tuple[ClipSet, NDArray[np.intp]],
    seen: Rows,
    holdout: ClipSet,
    unseen: Rows,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Copy statistics with intervals over songs, C_T, and the nearest pairs to listen to.

    Args:
        fake: synthetic clips.
        made: their embeddings ``[N, D]``.
        train: what the generator was trained on: a set, and which of its clips ``[T]``.
        seen: their embeddings ``[T, D]``.
        holdout: real clips it has not seen.
        unseen: their embeddings ``[H, D]``.
        seed: of every resampling.
    """
    songs = (fake.songs, holdout.songs)
    learnt, rows = train
    found = metrics.memorisation(made, seen, unseen, seed, songs, learnt.songs[rows])
    found["ci"] = {name: None if ci is None else list(ci) for name, ci in found["ci"].items()}
    test = told(lambda: metrics.data_copying(made, seen, unseen, songs, seed=seed))
    # Clips go by the number of their row here, so that two of one name stay apart.
    numbers = [f"{row:09d}" for row in range(len(fake))], [f"{row:09d}" for row in rows]
    nearest = metrics.nearest_pairs(made, seen, *numbers, unseen, N_PAIRS)
    names, files = [clips.clip_names() for clips in (fake, learnt)], [clips.clip_files() for clips in (fake, learnt)]
    pairs: list[dict[str, Any]] = []
    for pair in nearest:
        a, b = int(pair.fake), int(pair.train)
        pairs.append(
            {
                "fake": names[0][a],
                "train": names[1][b],
                "fake_file": files[0][a],
                "train_file": files[1][b],
                "fake_row": a,
                "train_row": b,
                "train_song": str(learnt.songs[b]),
                "distance": pair.distance,
                "quantile": pair.quantile,
            }
        )
    return found, test, pairs
