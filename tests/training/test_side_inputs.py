"""Regressors that predict from words, genre and instruments too, as a user trains and asks them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.conftest import RATE, Ran, music

from affetti.corpus import Corpus, splits, store
from affetti.errors import InputError, UsageError
from affetti.presets import front_end
from affetti.training import run as runs
from affetti.training.late_fusion import fuse
from affetti.training.side_inputs import corpus_inputs, input_values, parse_inputs
from affetti.training.text_embedders import text_embedder
from affetti.training.train import TrainSettings, train_run

N_SONGS, N_CLIPS = 80, 2
GLAD, SAD = ("joy light sun dance", "grief night tears alone")


def worded(folder: Path, effect: float, words: bool = True) -> Corpus:
    """Clips whose level follows arousal; a quarter of the songs have no words, and ``effect`` is that of glad words."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    songs = np.repeat([f"s{i:02d}" for i in range(N_SONGS)], N_CLIPS)
    number = np.repeat(np.arange(N_SONGS), N_CLIPS)
    glad = np.repeat(rng.random(N_SONGS) < 0.5, N_CLIPS)
    arousal = np.repeat(rng.uniform(-0.6, 0.6, N_SONGS), N_CLIPS)
    sung = number % 4 != 3
    valence = rng.normal(0, 0.1, len(songs)) + effect * np.where(glad, 1, -1) * sung
    front = front_end("tiny")
    mel = rng.normal(-50, 3, (len(songs), *front.shape)) + 20 * arousal[:, None, None]
    np.save(folder / "staged.npy", mel.astype(np.float16))
    lyrics = [
        f"{GLAD if it else SAD}\n{'la' * (i % 5 + 1)}" if s else ""
        for i, (it, s) in enumerate(zip(glad, sung, strict=True))
    ]
    clips = pd.DataFrame(
        {
            "clip_id": [f"c{i:03d}" for i in range(len(songs))],
            "song_id": songs,
            "artist": "",
            "genre": np.where(number % 3 == 0, "rock", "jazz"),
            "dataset": "made up",
            "fold": -1,
            "part": "",
            "valence": valence,
            "arousal": arousal,
            "raters": 0,
            "tags": "",
            "start": 0.0,
            "duration": front.seconds,
            "mode": "",
            "section": "",
            "instruments": np.where(number % 2 == 0, "piano|bass", "piano"),
            "lyrics": lyrics if words else "",
            "source_path": [f"{i}.wav" for i in range(len(songs))],
            "sha256": [f"{i:064x}" for i in range(len(songs))],
            "duplicates": "",
            "synthetic": False,
        }
    )
    split = splits.assign_split(clips, "folds", 4, 0, None)
    clips = clips.assign(fold=split.fold, part=split.part)
    meta = {"preset": "tiny", "source": "made up", "licence": "CC0", "label_scale": "-1..1", "label_audit": []}
    meta |= {"notes": [], "skipped": [], "signature": "x", "split": "folds", "folds": 4, "options": {}}
    return store.write(folder / "corpus", clips, folder / "staged.npy", front, meta)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return worded(tmp_path_factory.mktemp("worded") / "planted", 0.4)


@pytest.fixture(scope="module")
def run(corpus: Corpus) -> Path:
    settings = TrainSettings(inputs="mel,lyrics,genre,instruments")
    train_run("baseline", corpus, 0, corpus.path.parent / "run", settings)
    return corpus.path.parent / "run"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "song.wav", music(1, 20.0), RATE)
    return tmp_path / "song.wav"


def test_the_planted_gain_of_words_is_found_and_none_where_they_carry_none(corpus: Corpus, tmp_path: Path) -> None:
    settings = TrainSettings(inputs="mel,lyrics")
    found = train_run("baseline", corpus, 0, tmp_path / "planted", settings).fusion
    none = train_run("baseline", worded(tmp_path / "none", 0.0), 0, tmp_path / "unplanted", settings).fusion
    assert found is not None and none is not None
    gain = found.gain["valence"].r2
    assert gain is not None and gain.ci[0] > 0.3
    for axis in ("valence", "arousal"):
        nothing = none.gain[axis].r2
        assert nothing is not None and nothing.ci[0] <= 0.01
    assert (found.inputs, found.songs < N_SONGS // 4) == (("lyrics",), True)


def test_sound_alone_is_trained_as_without_inputs(corpus: Corpus, run: Path, tmp_path: Path) -> None:
    plain = train_run("baseline", corpus, 0, tmp_path / "plain")
    fused = json.loads((run / "result.json").read_text())
    assert plain.fusion is None and plain.test is not None
    assert fused["test"]["valence"]["ccc"]["value"] == pytest.approx(plain.test["valence"].ccc.value)  # type: ignore[union-attr]
    config = json.loads((run / "config.json").read_text())
    assert config["inputs"] == "mel,lyrics,genre,instruments"
    assert "inputs" not in json.loads((tmp_path / "plain/config.json").read_text())


@pytest.mark.parametrize("kind", ["student", "vit"])
def test_networks_take_words_too_and_a_saved_run_fuses_as_it_did(corpus: Corpus, tmp_path: Path, kind: str) -> None:
    small = {"student": {"width": 4}, "vit": {"width": 16, "layers": 1, "heads": 2}}[kind]
    settings = TrainSettings(steps=2, batch_size=8, inputs="mel,lyrics", model=small)
    result = train_run(kind, corpus, 0, tmp_path / "run", settings)
    assert result.fusion is not None
    opened = runs.load(tmp_path / "run")
    assert opened.fusion is not None and opened.meta.inputs == ("lyrics",)
    again = train_run(kind, corpus, 0, tmp_path / "run", settings)
    assert again == result
    part = corpus.fold(0)
    side = corpus_inputs(corpus, part, ("lyrics",), text_embedder())
    sound, inputs = np.zeros((len(part.test), 2)), side.values  # noqa: PD011 - no pandas object
    moved = np.abs(fuse(opened.fusion, sound, inputs[part.test])).max(axis=1) > 0
    assert not moved[~side.known[part.test]].any()


def test_a_song_is_predicted_with_its_words_and_without(
    run: Path, song: Path, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    def valence(*arguments: object) -> tuple[float, dict[str, object]]:
        ran = affetti("predict", "--model", run, song, "--json", *arguments)
        assert ran.code == 0, ran.err
        entry = json.loads(ran.out)[0]
        return entry["valence"], entry

    (tmp_path / "glad.txt").write_text(GLAD, encoding="utf-8")
    (tmp_path / "sad.lrc").write_text(f"[00:00.00]{SAD}\n[00:06.00]\n", encoding="utf-16")
    alone, plain = valence()
    assert (plain["inputs"], plain["sound_valence"]) == (None, None)
    glad, entry = valence("--lyrics", tmp_path / "glad.txt")
    assert glad > alone + 0.1
    assert (entry["inputs"], entry["sound_valence"]) == (["lyrics"], pytest.approx(alone))
    assert entry["valence_ci"] != plain["valence_ci"]
    sad, timed = valence("--lyrics", tmp_path / "sad.lrc")
    assert sad < alone
    curve = [point["valence"] for point in timed["curve"]]  # type: ignore[attr-defined]
    untouched = [point["valence"] for point in plain["curve"]]  # type: ignore[attr-defined]
    assert curve[0] < untouched[0] - 0.1
    assert curve[-1] == pytest.approx(untouched[-1]), "no words are sung there"
    assert valence("--genre", "rock", "--instruments", "Piano,bass")[1]["inputs"] == ["genre", "instruments"]
    ran = affetti("predict", "--model", run, song, "--lyrics", tmp_path / "glad.txt")
    assert "; sound alone " in ran.out


def test_several_songs_take_words_of_a_folder(
    run: Path, song: Path, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, music(2, 8.0), RATE)
    words = tmp_path / "words"
    words.mkdir()
    (words / "song.lrc").write_text(f"[00:00.00]{GLAD}\n", encoding="utf-8")
    ran = affetti("predict", "--model", run, song, other, "--lyrics", words, "--json")
    assert [entry["inputs"] for entry in json.loads(ran.out)] == [["lyrics"], []]
    (words / "other.txt").write_bytes(b"\xff\xfe\xff")
    ran = affetti("predict", "--model", run, song, other, "--lyrics", words)
    assert ran.code == 0 and "skipped" in ran.err and "neither UTF-8 nor UTF-16" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--genre", "polka"), "--genre: unknown genre 'polka'. Choose from jazz, rock"),
        (("--instruments", "harp"), "--instruments: unknown instrument 'harp'. Choose from bass"),
        (("--lyrics", "absent.txt"), "absent.txt: no such file"),
    ],
)
def test_what_the_regressor_does_not_know_is_refused_in_one_line(
    run: Path, song: Path, affetti: Callable[..., Ran], arguments: tuple[str, ...], says: str
) -> None:
    ran = affetti("predict", "--model", run, song, *arguments)
    assert ran.code == 2 and says in ran.err and len(ran.err.strip().splitlines()) == 1


def test_words_are_refused_by_a_regressor_of_sound_alone_and_for_several_songs(
    corpus: Corpus, run: Path, song: Path, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    (tmp_path / "words.txt").write_text("words", encoding="utf-8")
    train_run("baseline", corpus, 0, tmp_path / "plain")
    ran = affetti("predict", "--model", tmp_path / "plain", song, "--lyrics", tmp_path / "words.txt")
    assert ran.code == 2 and "--lyrics: the regressor was not trained on it: it takes sound alone" in ran.err
    ran = affetti("predict", "--model", run, song, song, "--lyrics", tmp_path / "words.txt")
    assert ran.code == 2 and "is of one recording, and 2 are given" in ran.err


@pytest.mark.parametrize(
    ("text", "says"),
    [("mel,text", "unknown input 'text'"), ("lyrics", "predicts from sound"), ("", "unknown input ''")],
)
def test_invalid_inputs_are_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_inputs(text)
    assert parse_inputs(None) == parse_inputs("mel") == ()


def test_a_generator_and_a_corpus_without_words_are_refused(
    corpus: Corpus, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    with pytest.raises(UsageError, match="--inputs: a flow is given conditions"):
        train_run("flow", corpus, 0, tmp_path / "flow", TrainSettings(steps=1, inputs="mel,lyrics"))
    silent = worded(tmp_path / "silent", 0.4, words=False)
    train = ("train", "baseline", "--corpus", silent.path, "--out", tmp_path / "run", "--inputs", "mel,lyrics")
    for arguments in (train, (*train, "--dry-run")):
        ran = affetti(*arguments)
        assert ran.code == 2
        assert (
            "input lyrics: no clip has it, or all have the same. Prepare the corpus with --metadata FILE.csv" in ran.err
        )


def test_too_few_songs_with_words_are_refused(corpus: Corpus) -> None:
    part = corpus.fold(0)
    rows = np.flatnonzero(np.isin(corpus.songs, np.unique(corpus.songs[part.validation])[:1]))
    corpus.clips.loc[~np.isin(np.arange(len(corpus)), [*part.train, *part.test, *rows]), "lyrics"] = ""
    try:
        with pytest.raises(InputError, match=r"validation songs of fold 0 have it, and 2 are needed"):
            corpus_inputs(corpus, part, ("lyrics",), text_embedder())
    finally:
        object.__setattr__(corpus, "clips", Corpus.open(corpus.path).clips)


def test_inputs_as_numbers_are_means_of_lines_and_indicators(corpus: Corpus) -> None:
    text = text_embedder()
    fields = corpus_inputs(corpus, corpus.fold(0), ("lyrics", "genre", "instruments"), text).fields
    rows = pd.DataFrame({"lyrics": ["a line\nb", ""], "genre": ["rock", "polka"], "instruments": ["bass", "harp"]})
    values = input_values(rows, fields, text)
    assert values[0, : text.size] == pytest.approx(text(["a line", "b"]).mean(axis=0))
    assert values[0, text.size :].tolist() == [0.0, 1.0, 1.0, 0.0][: values.shape[1] - text.size]
    assert np.isnan(values[1]).all()
