from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affetti.corpus import Corpus
from affetti.errors import InputError, UsageError
from affetti.studies.augmentation.train_fractions import require_train_fractions, write_train_fraction


def test_a_share_is_of_training_songs_and_tests_on_the_same_clips(corpus: Corpus, tmp_path: Path) -> None:
    part = corpus.fold(1)
    half, most = (write_train_fraction(corpus, 1, share, tmp_path / str(share)) for share in (0.5, 0.9))
    kept: list[set[str]] = []
    for share, found in ((0.5, half), (0.9, most)):
        ours = found.fold(1)
        songs = set(found.songs[ours.train])
        kept.append(songs)
        whole = set(corpus.songs[part.train])
        assert songs <= whole
        assert len(songs) == np.ceil(share * len(whole))
        for theirs, mine in ((part.test, ours.test), (part.validation, ours.validation)):
            assert corpus.clips["clip_id"].iloc[theirs].tolist() == found.clips["clip_id"].iloc[mine].tolist()
            assert np.array_equal(corpus.mel[theirs], found.mel[mine])
        assert np.array_equal(found.labels[ours.test], corpus.labels[part.test])
    assert kept[0] < kept[1], "a larger share holds the smaller one"
    assert write_train_fraction(corpus, 1, 0.5, tmp_path / "0.5").hash == half.hash
    with pytest.raises(UsageError, match="no fold 0"):
        half.fold(0)


def test_a_share_of_too_few_songs_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"10 % of 9 training songs is 1. .*at least 4"):
        write_train_fraction(corpus, 0, 0.1, tmp_path / "share")
    assert not (tmp_path / "share").exists()
    for share in (0.0, 1.2, -0.5):
        with pytest.raises(UsageError, match="--train-fractions"):
            require_train_fractions((1.0, share))
