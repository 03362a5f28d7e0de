from __future__ import annotations

from pathlib import Path

import pytest
from tests.material import write_corpus, write_rated_corpus

from affetti.emotion import Emotion
from affetti.errors import AffettiError
from affetti.inference.song_request import SongSettings, resolve_song

HEAD = "time,valence,arousal\n"


def csv(folder: Path, text: str) -> str:
    (folder / "curve.csv").write_text(text, encoding="utf-8")
    return str(folder / "curve.csv")


def test_a_table_gives_curve_sections_and_length(tmp_path: Path) -> None:
    rows = "time,valence,arousal,section\n0,-0.5,-0.5,Verse 1\n30,0.5,0.5,verse\n60,0.5,0.5,chorus\n90,0,0,chorus\n"
    song = resolve_song(SongSettings(curve=csv(tmp_path, rows)), "uniform", 6.0)
    assert song.seconds == 90
    assert [(it.start, it.end, it.label) for it in song.sections] == [(0, 60, "verse"), (60, 90, "chorus")]
    assert song.curve.mean(0, 30) == Emotion(0, 0)
    longer = resolve_song(SongSettings(curve=csv(tmp_path, rows), seconds=120), "uniform", 6.0)
    assert longer.seconds == longer.sections[-1].end == 120


def test_words_with_seconds_are_a_curve() -> None:
    song = resolve_song(SongSettings(curve="sad@0 calm@60 0.5,0.2@120"), "uniform", 6.0)
    assert song.curve.times == (0, 60, 120)
    assert song.curve.points == ((-0.6, -0.4), (0.35, -0.6), (0.5, 0.2))
    assert song.seconds == 120


def test_a_form_divides_a_song_of_one_emotion_into_equal_sections() -> None:
    song = resolve_song(SongSettings(form="intro, verse chorus", seconds=90), "happy", 6.0)
    assert [(it.start, it.end, it.label) for it in song.sections] == [
        (0, 30, "intro"),
        (30, 60, "verse"),
        (60, 90, "chorus"),
    ]
    assert song.curve.mean(10, 20) == Emotion.parse("happy")


def test_the_curve_of_a_song_of_a_corpus_is_its_ratings_over_time_or_its_labels(tmp_path: Path) -> None:
    write_rated_corpus(tmp_path / "rated", songs=2)
    rated = resolve_song(SongSettings(curve_from=(str(tmp_path / "rated"), "song1")), "uniform", 6.0)
    assert len(rated.curve.times) == 36
    assert rated.curve.points[0] == pytest.approx((-0.41, 0.41))
    corpus = write_corpus(tmp_path / "plain", songs=2, each=1)
    plain = resolve_song(SongSettings(curve_from=(str(corpus.path), "song1"), seconds=30), "uniform", 6.0)
    assert plain.curve.mean(0, 30) == pytest.approx(Emotion(*corpus.labels[1]))
    with pytest.raises(AffettiError, match="no song 'song9'"):
        resolve_song(SongSettings(curve_from=(str(corpus.path), "song9")), "uniform", 6.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD, "holds no rows"),
        ("time,valence\n0,1\n", "column 'arousal' is missing"),
        (f"{HEAD}0,0,0\n9,,0\n20,0,0\n", "line 3: valence '' is not a number"),
        (f"{HEAD}0,0,0\n9,nan,0\n", "line 3: valence 'nan' is not a number"),
        (f"{HEAD}0,0,0\n20,0,0\n10,0,0\n", "line 4: time 10 does not come after 20"),
        (f"{HEAD}0,0,0\n0,0,0\n", "line 3: time 0 does not come after 0"),
        (f"{HEAD}-1,0,0\n20,0,0\n", "line 2: time -1 is no number from 0"),
        (f"{HEAD}0,0,0\n20,1.5,0\n", "line 3: valence 1.5 is no number from -1 to 1"),
        (f"{HEAD}0,0,0\n3,0,0\n", "a song of 3 s is shorter than a window"),
        (f"{HEAD}0,0,0\n3601,0,0\n", "time 3601 is no number from 0 to 3600"),
        (f"{HEAD}0,0,0\n", "a song without a length"),
        ("time,valence,arousal,section\n0,0,0,verse\n10,0,0,\n20,0,0,verse\n", "line 3: section is missing"),
    ],
)
def test_a_table_that_is_no_curve_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(AffettiError, match=says) as refused:
        resolve_song(SongSettings(curve=csv(tmp_path, text)), "uniform", 6.0)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "emotions", "says"),
    [
        (SongSettings(curve="nowhere.csv"), "uniform", "no such file"),
        (SongSettings(curve="sad@0 calm"), "uniform", "'calm' is no point of a curve"),
        (SongSettings(curve="sad@0 clam@60"), "uniform", "Did you mean calm"),
        (SongSettings(curve="sad@60 calm@0"), "uniform", "times are not ascending"),
        (SongSettings(curve="sad@0 2,0@60"), "uniform", "valence 2 lies outside"),
        (SongSettings(curve=" "), "uniform", "an empty curve"),
        (SongSettings(curve="sad@0 calm@60", seconds=30), "uniform", "the curve ends at 60 s, the song at 30 s"),
        (SongSettings(curve="sad@0 calm@60"), "happy", "both a curve and --emotions"),
        (SongSettings(curve="sad@0", curve_from=("a", "b")), "uniform", "both --curve and --curve-from"),
        (SongSettings(form="verse chorus", seconds=60), "uniform", "a song without an emotion"),
        (SongSettings(form="verse chorus"), "happy", "a song without a length"),
        (SongSettings(form=" ", seconds=60), "happy", "an empty form"),
        (SongSettings(seconds=5), "happy", "shorter than a window"),
        (SongSettings(seconds=float("nan")), "happy", "--seconds: a song of nan s. Give a number"),
        (SongSettings(seconds=3_601), "happy", "an hour"),
        (SongSettings(seconds=60), "matched", "'matched' is not an emotion"),
    ],
)
def test_a_song_that_cannot_be_is_refused_in_one_line(settings: SongSettings, emotions: str, says: str) -> None:
    with pytest.raises(AffettiError, match=f"(?i){says}") as refused:
        resolve_song(settings, emotions, 6.0)
    assert "\n" not in str(refused.value)


def test_sections_in_a_table_and_a_form_exclude_each_other(tmp_path: Path) -> None:
    curve = csv(tmp_path, "time,valence,arousal,section\n0,0,0,verse\n10,0,0,chorus\n20,0,0,chorus\n")
    with pytest.raises(AffettiError, match="both --form and sections"):
        resolve_song(SongSettings(curve=curve, form="verse"), "uniform", 6.0)
