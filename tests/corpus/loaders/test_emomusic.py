from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Ran
from tests.corpus.loaders import mediaeval_trees as trees

from affetti.corpus import audit
from affetti.corpus.ceiling import ceiling
from affetti.corpus.loaders import emomusic, load
from affetti.corpus.track import AudioFile, Check, Source
from affetti.errors import InputError

IDS = (2, 3, 4, 5, 7, 8, 10, 12, 13, 17, 18, 999, 1000)
CURVES = ("valence_cont_average.csv", "arousal_cont_average.csv")
MEANS = "static_annotations.csv"
HEAD = "song_id,mean_arousal,std_arousal,mean_valence,std_valence"


def whole(root: Path) -> trees.Ratings:
    rated = trees.rate(IDS)
    trees.emomusic(root, rated)
    trees.curves(root / "annotations", rated, CURVES)
    return rated


def check(source: Source, name: str) -> Check:
    return next(it for it in audit.audit(source, 30.0) if it.check == name)


def test_a_whole_tree_is_read(tmp_path: Path) -> None:
    rated = whole(tmp_path)
    home = trees.sing(tmp_path / "clips_45seconds", IDS[:-1])
    source = load(f"emomusic:{tmp_path}")
    assert [track.track_id for track in source.tracks] == [f"emomusic-{song}" for song in IDS[:-1]]
    assert [track.song_id for track in source.absent] == ["deam-1000"]
    for track, mean, std in zip(source.labelled, rated.means, rated.spread(1), strict=True):
        result = track.labels
        assert [result.valence, result.arousal] == pytest.approx(((mean - 5) / 4).tolist())
        assert [result.valence_std, result.arousal_std] == pytest.approx((std / 4).tolist(), abs=1e-4)
        assert [result.valence_original, result.arousal_original] == pytest.approx(mean.tolist())
        assert result.raters == 10
    track = source.tracks[0]
    assert (track.artist, track.title, track.genre) == ("Artist 2", "Title 2", "pop")
    assert (track.path, track.sound) == ("clips_45seconds/2.mp3", AudioFile(home / "2.mp3"))
    dynamic = source.tables["dynamic"]
    assert len(dynamic) == 61 * len(IDS)
    assert (dynamic["time"].min(), dynamic["time"].max()) == (15.0, 45.0)
    assert {name: check(source, name).verdict for name in ("axes_swapped", "static_against_dynamic")} == {
        "axes_swapped": "fine",
        "static_against_dynamic": "fine",
    }
    assert "to use both, prepare them in one run" in check(source, "songs_shared").detail
    assert source.notes == (
        f"{MEANS} has usable labels of 13 of 744 songs",
        "1 of 13 clips have no audio under clips_45seconds (first: 1000.mp3)",
    )


def test_swapped_axes_are_reported_and_not_corrected(tmp_path: Path) -> None:
    rated = trees.rate(IDS)
    trees.emomusic(tmp_path, rated)
    trees.curves(tmp_path, rated, names=(CURVES[1], CURVES[0]))
    source = load(f"emomusic:{tmp_path}")
    finding = check(source, "axes_swapped")
    assert (finding.verdict, finding.n) == ("suspect", 13)
    assert source.labelled[0].labels.valence_original == pytest.approx(rated.means[0, 0])


def test_the_published_splits_are_offered(tmp_path: Path) -> None:
    whole(tmp_path)
    official = load(f"emomusic:{tmp_path}").official
    evaluation = {f"emomusic-{song}" for song in IDS if song % 3 == 0}
    assert {track for track, part in official["mediaeval-2013"].items() if part == "test"} == evaluation
    assert set(official["mediaeval-2013"].values()) == {"train", "test"}
    for track, part in official["marble"].items():
        artist = f"artist {int(track.split('-')[1]) % 7}"
        if track in evaluation:
            assert part == "test"
        else:  # digits do not count: every one of these is the artist "artist"
            number = int(hashlib.sha1(artist[:6].encode()).hexdigest(), 16)  # noqa: S324 - the rule is so
            assert part == ("train" if number % 10 < 8 else "validation")


@pytest.mark.parametrize(
    ("artist", "plain"),
    [
        ("Mr. & Mrs. Smith\t", "mr mrs smith"),
        ("Vieux Farka Tour\u00e9", "vieux farka tour"),
        ("Rex Hobart &amp; the Misery Boys", "rex hobart amp the misery boys"),
        ("A\u00a0B", "ab"),
        ("The  Two\t Blanks ", "the two blanks"),
    ],
)
def test_the_rule_of_marble_keeps_ascii_letters_alone(artist: str, plain: str) -> None:
    number = int(hashlib.sha1(plain.encode()).hexdigest(), 16)  # noqa: S324 - the rule is so
    assert emomusic.held_out(artist) == (number % 10 in (8, 9))


@given(st.text())
def test_the_rule_of_marble_ignores_case_punctuation_and_outer_blanks(artist: str) -> None:
    assert emomusic.held_out(artist) == emomusic.held_out(f"  {artist} 12!\t")


def test_about_a_fifth_of_artists_is_held_out() -> None:
    names = [chr(97 + i % 26) + chr(97 + i // 26 % 26) + chr(97 + i // 676) for i in range(5000)]
    assert sum(map(emomusic.held_out, names)) / len(names) == pytest.approx(0.2, abs=0.02)


def test_the_published_table_is_read(data: Path, tmp_path: Path) -> None:
    shutil.copy(data / "research/va_tables/emomusic_static_1to9.csv", tmp_path / MEANS)  # with DEAM's headers
    source = load(f"emomusic:{tmp_path}")
    assert len(source.absent) == 446
    first = source.absent[0]
    assert first.song_id == "deam-2"
    assert (first.labels.valence_original, first.labels.arousal_original) == (3.0, 3.1)
    assert first.labels.valence_std == pytest.approx(0.66667 / 4)
    bounds = ceiling(audit.table(source, 30.0))
    values = [axis.r2.value for axis in bounds.by_axis().values() if axis is not None]
    assert values == pytest.approx([0.822, 0.847], abs=0.002)


def test_either_order_and_spelling_of_columns_is_accepted(tmp_path: Path) -> None:
    trees.write(tmp_path / "a" / MEANS, HEAD, "2,3.1,0.99,3.0,0.67")
    trees.write(
        tmp_path / "b" / MEANS, "song_id, valence_mean, valence_std, arousal_mean, arousal_std", "2,3.0,.67,3.1,.99"
    )
    one, other = (load(f"emomusic:{tmp_path / it}").labelled[0].labels for it in "ab")
    assert one == other


def test_missing_parts_of_a_tree_are_named(tmp_path: Path) -> None:
    trees.emomusic(tmp_path, trees.rate(IDS), info=False)
    source = load(f"emomusic:{tmp_path}")
    assert (len(source.tracks), dict(source.tables), dict(source.official)) == (0, {}, {})
    assert source.notes == (
        f"{MEANS} has usable labels of 13 of 744 songs",
        "no songs_info.csv: genres and published splits are unknown",
        "no dynamic annotations of these songs (valence_cont_average.csv and arousal_cont_average.csv)",
        "artists are unknown: splits keep only songs apart",
        "no audio (clips_45seconds/<id>.mp3): only labels are read",
    )
    assert check(source, "axes_swapped").verdict == "not checkable"


def test_tables_of_pmemo_beside_it_are_not_taken_for_its_own(tmp_path: Path) -> None:
    whole(tmp_path / "emomusic")
    trees.write(tmp_path / "PMEmo2019/annotations" / MEANS, "musicId,Arousal(mean),Valence(mean)", "1,0.4,0.5")
    assert len(load(f"emomusic:{tmp_path}").labelled) == len(IDS)


@pytest.mark.parametrize(
    ("file", "lines", "says"),
    [
        (MEANS, (HEAD[:30], "2,1,1"), "static_annotations.csv: column 'valence_mean' is missing"),
        (MEANS, ("id,x", "2,1"), r"column 'song_id' is missing \(found: id, x\)"),
        (MEANS, (HEAD, "2,3,1,x,1"), "line 2: mean_valence 'x' is not a number"),
        (MEANS, (HEAD, "2,3,1,4,1", "2,3,1,4,1"), r"line 3: song_id 2 occurs twice \(also on line 2\)"),
        (MEANS, (HEAD, "2,0,1,4,1"), r"no song has a label on 1\.\.9"),
        ("songs_info.csv", ("song_id,Artist,Song title,Genre", "2,a,b,Pop"), "column 'mediaeval2013set' is missing"),
        (
            "songs_info.csv",
            ("song_id,Artist,Song title,Genre,Mediaeval 2013 set", "2,a,b,Pop,test"),
            "songs_info.csv: line 2: set 'test' is neither development nor evaluation",
        ),
        (CURVES[0], ("song_id,sample_15000ms", "2,-"), "valence_cont_average.csv: line 2: sample_15000ms '-' is not a"),
    ],
)
def test_a_fault_is_reported_with_file_and_line(tmp_path: Path, file: str, lines: tuple[str, ...], says: str) -> None:
    whole(tmp_path)
    trees.write(tmp_path / "annotations" / file, *lines)
    with pytest.raises(InputError, match=says):
        load(f"emomusic:{tmp_path}")


def test_a_folder_without_emomusic_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"not the emoMusic tree: static_annotations.csv is not there. Give the folder"
    ):
        load(f"emomusic:{tmp_path}")
    (tmp_path / "annotations.tar.gz").touch()
    with pytest.raises(InputError, match=r"Unpack annotations.tar.gz"):
        load(f"emomusic:{tmp_path}")


def test_a_corpus_is_prepared_with_the_published_split(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    whole(tmp_path / "emo")
    trees.sing(tmp_path / "emo/clips_45seconds", IDS[:8], seconds=6.5)
    out = tmp_path / "corpus"
    done = affetti(
        "prepare", f"emomusic:{tmp_path / 'emo'}", "--out", out, "--split", "mediaeval-2013", "--workers", "1"
    )
    assert done.code == 0, done.err
    result = pd.read_parquet(out / "clips.parquet").set_index("song_id")
    assert {song for song, part in result["part"].items() if part == "test"} == {"deam-3", "deam-12"}
    assert set(result["fold"]) == {-1, 0}
