from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.conftest import RATE, Ran, music

from affetti.corpus import audit
from affetti.corpus.loaders import load, moods
from affetti.corpus.track import AudioFile, Options
from affetti.emotion import WORDS
from affetti.errors import InputError, UsageError

HEAD = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
TABLE = "data/autotagging_moodtheme.tsv"
WORDED = ("happy film", "sad slow", "calm melodic", "energetic", "horror dark", "relaxing love", "party", "fun")


def line(number: int, tags: str, artist: int | None = None) -> str:
    named = "\t".join(f"mood/theme---{tag}" for tag in tags.split())
    path = f"{number % 100:02d}/{number}.mp3"
    return (
        f"track_{number:07d}\tartist_{number if artist is None else artist:06d}\talbum_000001\t{path}\t195.0\t{named}"
    )


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{it}\r\n" for it in (HEAD, *lines)).encode())


NUMBERS = range(948, 948 + 12)
LINES = [line(number, WORDED[i % len(WORDED)], 1 + i // 2) for i, number in enumerate(NUMBERS)]


def tree(folder: Path, whole: bool = True, splits: Sequence[int] = range(5), seconds: float | None = None) -> Path:
    """A clone of the repository with the audio of all but the last track beside it."""
    clone = folder / "mtg-jamendo-dataset"
    if whole:
        write(clone / TABLE, *LINES)
    for split in splits:
        turned = LINES[split * 2 :] + LINES[: split * 2]
        for part, lines in (("train", turned[:6]), ("validation", turned[6:8]), ("test", turned[8:])):
            write(clone / f"data/splits/split-{split}/autotagging_moodtheme-{part}.tsv", *lines)
            write(
                clone / f"data/splits/split-{split}/autotagging_genre-{part}.tsv", "track_1\tx\tx\tx\t1\tgenre---rock"
            )
    for number in NUMBERS[:-1]:
        file = folder / f"audio/{number % 100:02d}/{number}.mp3"
        file.parent.mkdir(parents=True, exist_ok=True)
        if seconds is None:
            file.touch()
        else:
            soundfile.write(file, music(number, seconds), RATE, format="MP3")
    return folder


def test_tracks_with_a_word_of_emotion_get_its_place(tmp_path: Path) -> None:
    source = load(f"jamendo:{tree(tmp_path)}")
    tracks = {track.song_id: track for track in source.labelled}
    assert len(tracks) == 11  # "party" names no emotion
    happy = tracks["track_0000948"]
    assert (happy.track_id, happy.artist, happy.path) == ("track_0000948", "artist_000001", "audio/48/948.mp3")
    assert happy.sound == AudioFile(tmp_path / "audio/48/948.mp3")
    assert (happy.labels.valence, happy.labels.arousal) == WORDS["happy"]
    assert (happy.labels.tags, happy.labels.raters) == (("happy", "film"), 0)
    assert np.isnan([happy.labels.valence_std, happy.labels.valence_original]).all()
    horror = tracks["track_0000952"].labels
    middle = np.mean([moods.MOODS["horror"], moods.MOODS["dark"]], axis=0)
    assert [horror.valence, horror.arousal] == pytest.approx(middle.tolist())
    assert [track.song_id for track in source.absent] == ["track_0000959"]
    assert source.absent[0].path == "59/959.mp3"
    assert source.notes == (
        "labels are words, not ratings: the mean point of a track's tags (9 of 13 have one)",
        "1 of 12 tracks have no tag with a point and are left out",
        "1 of 11 tracks have no audio here (46/3346.mp3 or 46/3346.low.mp3)",
    )
    checks = {check.check: check.verdict for check in audit.audit(source, 5.0)}
    assert checks["scale_mismatch"] == checks["raters_too_few"] == "not checkable"


def test_published_splits_are_offered_by_name(tmp_path: Path) -> None:
    official = load(f"jamendo:{tree(tmp_path)}").official
    assert list(official) == [f"split-{number}" for number in range(5)]
    for split, parts in official.items():
        assert len(parts) == 12, split
        assert [list(parts.values()).count(part) for part in ("train", "validation", "test")] == [6, 2, 4]
    assert official["split-0"]["track_0000948"] == "train"
    assert official["split-1"]["track_0000948"] == "test"


def test_without_the_whole_table_tracks_are_those_of_the_splits(tmp_path: Path) -> None:
    whole, split = load(f"jamendo:{tree(tmp_path / 'a')}"), load(f"jamendo:{tree(tmp_path / 'b', whole=False)}")
    assert [(t.song_id, t.labels.tags) for t in split.tracks] == [(t.song_id, t.labels.tags) for t in whole.tracks]
    clone = tmp_path / "b/mtg-jamendo-dataset"
    (clone / "data/splits/split-3/autotagging_moodtheme-train.tsv").unlink()
    source = load(f"jamendo:{clone}")
    assert list(source.official) == ["split-0", "split-1", "split-2", "split-4"]
    assert "split-3 is not available: it lacks train" in source.notes
    assert (len(source.tracks), len(source.absent)) == (0, 11)


def test_the_order_of_lines_makes_no_difference(tmp_path: Path) -> None:
    folder = tree(tmp_path)
    before = load(f"jamendo:{folder}")
    for file in folder.rglob("*.tsv"):
        head, *lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(head + b"".join(reversed(lines)))
    after = load(f"jamendo:{folder}")
    assert repr(after.tracks) == repr(before.tracks)
    assert after.official == before.official


def test_full_quality_is_preferred_to_low(tmp_path: Path) -> None:
    write(tmp_path / TABLE, line(3346, "calm"), line(3347, "calm"))
    for name in ("low/46/3346.low.mp3", "low/47/3347.low.mp3", "z/full/46/3346.mp3", "other/3347.mp3", "46/3346.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [track.path for track in load(f"jamendo:{tmp_path}").tracks] == ["z/full/46/3346.mp3", "low/47/3347.low.mp3"]


def test_the_true_table_is_read(data: Path) -> None:
    folder = data / "noncommercial/mtg_jamendo_mood"
    source = load(f"jamendo:{folder}")
    placed = set(moods.MOODS)
    rows = (folder / "autotagging_moodtheme-validation.tsv").read_bytes().decode().split("\r\n")[1:-1]
    tagged = {row.split("\t")[0]: [tag.split("---")[1] for tag in row.split("\t")[5:]] for row in rows}
    assert len(tagged) == 3802
    assert {track.song_id: list(track.labels.tags) for track in source.absent} == {
        name: tags for name, tags in tagged.items() if placed & set(tags)
    }
    assert source.notes == (
        "labels are words, not ratings: the mean point of a track's tags (20 of 56 have one)",
        "1586 of 3802 tracks have no tag with a point and are left out",
        "2216 of 2216 tracks have no audio here (46/3346.mp3 or 46/3346.low.mp3)",
        "mtg_jamendo_mood is not available: it lacks train and test",
    )
    assert dict(source.official) == {}
    assert len({track.artist for track in source.absent}) == 219


def test_our_places_follow_ratings_of_the_same_words(data: Path) -> None:
    rated = moods.read(data / "research/va_tables/jamendo_moodtag_va_scores.csv", None)
    assert len(rated) == 56
    words = sorted(rated.keys() & moods.MOODS.keys())
    assert len(words) == 20
    ours, theirs = (np.array([table[word] for word in words]) for table in (moods.MOODS, rated))
    assert np.corrcoef(ours[:, 0], theirs[:, 0])[0, 1] > 0.9
    assert np.corrcoef(ours[:, 1], theirs[:, 1])[0, 1] > 0.8
    assert (np.hypot(*np.array(list(moods.MOODS.values())).T) < 1).all()


def test_a_lexicon_replaces_our_places(tmp_path: Path, data: Path) -> None:
    folder = tree(tmp_path)
    lexicon = data / "research/va_tables/jamendo_moodtag_va_scores.csv"
    source = load(f"jamendo:{folder}", Options(lexicon=lexicon))
    party = next(track for track in source.tracks if "party" in track.labels.tags)
    assert [party.labels.valence, party.labels.arousal] == pytest.approx([(7.18 - 5) / 4, (6.08 - 5) / 4])
    both = next(track for track in source.tracks if track.labels.tags == ("happy", "film"))
    assert both.labels.valence == pytest.approx(((8.47 + 6.33) / 2 - 5) / 4)


@pytest.mark.parametrize(
    ("text", "scale", "place"),
    [
        ("word,valence,arousal\nCalm,0.5,-0.75\n", None, (0.5, -0.75)),
        ("Word;Arousal;Valence\ncalm;0,25;0,5\n", "0..1", (0.0, -0.5)),
        ("tag,valence,arousal\ncalm,7.5,2\nsad,2,3\n", None, (0.625, -0.75)),
        ("word,valence,arousal\ncalm,3,-3\n", "-10..10", (0.3, -0.3)),
    ],
)
def test_a_word_list_is_read_on_its_scale(
    tmp_path: Path, text: str, scale: str | None, place: tuple[float, float]
) -> None:
    (tmp_path / "words.csv").write_text(text, encoding="utf-8")
    assert moods.read(tmp_path / "words.csv", scale)["calm"] == pytest.approx(place)


@pytest.mark.parametrize(
    ("text", "scale", "kind", "says"),
    [
        ("name,valence,arousal\ncalm,1,9\n", None, InputError, "words.csv: column 'word' is missing"),
        ("word,valence\ncalm,1\n", None, InputError, "column 'arousal' is missing"),
        ("word,valence,arousal\ncalm,0.1,x\n", None, InputError, "line 2: arousal 'x' is not a number"),
        ("word,valence,arousal\ncalm,0.1,0\nCALM,1,1\ncalm,1,1\n", None, InputError, "line 4: word calm occurs twice"),
        (
            "word,valence,arousal\ncalm,0.1,0\nCALM,1,-1\n",
            None,
            InputError,
            "line 3: word CALM occurs twice, in another",
        ),
        ("word,valence,arousal\ncalm,6,2\n", None, InputError, "could be on 1..9 or .*Declare the scale"),
        ("word,valence,arousal\ncalm,6,2\n", "1..5", InputError, "line 2: valence 6 is no number from 1 to 5"),
        ("word,valence,arousal\ncalm,6,2\n", "1..8", UsageError, "unknown scale '1..8'"),
        (
            "word,valence,arousal\nxyz,8,2\n",
            None,
            InputError,
            "words.csv: none of the 12 tracks has a tag with a point",
        ),
    ],
)
def test_a_word_list_that_cannot_be_used_is_reported(
    tmp_path: Path, text: str, scale: str | None, kind: type[Exception], says: str
) -> None:
    (tmp_path / "words.csv").write_text(text, encoding="utf-8")
    with pytest.raises(kind, match=says):
        load(f"jamendo:{tree(tmp_path)}", Options(lexicon=tmp_path / "words.csv", scale=scale))


@pytest.mark.parametrize("whole", [True, False])
def test_tags_of_instruments_and_genres_are_used_where_they_are_published(tmp_path: Path, whole: bool) -> None:
    tree(tmp_path)
    number = NUMBERS[0]

    def further(category: str, *tags: str) -> str:
        return line(number, "x").replace("mood/theme---x", "\t".join(f"{category}---{tag}" for tag in tags))

    data = tmp_path / "mtg-jamendo-dataset" / "data"
    suffix = "" if whole else "-train"
    folder = data if whole else data / "splits" / "split-0"
    write(folder / f"autotagging_instrument{suffix}.tsv", further("instrument", "piano", "electricguitar"))
    write(folder / f"autotagging_genre{suffix}.tsv", further("genre", "experimental", "jazz", "rock"))
    tracks = {track.track_id: track for track in load(f"jamendo:{tmp_path}").labelled}
    track = tracks[f"track_{number:07d}"]
    assert track.instruments == ("piano", "electricguitar")
    assert (track.genre, track.annotations.genre_original) == ("other", "experimental|jazz|rock")
    assert track.describe(0.0, 1.0)["instruments"] == "piano|electricguitar"
    other = tracks[f"track_{NUMBERS[1]:07d}"]
    assert (other.instruments, other.genre, other.annotations.genre_original) == ((), "", "")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["track_1\tartist_1\talbum_1\t01/1.mp3\t9.0"],
            "autotagging_moodtheme.tsv: line 2: has no tags; expected TRACK",
        ),
        ([line(1, "calm"), line(1, "sad")], r"line 3: track_id track_0000001 occurs twice \(also on line 2\)"),
        (
            [line(1, "calm").replace("mood/theme", "genre")],
            "line 2: tag 'genre---calm' is not a mood or theme; expected mood",
        ),
        ([line(1, "calm") + "\tsad"], "line 2: tag 'sad' is not a mood or theme"),
        ([line(1, "calm").replace("track_0000001", "")], "line 2: track_id is missing"),
        ([line(1, "film")], "none of the 1 tracks has a tag with a point on the plane"),
        ([], "holds no rows"),
    ],
)
def test_an_invalid_line_is_reported(tmp_path: Path, lines: list[str], says: str) -> None:
    write(tmp_path / TABLE, *lines)
    with pytest.raises(InputError, match=says):
        load(f"jamendo:{tmp_path}")


def test_a_folder_without_tags_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tags of MTG-Jamendo .expected autotagging_moodtheme.tsv and"):
        load(f"jamendo:{tmp_path}")
    (tmp_path / "autotagging_moodtheme.tsv").write_text("TRACK_ID\tPATH\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"column 'artist_id' is missing .found: TRACK_ID, PATH"):
        load(f"jamendo:{tmp_path}")


def test_a_corpus_is_prepared_with_a_published_split(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    folder = tree(tmp_path / "jamendo", seconds=6.5)
    out = tmp_path / "corpus"
    done = affetti("prepare", f"jamendo:{folder}", "--out", out, "--split", "split-2", "--json")
    assert done.code == 0, done.err
    clips = pd.read_parquet(out / "clips.parquet").set_index("song_id")
    official = load(f"jamendo:{folder}").official["split-2"]
    assert {song: official[str(song)] for song in clips.index} == clips["part"].to_dict()
    assert clips.loc["track_0000948", "tags"] == "happy|film"
    meta = json.loads((out / "corpus.json").read_text(encoding="utf-8"))
    assert (meta["split"], meta["label_scale"]) == ("split-2", "tags")
    assert meta["leakage"].keys() >= {"songs", "artists"}
