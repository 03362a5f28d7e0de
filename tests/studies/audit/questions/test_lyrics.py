from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score

from affetti import compose
from affetti.compose.lyrics import VALENCE
from affetti.corpus import Corpus
from affetti.presets import FRONT_ENDS
from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals import reworded_lyrics
from affetti.studies.audit.counterfactuals.reworded_lyrics import reworded_variants, sung_excerpt
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.text_gain import text_features, text_gain
from affetti.studies.audit.questions import lyrics
from material import write_corpus

SONG = compose.compose(5, 3)
KINDS = ("happy", "sad", "none", "one list", "other list")


def words_of(song: compose.Song) -> list[str]:
    return [word for section in song.sections for line in section.lines for word in line.split()]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lyrics, "MAX_SONGS_QUICK", 5)
    monkeypatch.setattr(lyrics, "MIN_SONGS", 5)
    monkeypatch.setattr(lyrics, "MAX_SPOKEN_SONGS_QUICK", 2)


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, AuditContext]:
    folder = tmp_path_factory.mktemp("audit")
    context = AuditContext(write_corpus(folder / "corpus"), folder, quick=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lyrics, "MAX_SONGS_QUICK", 5)
        patch.setattr(lyrics, "MIN_SONGS", 5)
        return lyrics.measure(context, silent), context


@pytest.fixture
def context(tmp_path: Path) -> AuditContext:
    return AuditContext(write_corpus(tmp_path / "corpus"), tmp_path, quick=True)


def test_songs_differ_in_words_alone() -> None:
    known = reworded_variants(SONG)
    assert tuple(known) == KINDS
    for song in known.values():
        assert song.parts == SONG.parts, "a note differs"
        assert [replace(s, lines=()) for s in song.sections] == [replace(s, lines=()) for s in SONG.sections]
    sung = [[len(line.split()) for s in known[kind].sections for line in s.lines] for kind in KINDS if kind != "none"]
    assert all(form == sung[0] for form in sung), "lines of other forms"
    assert not words_of(known["none"])
    assert words_of(known["happy"]) != words_of(known["sad"])
    assert compose.valence_of(" ".join(words_of(known["happy"]))) == pytest.approx(0.8, abs=0.1)
    assert compose.valence_of(" ".join(words_of(known["sad"]))) == pytest.approx(-0.8, abs=0.1)


def test_the_control_is_of_one_valence_and_shares_no_word() -> None:
    known = [reworded_variants(compose.compose(5, index)) for index in range(20)]
    lists = [{word for each in known for word in words_of(each[kind]) if word in VALENCE} for kind in KINDS[3:]]
    assert lists[0] and lists[1] and not lists[0] & lists[1]
    for each in known:
        one, other = (" ".join(words_of(each[kind])) for kind in KINDS[3:])
        assert compose.valence_of(one) == compose.valence_of(other)


@pytest.mark.parametrize("seconds", [5.9, 30.0])
def test_an_excerpt_is_the_renderers_own_with_words_sung_in_it(seconds: float, tmp_path: Path) -> None:
    front = replace(FRONT_ENDS["tiny"], seconds=seconds)
    context = AuditContext(write_corpus(tmp_path / "corpus", songs=2, each=1, front=front), tmp_path)
    result = sung_excerpt(context, SONG, "formant", ("happy", "sad"))
    begin = round(next(s.start for s in SONG.sections if s.name in ("verse", "chorus")) * 22_050)
    for kind in ("happy", "none"):
        whole = torch.from_numpy(compose.render(reworded_variants(SONG)[kind], 22_050, voice="formant"))
        torch.testing.assert_close(result.with_words(kind), whole[begin : begin + round(seconds * 22_050)])
    assert len(result.with_words("sad")) == round(seconds * 22_050)
    assert not torch.equal(result.voices["happy"], result.voices["sad"])


def test_numbers_are_those_of_the_clips(answer: tuple[Answer, AuditContext]) -> None:
    result, context = answer
    sung = [sung_excerpt(context, context.compose_song(index), "formant", ("happy", "sad")) for index in range(5)]
    mels = {kind: [context.log_mel(each.with_words(kind)) for each in sung] for kind in ("happy", "sad", "none")}
    r = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(mels["happy"], mels["sad"], strict=True)]
    assert result["similarity"].value == pytest.approx(np.mean(r))
    far = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(mels["happy"], np.roll(mels["happy"], 1, 0))]  # noqa: B905
    assert result["similarity_other_songs"].value == pytest.approx(np.mean(far))
    with np.load(context.folder / "answers" / "lyrics.npz") as arrays:
        assert [panel.key for panel in result.mels.panels] == list(arrays) if result.mels else False
        assert np.abs(arrays["sad words"] - mels["sad"][0]).max() < 0.05
    assert [sound.origin for sound in result.sounds] == ["composed"] * 3
    assert all((context.folder / sound.file).is_file() for sound in result.sounds)


def test_the_same_music_makes_clips_more_similar_than_words_make_them_different(
    answer: tuple[Answer, AuditContext],
) -> None:
    by_name = {measurement.name: measurement for measurement in answer[0].measurements}
    value = {name: measurement.value for name, measurement in by_name.items()}
    assert 0.8 < (value["similarity"] or 0) < 1
    assert (value["similarity"] or 0) > (value["similarity_other_songs"] or 1) + 0.2
    assert abs(value["similarity_in_time_other_songs"] or 0) < 0.2 < (value["similarity_in_time"] or 0)
    assert 0 < (value["distance_db"] or 0) < (value["distance_db_other_songs"] or 0)
    assert all(by_name[name].ci is not None and by_name[name].n == 5 for name in ("similarity", "words_read_paired"))
    assert value["similarity_espeak"] is None or value["similarity_espeak"] > 0.5
    assert str(round(value["similarity"] or 0, 2)) in answer[0].sentence


def test_the_same_words_twice_give_the_same_clip_and_chance_accuracy(
    context: AuditContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reworded_lyrics, "SAD", reworded_lyrics.HAPPY)
    result = lyrics.measure(context, silent)
    assert result["similarity"].value == pytest.approx(1)
    assert result["distance_db"].value == pytest.approx(0, abs=1e-9)
    assert result["words_read_paired"].value == 0.5
    assert result["valence_shift"].value == 0
    assert result["valence_shift"].ci == (0, 0)
    assert result["words_read_voice"].value == pytest.approx(0.5, abs=0.1)


def test_the_probe_distinguishes_words_in_pairs_and_by_voice(context: AuditContext) -> None:
    rng = np.random.default_rng(0)
    song = np.array([f"{i}" for i in range(40)])
    music, words = rng.normal(0, 5, (40, 30)), np.zeros((40, 30))
    words[:, 0] = 1
    mels = {"happy": music + words, "sad": music, "one list": music, "other list": music}
    mels |= {"happy, voice alone": 5 * words, "sad, voice alone": 0 * words}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lyrics, "embed_statistics", lambda mel: mel)
        reported = {m.name: m.value for m in lyrics._probe_accuracies(mels, song, context)}  # type: ignore[arg-type]
    assert reported["words_read_paired"] == 1
    assert reported["words_read_voice"] == 1
    assert 0.4 < (reported["words_read"] or 0) < 0.75, "the music's own differences are five times as large"
    assert reported["lists_read_paired"] == 0.5


def wordy(path: Path, seed: int, effect: float) -> Corpus:
    """60 songs sung to words of a drawn valence, which moves the label by ``effect``."""
    rng = np.random.default_rng(seed)
    about = rng.uniform(-1, 1, 60)
    lines = ["\n".join(compose.write_lines(float(v), rng)) for v in about]
    labels = np.column_stack([effect * about + rng.normal(0, 0.3, 60), rng.uniform(-0.9, 0.9, 60)])
    return write_corpus(path, songs=60, each=1, labels=labels.clip(-1, 1), lyrics=lines)


def told_of(corpus: Corpus, out: Path) -> dict[str, Any]:
    return {measurement.name: measurement for measurement in text_gain(AuditContext(corpus, out))}


def test_planted_effects_of_words_are_detected_and_absent_ones_are_not(tmp_path: Path) -> None:
    for seed in range(3):
        planted = told_of(wordy(tmp_path / f"p{seed}", seed, 0.8), tmp_path)["text_adds_valence"]
        assert planted.ci[0] > 10, (seed, planted)
    null = [told_of(wordy(tmp_path / f"n{seed}", seed, 0.0), tmp_path)["text_adds_valence"] for seed in range(6)]
    assert not [each for each in null if each.ci is not None and each.ci[0] > 0]
    assert np.median([each.value for each in null]) == pytest.approx(0, abs=1)


def test_gain_is_the_difference_of_two_models(tmp_path: Path) -> None:
    corpus = wordy(tmp_path / "c", 1, 0.5)
    result = told_of(corpus, tmp_path)
    mel, text = AuditContext(corpus, tmp_path).statistics, text_features(corpus.clips["lyrics"].to_numpy(dtype=str))
    nested = linear_probe.cross_val_subsets(mel, text, corpus.labels, corpus.songs)
    alone = linear_probe.cross_val_predict(np.hstack(list(text.values())), corpus.labels, corpus.songs)
    scores = [r2_score(corpus.labels[:, 0], x[:, 0]) for x in (nested[()], nested["valence", "words"], alone)]
    assert result["mel_explains_valence"].value == pytest.approx(100 * scores[0])
    assert result["text_adds_valence"].value == pytest.approx(100 * (scores[1] - scores[0]))
    assert result["text_explains_valence"].value == pytest.approx(100 * scores[2])


def test_texts_become_numbers_whatever_their_language() -> None:
    result = text_features(np.array(["we dance in joyful love", "despair", "amore mio", "..."]))
    assert result["valence"][:, 0].tolist() == pytest.approx([1, -1, 0, 0])
    assert result["valence"][:, 1].tolist() == [1, 1, 0, 0]
    assert result["words"].shape == (4, 48)
    assert np.isfinite(result["words"]).all()


def test_clips_without_words_are_left_out(tmp_path: Path) -> None:
    corpus = wordy(tmp_path / "c", 2, 0.6)
    half = corpus.clips["lyrics"].where(np.arange(60) % 2 == 0, " ")
    corpus.clips["lyrics"] = half
    result = told_of(corpus, tmp_path)
    assert result["text_adds_valence"].n == 30


@pytest.mark.parametrize("songs, each, words", [(1, 1, ""), (3, 1, "we dance")])
def test_small_and_wordless_corpora_say_what_is_missing(
    songs: int, each: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = lyrics.measure(
        AuditContext(write_corpus(tmp_path / "c", songs, each, lyrics=words), tmp_path, quick=True), silent
    )
    assert result["similarity"].value is not None
    assert result["text_adds_valence"].value is None
    needed = "songs with words" if words else "lyrics: a column of words"
    assert needed in result["text_adds_valence"].note
    assert (result["valence_shift"].value is None) == (songs < 5)
    assert result["similarity_espeak"].value is None
    assert any("espeak-ng is not installed" in caution for caution in result.cautions)
    assert "not measurable" in result.sentence


def test_espeak_is_used_where_it_is_installed(
    context: AuditContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "espeak-ng"
    file.write_text(
        f"#!{sys.executable}\n"
        "import sys, wave\n"
        "text = sys.stdin.read()\n"
        "with wave.open(sys.argv[6], 'wb') as out:\n"
        "    out.setnchannels(1), out.setsampwidth(2), out.setframerate(16000)\n"
        "    half = 20 + len(text)\n"
        "    out.writeframes((b'\\0\\x20' * half + b'\\0\\xe0' * half) * 100)\n",
        encoding="utf-8",
    )
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (spoken,), cautions = lyrics._espeak_similarity(context)
    assert 0.5 < (spoken.value or 0) < 1
    assert spoken.n == 2
    assert cautions == ()
