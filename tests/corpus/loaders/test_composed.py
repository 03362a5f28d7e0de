from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from affetti import api
from affetti.compose import cues
from affetti.compose.lyrics import SUNG_SECTIONS, valence_of
from affetti.corpus import Corpus
from affetti.corpus.ceiling import ceiling
from affetti.corpus.loaders import composed, load
from affetti.corpus.track import Options
from affetti.errors import MissingDependencyError, UsageError
from affetti.presets import FRONT_ENDS

SECONDS = FRONT_ENDS["tiny"].seconds


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    out = tmp_path_factory.mktemp("composed") / "c"
    api.prepare.run("composed", out, clips=32, seed=5, workers=1)
    return Corpus.open(out)


def test_a_song_gives_eight_clips_each_inside_its_section(corpus: Corpus) -> None:
    sections = pd.read_parquet(corpus.path / "sections.parquet")
    assert (corpus.clips.groupby("song_id").size() == 8).all()
    assert corpus.meta["n_songs"] == 4
    assert not corpus.clips.duplicated(["song_id", "start"]).any()
    clips = cast("Iterable[Any]", corpus.clips.itertuples())
    for clip in clips:
        own = sections[sections["song_id"] == clip.song_id]
        inside = own[
            (own["start"] <= clip.start + 1e-4) & (clip.start + SECONDS <= own["start"] + own["duration"] + 1e-4)
        ]
        assert inside["section"].tolist() == [clip.section]
        assert inside["mode"].tolist() == [clip.mode]
        assert inside["genre"].tolist() == [clip.genre]


def test_the_truth_is_that_of_the_sections_by_their_share(corpus: Corpus) -> None:
    sections = pd.read_parquet(corpus.path / "sections.parquet")
    clips = cast("Iterable[Any]", corpus.clips.itertuples())
    for clip in clips:
        own = sections[sections["song_id"] == clip.song_id]
        share = np.minimum(own["start"] + own["duration"], clip.start + SECONDS) - np.maximum(own["start"], clip.start)
        share = np.maximum(share, 0)
        assert clip.valence_true == pytest.approx(np.average(own["valence"], weights=share), abs=1e-4)
        assert clip.arousal_true == pytest.approx(np.average(own["arousal"], weights=share), abs=1e-4)


def test_a_clip_over_several_sections_has_their_mean_by_time() -> None:
    track = load("composed", clips=3, clips_per_song=1).tracks[2]
    sections = pd.DataFrame(track.tables()["sections"])
    for start in (0.0, 3.3, 20.0):
        said = track.describe(start, 30.0)
        grid = np.arange(start + 0.0005, start + 30.0, 0.001)  # by sampling each millisecond
        which = np.searchsorted(sections["start"].to_numpy(), grid, side="right") - 1
        for name in ("valence", "arousal"):
            assert said[f"{name}_true"] == pytest.approx(sections[name].to_numpy()[which].mean(), abs=1e-3)


def test_labels_are_known_before_any_sound_at_any_length_of_clip() -> None:
    track = load("composed", clips=3, clips_per_song=1, seed=1).tracks[0]
    for seconds in (SECONDS, 30.0):  # within a section, and over several
        rows = track.label_rows(seconds)
        starts = track.starts(60.0, seconds, "centre")
        assert len(rows) == len(starts) == 1
        assert -1 <= rows[0]["valence"] <= 1


def test_a_label_is_ten_raters_about_the_truth() -> None:
    tracks = load("composed", clips=800, clips_per_song=8, seed=1).tracks
    said = pd.DataFrame(
        [track.describe(at, SECONDS) for track in tracks for at in track.starts(60.0, SECONDS, "centre")]
    )
    assert len(said) == 800
    for name in ("valence", "arousal"):
        inside = said[np.abs(said[name]) < 1]
        miss = inside[name] - inside[f"{name}_true"]
        assert abs(miss.mean()) < 4 * 0.35 / np.sqrt(10 * 800)
        assert miss.std() == pytest.approx(0.35 / np.sqrt(10), rel=0.1)
        assert np.sqrt((said[f"{name}_std"] ** 2).mean()) == pytest.approx(0.35, rel=0.03)
    assert (said["raters"] == 10).all()


def test_the_ceiling_equals_the_one_the_composer_planted() -> None:
    tracks = load("composed", clips=1200, clips_per_song=8, seed=2).tracks
    rows = [
        {"song_id": t.song_id} | t.describe(at, SECONDS) for t in tracks for at in t.starts(60.0, SECONDS, "centre")
    ]
    clips = pd.DataFrame(rows)
    bounds = ceiling(clips)
    for name in ("valence", "arousal"):
        variance = clips[f"{name}_true"].var()
        axis = bounds.by_axis()[name]
        assert axis is not None
        low, high = axis.r2.ci
        assert low <= variance / (variance + 0.35**2 / 10) <= high
        assert high - low < 0.1


def test_it_depends_on_its_seed_alone(corpus: Corpus, tmp_path: Path) -> None:
    again = api.prepare.run("composed", tmp_path / "a", clips=32, seed=5, workers=1)
    other = api.prepare.run("composed", tmp_path / "b", clips=32, seed=6, workers=1)
    assert again.content_hash == corpus.hash != other.content_hash
    for name in ("mel.npy", "clips.parquet", "sections.parquet", "notes.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (corpus.path / name).read_bytes()


def test_the_same_clip_meets_the_same_raters_in_a_larger_corpus() -> None:
    few, many = (load("composed", clips=8 * n, clips_per_song=8, seed=3).tracks[1] for n in (2, 9))
    assert few.describe(12.5, SECONDS) == many.describe(12.5, SECONDS)


def test_every_planted_effect_is_declared(corpus: Corpus) -> None:
    planted = json.loads((corpus.path / "corpus.json").read_text(encoding="utf-8"))["planted"]
    assert planted["raters"] == {"k": 10, "std": 0.35}
    assert planted["section_effect"] == planted["genre_effect"] == planted["lyrics_effect"] == 0.0
    # The declared weights are enough to recompute every section's true emotion.
    weights = planted["weights"]
    for row in pd.read_parquet(corpus.path / "sections.parquet").to_dict("records"):
        for axis, name in enumerate(("valence", "arousal")):
            total = weights["intercept"][axis]
            total += sum(weight[axis] * row[cue] for cue, weight in weights["graded"].items())
            total += sum(choice.get(row[cue], [0.0, 0.0])[axis] for cue, choice in weights["choices"].items())
            assert row[name] == pytest.approx(total / weights["divided_by"], abs=1e-9)


def test_a_clip_has_the_words_of_its_section(corpus: Corpus) -> None:
    sections = pd.read_parquet(corpus.path / "sections.parquet")
    clips = cast("Iterable[Any]", corpus.clips.itertuples())
    for clip in clips:
        own = sections[(sections["song_id"] == clip.song_id) & (sections["section"] == clip.section)]
        assert clip.lyrics in own["lyrics"].tolist()
    assert (corpus.clips.loc[~corpus.clips["section"].isin(SUNG_SECTIONS), "lyrics"] == "").all()
    worded = sections[sections["lyrics"] != ""]
    assert worded["lyrics"].str.split("\n").map(len).between(2, 4).all()
    assert worded["word_valence"].tolist() == pytest.approx([valence_of(text) for text in worded["lyrics"]])
    assert sections.loc[sections["lyrics"] == "", "word_valence"].isna().all()
    for song, rows in worded[worded["section"] == "chorus"].groupby("song_id"):
        assert len(set(rows["lyrics"])) == 1, song


def test_words_are_declared_and_no_label_depends_on_them(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = json.loads((corpus.path / "corpus.json").read_text(encoding="utf-8"))["planted"]["lyrics"]
    assert (declared["correlation"], declared["instrumental"], declared["voice"]) == (0.6, 0.2, "none")
    assert set(declared["sections"]) == SUNG_SECTIONS
    track = load("composed", clips=8, clips_per_song=8, seed=5).tracks[0]
    before = track.describe(12.5, SECONDS)
    monkeypatch.setattr("affetti.compose.score.write_song", lambda form, *_: [("oh grief",)] * len(form))
    composed._song.cache_clear()  # pyright: ignore[reportPrivateUsage]
    after = track.describe(12.5, SECONDS)
    composed._song.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert {key for key in before if before[key] != after[key]} == {"lyrics"}


def test_a_voice_changes_only_the_sound_of_songs_with_words_and_no_label(corpus: Corpus, tmp_path: Path) -> None:
    api.prepare.run("composed", tmp_path / "sung", clips=32, seed=5, workers=1, voice="formant")
    sung = Corpus.open(tmp_path / "sung")
    pd.testing.assert_frame_equal(sung.clips.drop(columns="sha256"), corpus.clips.drop(columns="sha256"))
    for name in ("sections.parquet", "notes.parquet"):
        assert (sung.path / name).read_bytes() == (corpus.path / name).read_bytes()
    difference = np.abs(sung.mel[:].astype(float) - corpus.mel[:].astype(float)).mean(axis=(1, 2))
    worded = (corpus.clips["lyrics"] != "").to_numpy()
    assert difference[worded].min() > 0.5
    assert difference[~worded].max() < 0.1  # what rings on from the section before
    assert sung.meta["planted"]["lyrics"]["voice"] == sung.meta["options"]["voice"] == "formant"
    assert (sung.clips["sha256"] != corpus.clips["sha256"]).all()


def test_an_unavailable_voice_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="apt install espeak-ng"):
        load("composed", Options(voice="espeak"), clips=16)
    with pytest.raises(UsageError, match="unknown voice 'opera'"):
        load("composed", Options(voice="opera"), clips=16)
    with pytest.raises(UsageError, match=r"--voice: it concerns composed, not folder"):
        load(f"folder:{tmp_path}", Options(voice="formant"))


def test_genre_and_notes_are_kept(corpus: Corpus) -> None:
    assert (
        set(corpus.clips["genre"]) <= {"classical", "pop", "rock", "jazz", "electronic"} or corpus.clips["genre"].all()
    )
    notes = pd.read_parquet(corpus.path / "notes.parquet")
    assert set(notes["song_id"]) == set(corpus.clips["song_id"])
    assert notes["pitch"].between(0, 127).all()
    genres = {track.genre for track in load("composed", clips=60).tracks}
    assert len(genres) >= 5


@pytest.mark.parametrize(("preset", "each"), [("tiny", 8), ("paper", 1), ("paper45", 1)])
def test_as_many_clips_as_fit_without_overlap_are_taken(preset: str, each: int) -> None:
    front = FRONT_ENDS[preset]
    assert api.prepare.composed_size(front, None) == (composed.SONGS * each, each)
    assert api.prepare.composed_size(front, 17) == (17, each)
    for track in load("composed", clips=5 * each, clips_per_song=each).tracks:
        starts = track.starts(60.0, front.seconds, "centre")
        assert len(starts) == each
        assert all(b - a >= front.seconds for a, b in pairwise(starts))


@pytest.mark.parametrize("clips", [15, 0, -8])
def test_too_few_clips_are_refused(clips: int) -> None:
    with pytest.raises(UsageError, match="needs 2 songs, that is 16 clips"):
        api.prepare.composed_size(FRONT_ENDS["tiny"], clips)


def test_simulated_ratings_stay_on_the_plane() -> None:
    mean, _ = cues.simulate_ratings([[1.0, -1.0]] * 50, composed.RATERS, composed.RATER_STD, np.random.default_rng(0))
    assert np.abs(mean).max() <= 1


def test_a_corpus_has_exactly_the_requested_number_of_clips() -> None:
    tracks = load("composed", clips=19, clips_per_song=8).tracks
    assert [track.clips for track in tracks] == [8, 8, 3]
    assert [len(track.starts(50.0, 5.9, "centre")) for track in tracks] == [8, 8, 3]
