from __future__ import annotations

from pathlib import Path

import pytest
from tests.material import write_corpus

from affetti.corpus import Corpus
from affetti.errors import AffettiError
from affetti.studies.augmentation.given_clips import GivenClips, open_given_clips


def test_a_set_says_what_its_generator_was_trained_on_or_the_user_does(corpus: Corpus, tmp_path: Path) -> None:
    theirs = write_corpus(tmp_path / "theirs", synthetic=True, fold=-1)
    songs = tmp_path / "songs.csv"
    songs.write_text("song_id\nb\na\na\n")
    clips = (("theirs", theirs.path),)
    assert open_given_clips(clips, str(songs), corpus, ()) == (GivenClips("theirs", theirs.path, ("a", "b")),)
    assert open_given_clips(clips, "undeclared", corpus, ()) == (GivenClips("theirs", theirs.path, (), True),)
    own = (("ours", corpus.path),)
    assert open_given_clips(own, None, corpus, ()) == (GivenClips("ours", corpus.path),)
    assert not open_given_clips(own, "undeclared", corpus, ())[0].undeclared, "a composed corpus says it itself"


@pytest.mark.parametrize(
    ("names", "trained_on", "says"),
    [
        (("theirs",), None, "--trained-on: nothing says which songs the generator of theirs was trained on"),
        (("theirs",), "nowhere.csv", "nowhere.csv"),
        (("theirs",), "wrong.csv", "song_id"),
        (("theirs", "theirs"), "undeclared", "two sets of clips are called 'theirs'"),
        (("Theirs",), "undeclared", "cannot be called 'Theirs'"),
        (("flow",), "undeclared", "cannot be called 'flow'"),
        (("mixup",), "undeclared", "cannot be called 'mixup'"),
        ((), "undeclared", "there are no clips to declare"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], trained_on: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.csv").write_text("song\na\n")
    theirs = write_corpus(tmp_path / "theirs", synthetic=True, fold=-1)
    with pytest.raises(AffettiError, match=says) as caught:
        open_given_clips(tuple((name, theirs.path) for name in names), trained_on, corpus, ("mixup",))
    assert "\n" not in str(caught.value)
