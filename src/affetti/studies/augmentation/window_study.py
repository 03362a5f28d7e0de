"""A study on labels of windows: its corpus, and its arms by song beside by window.

The clips that have labels of their own are written as a corpus, which trials open by its path in any process.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.corpus.writer import CorpusWriter
from affetti.execution import ranges
from affetti.output_lock import releases_outputs
from affetti.studies.augmentation.comparison import REFERENCE, compare_arms
from affetti.studies.augmentation.results import ArmResult
from affetti.training.regression_report import song_means

BLOCK = 256
"""Log-mels copied at once."""


@releases_outputs
def write_window_corpus(corpus: Corpus, out: Path) -> Corpus:
    """The rated clips of a corpus opened with ``labels="window"``, whose labels are those of its songs from here on.

    Splits stay: the parts of every fold are those of ``corpus``. Made once: a folder that holds it is opened.

    Raises:
        StorageError: the folder holds something else, or the disk is full.
    """
    writer = CorpusWriter(out, corpus.front_end, f"window labels {corpus.hash}")
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()
    rows = np.arange(len(corpus)) if corpus.rated is None else np.flatnonzero(corpus.rated)
    blocks = (corpus.mel[rows[start:stop]] for start, stop in ranges(len(rows), BLOCK))
    writer.write_mel(blocks, len(rows))
    if (corpus.path / "audio").is_dir() and not (out / "audio").exists():
        (out / "audio").symlink_to((corpus.path / "audio").resolve())
    note = f"labels of windows from ratings over time; {len(corpus) - len(rows)} clips without are left out"
    return writer.finish(corpus.clips.iloc[rows].copy(), {**corpus.meta, "notes": [note]})


def compare_by_song(
    predictions: dict[str, NDArray[np.float64]], corpus: Corpus, test: NDArray[np.intp], seed: int
) -> tuple[ArmResult, ...]:
    """The arms compared on the means of songs.

    Args:
        predictions: for each arm ``[S, N, 2]``: seeds, test clips, (valence, arousal).
        corpus: labels and songs.
        test: rows of the test clips ``[N]``.
        seed: of the resampling.
    """
    labels, songs = corpus.labels[test], corpus.songs[test]
    means = {arm: np.stack([song_means(each, songs)[0] for each in by_seed]) for arm, by_seed in predictions.items()}
    return compare_arms(means, song_means(labels, songs)[0], np.unique(songs), REFERENCE, seed).arms
