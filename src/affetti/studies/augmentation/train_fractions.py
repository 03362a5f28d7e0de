"""A fraction of the real training songs, as a corpus of its own, for learning curves.

Regressors, generators and filters are all trained on the fraction alone. Songs are taken in an order that depends on
their names only (by hash), so a larger fraction holds the smaller one. Validation and test songs stay: every fraction
is tested on the same clips.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from affetti.corpus import Corpus
from affetti.corpus.writer import CorpusWriter
from affetti.errors import InputError, UsageError
from affetti.execution import ranges
from affetti.output_lock import releases_outputs

BLOCK = 256
"""Log-mels copied at once."""
MIN_SONGS = 4
"""Fewest training songs of a fraction."""


def require_train_fractions(fractions: tuple[float, ...]) -> None:
    """Refuse fractions outside (0, 1].

    Raises:
        UsageError: names the first.
    """
    for fraction in fractions:
        if not 0 < fraction <= 1:
            hint = "give percentages above 0, up to 100"
            raise UsageError(f"{100 * fraction:g} %", where="--train-fractions", hint=hint)


@releases_outputs
def write_train_fraction(corpus: Corpus, fold: int, fraction: float, out: Path) -> Corpus:
    """The corpus of a ``fraction`` of the training songs of ``fold``, with all its validation and test clips.

    Its only fold is ``fold``; rows keep their order. Made once: a folder that holds it is opened.

    Raises:
        InputError: fewer than :data:`MIN_SONGS` songs would be left.
        StorageError: the folder holds something else, or the disk is full.
    """
    part = corpus.fold(fold)
    songs = np.unique(corpus.songs[part.train])
    ordered = sorted(songs.tolist(), key=lambda song: hashlib.sha256(f"share:{song}".encode()).digest())
    kept = ordered[: math.ceil(fraction * len(ordered))]
    if len(kept) < MIN_SONGS:
        raise InputError(
            f"{100 * fraction:g} % of {len(songs)} training songs is {len(kept)}",
            where="--train-fractions",
            hint=f"a fraction needs at least {MIN_SONGS} songs",
        )
    writer = CorpusWriter(out, corpus.front_end, f"train fraction {fraction} {fold} {corpus.hash}")
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()
    train = part.train[np.isin(corpus.songs[part.train], kept)]
    rows = np.sort(np.concatenate([train, part.validation, part.test]))
    clips = corpus.clips.iloc[rows].copy()
    clips["part"] = np.select(
        [np.isin(rows, part.test), np.isin(rows, part.validation)], ["test", "validation"], "train"
    )
    clips["fold"] = np.where(clips["part"] == "test", fold, -1)
    blocks = (corpus.mel[rows[start:stop]] for start, stop in ranges(len(rows), BLOCK))
    writer.write_mel(blocks, len(rows))
    if (corpus.path / "audio").is_dir() and not (out / "audio").exists():
        (out / "audio").symlink_to((corpus.path / "audio").resolve())  # for generators of sound
    note = f"{100 * fraction:g} % of the training songs of fold {fold}: {len(kept)} of {len(songs)}"
    return writer.finish(clips, {**corpus.meta, "notes": [note], "train_fraction": fraction})
