"""The question why songs are misread."""

from __future__ import annotations

from pathlib import Path

from tests.material import corpus

from affetti.corpus import Corpus
from affetti.progress import silent
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.questions import errors

__all__ = ["corpus"]


def test_errors_are_explained_by_what_a_corpus_knows_and_the_worst_songs_can_be_played(
    corpus: Corpus, tmp_path: Path
) -> None:
    answer = errors.measure(AuditContext(corpus, tmp_path / "audit", quick=True), silent)
    assert answer["error_valence"].value is not None
    assert answer["raters_spread_valence"].ci is not None
    assert answer["minor_arousal"].ci is not None
    assert answer["words_against_music_valence"].ci is not None
    assert answer["key_strength_valence"].note.startswith("not measurable here: needs sound")
    assert answer["worst_1"].value is not None and answer["worst_2"].value is not None
    assert answer["worst_1"].value >= answer["worst_2"].value
    assert "predicted" in answer["worst_1"].label and "label" in answer["worst_1"].label
    assert len(answer.sounds) == errors.N_WORST
    assert (tmp_path / "audit" / answer.sounds[0].file).is_file()
    assert answer.intervals is not None and "words_against_music_valence" in answer.intervals.names
    assert answer.sentence.startswith("A linear regressor errs by ")


def test_without_neutral_words_music_without_words_is_compared_with_all_words(corpus: Corpus, tmp_path: Path) -> None:
    sung = corpus.clips["lyrics"].fillna("") != ""
    clips = corpus.clips.assign(lyrics=sung.map({True: "joy", False: ""}))
    answer = errors.measure(AuditContext(Corpus(corpus.path, corpus.meta, clips), tmp_path / "audit", True), silent)
    assert answer["no_words_valence"].label == "valence: no words, beside words"
    assert answer["no_words_valence"].ci is not None
    assert answer["emotional_words_valence"].value is None


def test_a_corpus_that_knows_nothing_says_what_each_value_needs(corpus: Corpus, tmp_path: Path) -> None:
    blank = corpus.clips.assign(lyrics="", mode="", genre="", section="", valence_std=float("nan"))
    bare = Corpus(corpus.path, corpus.meta | {"source": "made up"}, blank.assign(arousal_std=float("nan")))
    answer = errors.measure(AuditContext(bare, tmp_path / "audit", quick=True), silent)
    for name in errors.KNOWN_ASPECTS:
        assert answer[f"{name}_valence"].note.startswith("not measurable here: needs ")
    assert answer["worst_1"].value is not None and answer.sounds == ()
    assert "nothing known of the clips" in answer.sentence
