"""Whether a synthetic set holds copies of training clips, or real clips as they are.

These are two questions. *Memorisation* is a property of the generator, measured in the features: do its clips lie
nearer to the training set than real music that it has not seen? *Contents* are a property of the files: is a clip of
the synthetic set, bit for bit, a real clip? A set that holds real clips is not synthetic, and every distance flatters
it. It is scored anyway, because some users search for exact copies, but the scorecard counts them
(``contains_real``) and the command line warns of them first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError, MismatchError
from affetti.execution.local import ranges
from affetti.metrics.mel_features import Mels
from affetti.metrics.passages import ClipRows, shared_passages
from affetti.metrics.quality import MIN_SONGS
from affetti.metrics.smallest_distances import ALPHA
from affetti.rows import release_pages, require_finite
from affetti.signal import audio
from affetti.studies.scorecard.copy_results import DataCopyingTest, NearestPair, PassageTest

BATCH_CLIPS = 64
"""Clips read at a time."""
N_PAIRS = 20
"""Nearest pairs listed."""


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
        require_finite(batch, range(start, stop) if clips.names is None else clips.names[start:stop], clips.name)
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
    known_audio = _audio_digests(files[1])
    same = np.array([digest in known for digest in fake])
    if known_audio:
        same |= np.array([digest in known_audio for digest in _audio_digest_of_each(files[0])], dtype=bool)
    return int(same.sum())


def unseen_rows(
    reference: ClipSet, digests: list[bytes | None], train: ClipSet, train_digests: list[bytes | None]
) -> NDArray[np.intp]:
    """Rows of the reference that can distinguish learning from copying: those of songs outside the training set.

    Args:
        reference: real clips.
        digests: of these, see :func:`clip_digests`. A song is in the training set if one of its clips is, or, where
            both are corpora, if its id is.
        train: what the generator was trained on.
        train_digests: digests of its clips.

    Raises:
        MismatchError: too few songs are left.
    """
    known = {digest for digest in train_digests if digest is not None}
    shared = np.array([digest in known for digest in digests])
    if reference.corpus is not None and train.corpus is not None:
        shared |= np.isin(reference.songs, train.songs)
    rows = np.flatnonzero(~np.isin(reference.songs, reference.songs[shared]))
    left, songs = (int(np.unique(part).size) for part in (reference.songs[rows], reference.songs))
    if left < MIN_SONGS:
        raise MismatchError(
            f"{songs - left} of the {songs} songs of {reference.name} are training songs, and only real clips that "
            f"were not trained on can distinguish learning from copying",
            where=train.name,
            hint=f"give as REAL clips of {MIN_SONGS} songs or more that are not in --train, or --fold of a corpus",
        )
    return rows


def _audio_digests(clips: ClipSet) -> set[str]:
    return {digest for digest in _audio_digest_of_each(clips) if digest}


def _audio_digest_of_each(clips: ClipSet) -> list[str]:
    """SHA-256 of the audio each clip was cut from; empty where that is not known."""
    if clips.corpus is not None and clips.corpus_rows is not None:
        return clips.corpus.clips["sha256"].fillna("").iloc[clips.corpus_rows].tolist()
    if clips.corpus is None and clips.files is not None:
        return [audio.file_sha256(file) for file in clips.files]
    return [""] * len(clips)


@dataclass(frozen=True)
class Copies:
    """What :func:`find_copies` finds."""

    statistics: metrics.Memorisation
    test: DataCopyingTest
    pairs: tuple[NearestPair, ...]
    passages: PassageTest


@dataclass(frozen=True)
class Embedded:
    """Rows of a set and their embeddings ``[N, D]``."""

    clips: ClipSet
    rows: NDArray[np.intp]
    """Which clips of the set ``[N]``."""
    features: NDArray[np.float64]

    @property
    def songs(self) -> NDArray[np.str_]:
        """Song id of each row."""
        return self.clips.songs[self.rows]

    @property
    def mel(self) -> ClipRows:
        """Their log-mels."""
        return ClipRows(self.clips.mel, self.rows, self.songs)  # type: ignore[arg-type]


def find_copies(fake: Embedded, train: Embedded, holdout: Embedded, seed: int) -> Copies:
    """Copy statistics with intervals over songs, the test C_T, shared passages, and the nearest pairs to listen to.

    Args:
        fake: synthetic clips.
        train: the clips that the generator was trained on.
        holdout: real clips that it was not trained on.
        seed: of every resampling.

    Raises:
        InputError: see :func:`affetti.metrics.memorisation`.
    """
    features = fake.features, train.features, holdout.features
    statistics = metrics.memorisation(*features, seed, (fake.songs, holdout.songs), train.songs)
    try:
        result = metrics.data_copying(*features, (fake.songs, holdout.songs), seed=seed)
        test = DataCopyingTest(result.c_t, result.p, result.cells, result.left_out, result.n, result.seed)
    except InputError as error:
        test = DataCopyingTest(reason=str(error))
    passages = _passages(fake, train, holdout, seed)
    if passages.p is not None and passages.p < ALPHA:
        statistics = replace(statistics, copying=True)
    return Copies(statistics, test, _nearest_pairs(fake, train, holdout), passages)


def _passages(fake: Embedded, train: Embedded, holdout: Embedded, seed: int) -> PassageTest:
    front = train.clips.front_end or fake.clips.front_end
    rate = None if front is None else front.sample_rate / front.hop_length
    try:
        shared = shared_passages(fake.mel, train.mel, holdout.mel, rate, seed)
    except InputError as error:
        return PassageTest(reason=str(error))
    test = shared.test
    nearest = np.argsort(shared.relative, kind="stable")[:N_PAIRS]
    pairs = _named_pairs(
        fake,
        train,
        [(int(row), int(shared.which[row]), float(shared.away[row]), float(shared.quantile[row])) for row in nearest],
    )
    return PassageTest(test.share, test.ci, test.p, test.beneath, test.expected, test.detectable, test.n, pairs)


def _nearest_pairs(fake: Embedded, train: Embedded, holdout: Embedded) -> tuple[NearestPair, ...]:
    # Clips go by their place in the set here, so that two of one name stay apart.
    fakes, trains = ([f"{place:09d}" for place in range(len(part.rows))] for part in (fake, train))
    nearest = metrics.nearest_pairs(fake.features, train.features, fakes, trains, holdout.features, N_PAIRS)
    return _named_pairs(
        fake, train, [(int(pair.fake), int(pair.train), pair.distance, pair.quantile) for pair in nearest]
    )


def _named_pairs(
    fake: Embedded, train: Embedded, pairs: list[tuple[int, int, float, float | None]]
) -> tuple[NearestPair, ...]:
    """Pairs of places in both sets, with distance and quantile, as clips with their names and files."""
    names = [part.clips.clip_names() for part in (fake, train)]
    files = [part.clips.clip_files() for part in (fake, train)]
    named: list[NearestPair] = []
    for of_fake, of_train, distance, quantile in pairs:
        a, b = int(fake.rows[of_fake]), int(train.rows[of_train])
        named.append(
            NearestPair(
                fake=names[0][a],
                train=names[1][b],
                fake_file=files[0][a],
                train_file=files[1][b],
                fake_row=a,
                train_row=b,
                train_song=str(train.clips.songs[b]),
                distance=distance,
                quantile=quantile,
            )
        )
    return tuple(named)
