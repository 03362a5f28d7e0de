"""Genre: planted effects are found, absent ones are not, counterfactuals leave the cues as they are."""

from pathlib import Path

import numpy as np
import pytest
from tests.material import present, write_corpus

from affetti import compose
from affetti.compose.styles import GENRES
from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals import idioms
from affetti.studies.audit.questions import genre

SONGS, EACH = 30, 3
GENRE = np.repeat(np.tile(["Pop", "rock", "jazz"], SONGS // 3), EACH)


@pytest.fixture
def brief(monkeypatch):
    """Without what needs no corpus and takes long; it has tests of its own."""
    value = genre.fisher_interval()[0]
    rows = [type(value)(name, "", 1.0, None, 1) for name in ("blues_difference_stft", "blues_difference_mel")]
    monkeypatch.setattr(genre, "blue_notes", lambda: rows)
    monkeypatch.setattr(genre, "distortion", lambda *_: [type(value)("distortion_similarity", "", 1.0, None, 1)])
    monkeypatch.setattr(genre, "_sounds", lambda _: ())


def ask(corpus: Corpus, folder: Path) -> Answer:
    return genre.QUESTION.measure(AuditContext(corpus, folder / "audit", quick=True), silent)


def drawn(seed: int, effect: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = 0.2 * rng.standard_normal((SONGS * EACH, 2)).clip(-2, 2)
    labels[:, 0] += effect * (GENRE == "jazz")
    return labels


@pytest.mark.usefixtures("brief")
def test_finds_what_genres_do_to_valence(tmp_path):
    answer = ask(write_corpus(tmp_path / "c", SONGS, EACH, labels=drawn(0, 0.5), genre=GENRE), tmp_path)
    variance = 0.25 * 2 / 9
    expected = 100 * variance / (variance + 0.04)
    assert answer["conditioning_adds_valence"].value == pytest.approx(expected, abs=16)
    assert present(answer["conditioning_adds_valence"].ci)[0] > 15
    assert answer["conditioning_adds_arousal"].value == pytest.approx(0, abs=4)
    assert {"ccc_pop", "ccc_rock", "ccc_jazz"} <= {m.name for m in answer.measurements}
    assert present(answer.intervals).names == ("ccc_jazz", "ccc_pop", "ccc_rock")


@pytest.mark.usefixtures("brief")
def test_finds_no_effect_where_there_is_none(tmp_path):
    for seed in (1, 2):
        answer = ask(write_corpus(tmp_path / f"c{seed}", SONGS, EACH, labels=drawn(seed), genre=GENRE), tmp_path)
        for axis in ("valence", "arousal"):
            result = answer[f"conditioning_adds_{axis}"]
            assert (result.value == 0) if result.ci is None else (result.ci[0] <= 0)


def test_the_genre_may_bend_what_a_feature_means():
    """Where the slope of a feature turns with the genre, only its products with the genre predict it."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((SONGS * EACH, 8)) * [9, 1, 1, 1, 1, 1, 1, 1]
    songs = np.repeat(np.arange(SONGS), EACH).astype(str)
    kinds = np.char.lower(GENRE)
    made = genre.genre_features(features, kinds, songs)
    assert made.shape == (SONGS * EACH, 3 * 7)
    np.testing.assert_array_equal(made[:, :3], kinds[:, None] == np.array(["jazz", "pop", "rock"]))
    np.testing.assert_allclose(made[kinds == "pop", 3:9], 0)  # products with jazz
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    both = np.linalg.svd(scaled, full_matrices=False)
    np.testing.assert_allclose(
        np.abs(made[kinds == "jazz", 3:9]), np.abs(both.U * both.S)[kinds == "jazz", :6], atol=1e-8
    )


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("kinds", ["", "pop"])
def test_without_genres_the_rest_is_measured(tmp_path, kinds):
    answer = ask(write_corpus(tmp_path / "c", 6, 2, genre=kinds), tmp_path)
    assert answer["spread_ccc"].value is None
    assert "a column with two or more kinds" in answer["genre_read"].note
    assert answer["fisher_low"].value == pytest.approx(0.31, abs=0.01)
    assert answer["style_moves_valence"].value is None
    assert answer.intervals is None
    assert "alike" in answer.sentence


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(("songs", "each"), [(1, 3), (3, 1), (6, 1)])
def test_few_songs(tmp_path, songs, each):
    kinds = np.tile(["pop", "rock", "jazz"], songs * each)[: songs * each]
    answer = ask(write_corpus(tmp_path / "c", songs, each, genre=kinds), tmp_path)
    assert answer["conditioning_adds_valence"].value is None or songs >= 5


def test_a_style_leaves_cues_and_words_as_they_are():
    songs = [compose.compose(7, 3, genre=style) for style in GENRES]
    assert {song.genre for song in songs} == set(GENRES)
    assert len({song.sections for song in songs}) == 1
    assert len({song.key for song in songs}) == 1
    assert len({song.parts for song in songs}) == len(GENRES)
    assert compose.compose(7, 3, genre=compose.genre_of(7, 3)) == compose.compose(7, 3)
    with pytest.raises(UsageError, match="unknown genre 'polka'"):
        compose.compose(7, 3, genre="polka")


def test_a_composed_corpus(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(genre, "MAX_SONGS_QUICK", 2)
    monkeypatch.setattr(idioms, "REGISTERS", (0,))
    answer = ask(corpus, tmp_path)
    assert present(answer["style_moves_valence"].value) > 0
    assert answer["blues_difference_stft"].n == 4
    assert all((tmp_path / "audit" / sound.file).is_file() for sound in answer.sounds)
    assert any("no emotion of their own" in caution for caution in answer.cautions)
    assert f"{answer['spread_ccc'].value:.2f}" in answer.sentence


def test_the_share_of_pop_and_rock_counts_songs_of_known_genre() -> None:
    songs = np.array(["a", "a", "b", "c", "d", "e"])
    share = genre.pop_rock_share(np.array(["pop", "pop", "rock", "jazz", "", "other"]), songs)
    assert (share.value, share.n, share.exact) == (50.0, 4, True)
    assert genre.pop_rock_share(np.array([""]), np.array(["a"])).value is None
