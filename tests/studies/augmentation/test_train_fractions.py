from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affetti.corpus import Corpus, manifest
from affetti.corpus.writer import CorpusWriter
from affetti.errors import InputError, StorageError, UsageError
from affetti.studies.augmentation import train_fractions as module
from affetti.studies.augmentation.train_fractions import require_train_fractions, write_train_fraction


def test_a_share_is_of_training_songs_and_tests_on_the_same_clips(corpus: Corpus, tmp_path: Path) -> None:
    part = corpus.fold(1)
    half, most = (write_train_fraction(corpus, 1, share, tmp_path / str(share)) for share in (0.5, 0.9))
    kept: list[set[str]] = []
    for share, result in ((0.5, half), (0.9, most)):
        ours = result.fold(1)
        songs = set(result.songs[ours.train])
        kept.append(songs)
        whole = set(corpus.songs[part.train])
        assert songs <= whole
        assert len(songs) == np.ceil(share * len(whole))
        for theirs, mine in ((part.test, ours.test), (part.validation, ours.validation)):
            assert corpus.clips["clip_id"].iloc[theirs].tolist() == result.clips["clip_id"].iloc[mine].tolist()
            assert np.array_equal(corpus.mel[theirs], result.mel[mine])
        assert np.array_equal(result.labels[ours.test], corpus.labels[part.test])
    assert kept[0] < kept[1], "a larger share holds the smaller one"
    assert write_train_fraction(corpus, 1, 0.5, tmp_path / "0.5").hash == half.hash
    with pytest.raises(UsageError, match="no fold 0"):
        half.fold(0)


def test_a_fraction_holds_the_bytes_of_its_rows(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 7)
    fraction = write_train_fraction(corpus, 0, 0.5, tmp_path / "fraction")
    rows = np.flatnonzero(corpus.clips["clip_id"].isin(fraction.clips["clip_id"]))
    assert 0 < len(rows) == len(fraction) < len(corpus)
    assert fraction.hash == manifest.content_hash(fraction.clips, corpus.mel[rows])
    same = [name for name in corpus.clips.columns if name not in ("fold", "part")]
    pd.testing.assert_frame_equal(fraction.clips[same], corpus.clips.iloc[rows][same].reset_index(drop=True))
    assert sorted(path.name for path in fraction.path.iterdir()) == ["clips.parquet", "corpus.json", "mel.npy"]


def test_a_fraction_that_was_interrupted_is_finished_and_no_other_is_taken_for_it(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "fraction"
    with monkeypatch.context() as patched:
        patched.setattr(CorpusWriter, "finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_train_fraction(corpus, 0, 0.5, out)
    with pytest.raises(StorageError, match="unfinished work of another command"):
        write_train_fraction(corpus, 0, 0.9, out)
    assert write_train_fraction(corpus, 0, 0.5, out).hash == write_train_fraction(corpus, 0, 0.5, tmp_path / "b").hash
    with pytest.raises(StorageError, match="holds another corpus"):
        write_train_fraction(corpus, 0, 0.9, out)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_share_of_too_few_songs_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"10 % of 9 training songs is 1. .*at least 4"):
        write_train_fraction(corpus, 0, 0.1, tmp_path / "share")
    assert not (tmp_path / "share").exists()
    for share in (0.0, 1.2, -0.5):
        with pytest.raises(UsageError, match="--train-fractions"):
            require_train_fractions((1.0, share))
