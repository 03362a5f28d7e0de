from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.material import write_corpus

from affetti import api
from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError
from affetti.studies.augmentation.arms import SyntheticSetSpec
from affetti.studies.augmentation.synthetic_sets import (
    SetMaker,
    TrainingSubset,
    compose_songs,
    fresh_songs,
    require_honest,
    sampling_refusal,
)
from affetti.training import run as runs


@pytest.fixture(scope="module")
def fresh(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return fresh_songs(corpus, 16, tmp_path_factory.mktemp("fresh") / "songs")


def test_the_composer_composes_songs_outside_the_corpus(corpus: Corpus, fresh: Corpus) -> None:
    assert len(fresh) == 16
    assert not set(fresh.songs) & set(corpus.songs)
    assert not set(fresh.clips["sha256"]) & set(corpus.clips["sha256"])
    assert fresh.meta["seed"] != corpus.meta["seed"]
    assert fresh.meta["planted"] == corpus.meta["planted"]
    for fold in (0, 1):
        require_honest(fresh, corpus, corpus.fold(fold))


def test_invalid_new_songs_are_refused(corpus: Corpus, fresh: Corpus, tmp_path: Path) -> None:
    api.prepare.run("composed", tmp_path / "again", clips=16, folds=2, workers=1)
    with pytest.raises(MismatchError, match=r"songs its generator was trained on|songs lie both"):
        require_honest(Corpus.open(tmp_path / "again"), corpus, corpus.fold(0))
    clips = fresh.clips.assign(sha256=corpus.clips["sha256"].iloc[corpus.fold(0).test[0]])
    with pytest.raises(MismatchError, match="sounds lie both"):
        require_honest(Corpus(fresh.path, fresh.meta, clips), corpus, corpus.fold(0))
    other = write_corpus(tmp_path / "other")
    assert not other.composed
    with pytest.raises(MismatchError, match="is not a composed corpus"):
        fresh_songs(other, 8, tmp_path / "none")


def test_synthetic_test_clips_and_generators_trained_on_test_songs_are_refused(
    tmp_path: Path, corpus: Corpus, made: Callable[..., Path]
) -> None:
    synthetic = Corpus.open(made("flow"))
    require_honest(synthetic, corpus, splits.fold(corpus.clips, 0))
    with pytest.raises(MismatchError, match=r"was trained on \d+ of the test songs .*--fold"):
        require_honest(synthetic, corpus, splits.fold(corpus.clips, 1))
    unknown = write_corpus(tmp_path / "unknown", synthetic=True, fold=-1)
    with pytest.raises(MismatchError, match="does not say which songs its generator"):
        require_honest(unknown, corpus, splits.fold(corpus.clips, 0))
    clips = corpus.clips.copy()
    clips.loc[clips["fold"] == 0, "synthetic"] = True
    with pytest.raises(MismatchError, match="test clips are synthetic"):
        splits.fold(clips, 0)


def test_a_generator_names_the_sampling_parameters_it_refuses(corpus: Corpus) -> None:
    assert sampling_refusal("gan", {"truncation": 0.5}, corpus) is None
    assert "no sampling parameter 'guidance'" in str(sampling_refusal("gan", {"guidance": 2.0}, corpus))


def test_a_generator_of_a_study_has_a_sampling_parameter_for_every_field_of_the_corpus(
    corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    assert sampling_refusal("flow", {"mode": 2.0}, corpus) is None
    given = runs.load(run_of("flow"))
    assert sampling_refusal("flow", {"guide": 2.0}, corpus, [given]) is None
    assert "no sampling parameter 'loudness'" in str(sampling_refusal("flow", {"loudness": 2.0}, corpus, [given]))


def test_composed_songs_go_with_any_corpus_and_follow_their_settings(tmp_path: Path) -> None:
    other = write_corpus(tmp_path / "real")
    music = {"keys": "12", "style": "jazz", "instruments": "piano"}
    songs = compose_songs(other, 16, tmp_path / "songs", music, seed=3)
    assert len(songs) == 16
    assert songs.front_end == other.front_end
    assert set(songs.clips["genre"]) == {"jazz"}
    assert set(songs.clips["instruments"]) == {"bass|piano"}, "the part is called bass, whatever plays it"
    assert songs.meta["planted"]["keys"] == 12
    assert not set(songs.songs) & set(other.songs)
    require_honest(songs, other, other.fold(0))
    again = compose_songs(other, 16, tmp_path / "again", music, seed=4)
    assert not set(songs.clips["sha256"]) & set(again.clips["sha256"]), "another run has other songs"


def test_a_smaller_amount_of_composed_songs_is_the_beginning_of_a_larger_one(tmp_path: Path) -> None:
    real = write_corpus(tmp_path / "real")
    specs = [SyntheticSetSpec("composed", ratio) for ratio in (1.0, 4.0)]
    specs.append(SyntheticSetSpec("composed", 1.0, music=(("instruments", "piano"),)))
    subset = TrainingSubset(0, 1.0, real.path)
    made = SetMaker(tmp_path / "study").make(specs, [subset])
    assert made[0].path == made[1].path != made[2].path
    alone = compose_songs(real, len(real.fold(0).train), tmp_path / "alone", {})
    assert len(alone) < len(Corpus.open(made[0].path))
    assert list(alone.clips["sha256"]) == list(Corpus.open(made[0].path).clips["sha256"][: len(alone)])


def test_a_declared_test_song_is_a_leak(corpus: Corpus, tmp_path: Path) -> None:
    theirs = write_corpus(tmp_path / "theirs", synthetic=True, fold=-1)
    part = corpus.fold(0)
    require_honest(theirs, corpus, part, ("another",))
    with pytest.raises(MismatchError, match="was trained on 1 of the test songs"):
        require_honest(theirs, corpus, part, (str(corpus.songs[part.test[0]]),))
