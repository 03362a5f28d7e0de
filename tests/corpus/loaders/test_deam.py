from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Ran
from tests.corpus.loaders import mediaeval_trees as trees
from tests.corpus.loaders.mediaeval_trees import DYNAMIC, EXCERPTS, FULL, HEAD, SONG_LEVEL, STATIC

from affetti.corpus import audit
from affetti.corpus.ceiling import ceiling
from affetti.corpus.loaders import deam, deam_axes, genres, load
from affetti.corpus.loaders.deam_axes import Reference
from affetti.corpus.loaders.mediaeval import Songs
from affetti.corpus.track import AudioFile, Check, Options, Source
from affetti.errors import InputError

TABLES = "research/va_tables"


def labels(source: Source) -> dict[str, list[float]]:
    """Means and spreads on [-1, 1] by song."""
    return {
        track.song_id: [getattr(track.labels, name) for name in ("valence", "arousal", "valence_std", "arousal_std")]
        for track in source.labelled
    }


def truth(rated: trees.Ratings) -> dict[str, Any]:
    """What :func:`labels` should be, within the rounding of the file."""
    unit, spread = (rated.means - 5) / 4, rated.spread(1) / 4
    return {
        f"deam-{song}": pytest.approx([*pair, *std], abs=3e-3)
        for song, pair, std in zip(rated.ids, unit, spread, strict=True)
    }


def check(source: Source, name: str) -> Check:
    return next(it for it in audit.audit(source, 30.0) if it.check == name)


def alone(root: Path, rated: trees.Ratings | None = None, swapped: bool = True) -> Path:
    """Nothing but the means."""
    rated = rated or trees.rate(EXCERPTS)
    trees.static(root / STATIC, rated.ids, rated.means, rated.spread(0), swapped)
    return root


def test_a_whole_tree_is_read_and_corrected(tmp_path: Path) -> None:
    clips, full = trees.deam(tmp_path)
    home = trees.sing(tmp_path / "DEAM_audio/MEMD_audio", [*EXCERPTS[1:], *FULL])
    source = load(f"deam:{tmp_path}", Options(full_songs=True))
    assert labels(source) == {**truth(clips), **truth(full)}
    assert [track.song_id for track in source.absent] == ["deam-2"]
    assert source.absent[0].path == "MEMD_audio/2.mp3"
    tracks = {track.track_id: track for track in source.labelled}
    assert tracks["deam-999"].sound == AudioFile(home / "999.mp3")
    assert tracks["deam-999"].path == "DEAM_audio/MEMD_audio/999.mp3"
    assert (tracks["deam-6"].artist, tracks["deam-6"].title, tracks["deam-6"].genre) == (
        "Artist 6",
        "Title 6",
        "classical",
    )
    # What the file calls valence up to id 1000 is arousal: the originals are those put back.
    at = clips.ids.index(6)
    assert [tracks["deam-6"].labels.valence_original, tracks["deam-6"].labels.arousal_original] == clips.means[
        at
    ].tolist()
    assert {track.labels.raters for track in source.labelled} == {10, 6}
    assert source.official["mediaeval-2015"] == {
        f"deam-{song}": "test" if song in FULL else "train" for song in (*EXCERPTS, *FULL)
    }
    assert source.dataset.scale == "1..9"
    assert check(source, "axes_swapped").verdict == "corrected"
    assert check(source, "axes_swapped").n == 17
    assert check(source, "static_against_dynamic").verdict == "fine"
    assert set(source.notes) == {
        f"{STATIC} has usable labels of 29 of 1744 songs",
        "17 songs have valence and arousal swapped in the file, corrected (--deam-labels as-shipped keeps them)",
        "1 of 41 clips have no audio under MEMD_audio (first: 2.mp3)",
    }


def test_names_are_unwrapped_and_genres_mapped(tmp_path: Path) -> None:
    trees.deam(tmp_path)
    named = {
        int(track.song_id[5:]): (track.artist, track.title, track.genre)
        for track in load(f"deam:{tmp_path}", Options(full_songs=True)).labelled
    }
    assert named[1001] == ("Rex Hobart & the Misery Boys", 'A "quoted" title', "other")
    assert named[1002] == ("Artist 1002", "Title", "other")
    assert named[1012] == ("Caf\ufffd", "Title", "electronic")
    source = load(f"deam:{tmp_path}", Options(full_songs=True))
    published = {track.song_id: track.annotations.genre_original for track in source.labelled}
    assert (published["deam-1001"], published["deam-2001"]) == ("SoulRB-Country-Rock", "folk")
    assert named[2001] == ("No", "Go", "other")  # an unquoted comma: the genre is still recognised
    assert named[2002] == ("Hunt Club", "Uranium", "rock")
    assert named[2003] == ("Artist 2003", "Title 2003", "other")


def test_ratings_over_time_and_by_rater_are_saved(tmp_path: Path) -> None:
    clips, full = trees.deam(tmp_path)
    source = load(f"deam:{tmp_path}", Options(full_songs=True))
    dynamic = source.tables["dynamic"]
    assert list(dynamic.columns) == ["song_id", "time", "valence", "arousal"]
    assert sorted(dynamic["time"].unique())[:3] == [15.0, 15.5, 16.0]
    counts = dynamic["song_id"].value_counts()
    assert (counts["deam-2"], counts["deam-1001"], counts["deam-2001"]) == (61, 61, 101)
    means = dynamic.groupby("song_id")[["valence", "arousal"]].mean()
    assert means.loc["deam-2001"].to_numpy().tolist() == pytest.approx(((full.means[0] - 5) / 4).tolist(), abs=0.05)
    ratings = source.tables["ratings"]
    assert list(ratings.columns) == ["song_id", "rater", "valence", "arousal"]
    assert len(ratings) == 10 * len(EXCERPTS) + 6 * len(FULL)
    # They shared the swap of the means, and are corrected with them.
    by_song = ratings.groupby("song_id")[["valence", "arousal"]].mean()
    assert by_song.loc["deam-2"].to_numpy().tolist() == pytest.approx(clips.means[0].tolist())
    assert by_song.loc["deam-2001"].to_numpy().tolist() == pytest.approx(full.means[0].tolist())
    # Kept as shipped, nothing is touched; the ratings over time are no part of the mistake.
    kept = load(f"deam:{tmp_path}", Options(full_songs=True, deam_labels="as-shipped"))
    by_song = kept.tables["ratings"].groupby("song_id")[["arousal", "valence"]].mean()
    assert by_song.loc["deam-2"].to_numpy().tolist() == pytest.approx(clips.means[0].tolist())
    pd.testing.assert_frame_equal(kept.tables["dynamic"], dynamic)


@pytest.mark.parametrize("above", [0, 1, 2])
@pytest.mark.parametrize("kaggle", [True, False])
def test_any_way_of_unpacking_works(tmp_path: Path, kaggle: bool, above: int) -> None:
    root = tmp_path / "data" / "archive"
    clips, _ = trees.deam(root, kaggle=kaggle)
    trees.sing(root / ("DEAM_audio/MEMD_audio" if kaggle else "MEMD_audio"), EXCERPTS[:3])
    path = (root, *root.parents)[above]
    source = load(f"deam:{path}")
    assert labels(source) == truth(clips)
    assert len(source.tracks) == 3
    assert all((path / track.path).is_file() for track in source.tracks)
    assert "dynamic" in source.tables
    assert "ratings" in source.tables
    assert all(track.artist for track in source.labelled)


def test_sound_and_annotations_may_lie_elsewhere_and_be_linked(tmp_path: Path) -> None:
    clips, _ = trees.deam(tmp_path / "disk" / "deam", kaggle=False)
    trees.sing(tmp_path / "disk" / "audio", EXCERPTS[:3])
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "MEMD_audio").symlink_to(tmp_path / "disk" / "audio")
    (tmp_path / "home" / "annotations").symlink_to(tmp_path / "disk" / "deam")
    source = load(f"deam:{tmp_path / 'home'}")
    assert labels(source) == truth(clips)
    assert [track.path for track in source.tracks] == [f"MEMD_audio/{number}.mp3" for number in EXCERPTS[:3]]


def test_nothing_depends_on_the_order_of_lines(tmp_path: Path) -> None:
    trees.deam(tmp_path)
    before = load(f"deam:{tmp_path}", Options(full_songs=True))
    for file in tmp_path.rglob("*.csv"):
        head, *lines = file.read_bytes().splitlines()
        file.write_bytes(b"\r\n".join([head, *reversed(lines)]))
    after = load(f"deam:{tmp_path}", Options(full_songs=True))
    assert labels(after) == {song: pytest.approx(pair) for song, pair in labels(before).items()}
    assert {track.song_id: track.artist for track in after.labelled} == {
        track.song_id: track.artist for track in before.labelled
    }


# The axes: references and corrections.


def test_emomusic_is_a_reference_from_any_folder(tmp_path: Path) -> None:
    clips = trees.rate(EXCERPTS)
    alone(tmp_path / "deam", clips)
    trees.emomusic(tmp_path / "emomusic", trees.first(clips))
    beside = load(f"deam:{tmp_path}")
    named = load(f"deam:{tmp_path / 'deam'}", Options(reference=tmp_path / "emomusic"))
    for source in (beside, named):
        assert labels(source) == truth(clips)
        finding = check(source, "axes_swapped")
        assert (finding.verdict, finding.n) == ("corrected", 17)
        assert "against emoMusic's labels, r 0." in finding.detail
        assert "straight and 1.000 crossed (17 songs)" in finding.detail
    joined = load([f"deam:{tmp_path / 'deam'}", f"emomusic:{tmp_path / 'emomusic'}"])
    assert "against emoMusic's labels" in audit.audit(joined, 30.0)[0].detail


def test_the_dynamic_annotations_are_a_reference_for_both_blocks(tmp_path: Path) -> None:
    clips = trees.rate(EXCERPTS)
    trees.curves(alone(tmp_path, clips), clips)
    source = load(f"deam:{tmp_path}")
    assert labels(source) == truth(clips)
    detail = check(source, "axes_swapped").detail
    assert "against DEAM's dynamic annotations, r" in detail
    assert "above id 1000 r 1.000 straight" in detail
    assert check(source, "static_against_dynamic").verdict == "fine"


def test_ratings_by_rater_are_a_reference_only_where_they_contradict(tmp_path: Path) -> None:
    few = trees.rate(EXCERPTS[:16])  # too few for the test of spreads
    root = alone(tmp_path / "a", few)
    trees.per_rater(root, few, swapped=False)
    finding = check(load(f"deam:{root}"), "axes_swapped")
    assert finding.verdict == "corrected"
    assert "against DEAM's ratings by rater" in finding.detail
    root = alone(tmp_path / "b", few)
    trees.per_rater(root, few, swapped=True)
    assert check(load(f"deam:{root}"), "axes_swapped").verdict == "not checkable"


def test_ratings_that_are_right_are_left(tmp_path: Path) -> None:
    clips, _ = trees.deam(tmp_path, ratings_swapped=False)
    ratings = load(f"deam:{tmp_path}").tables["ratings"]
    by_song = ratings.groupby("song_id")[["valence", "arousal"]].mean()
    assert by_song.loc["deam-2"].to_numpy().tolist() == pytest.approx(clips.means[0].tolist())


def test_labels_that_are_right_are_left_as_they_are(tmp_path: Path) -> None:
    clips = trees.rate(EXCERPTS)
    root = alone(tmp_path / "deam", clips, swapped=False)
    trees.emomusic(tmp_path / "emomusic", trees.first(clips))
    trees.curves(tmp_path / "curves", clips)
    for options in (Options(), Options(deam_labels="as-shipped")):
        source = load(f"deam:{tmp_path}", options)
        assert labels(source) == truth(clips)
        finding = check(source, "axes_swapped")
        assert finding.verdict == "fine"
        assert finding.detail.startswith("against emoMusic's labels, r 1.000 straight")
        assert "; against DEAM's dynamic annotations, r 1.000 straight" in finding.detail
    assert root.is_dir()


def test_as_shipped_keeps_the_swap_and_says_so(tmp_path: Path) -> None:
    clips = trees.rate(EXCERPTS)
    trees.curves(alone(tmp_path, clips), clips)
    kept = load(f"deam:{tmp_path}", Options(deam_labels="as-shipped"))
    right = load(f"deam:{tmp_path}")
    assert labels(kept)["deam-2"][:2] == labels(right)["deam-2"][1::-1]
    assert labels(kept)["deam-2"][2:] == labels(right)["deam-2"][:1:-1]
    assert labels(kept)["deam-1001"] == labels(right)["deam-1001"]
    finding, undone = check(kept, "axes_swapped"), check(right, "axes_swapped")
    assert (finding.verdict, undone.verdict) == ("suspect", "corrected")
    for detail in (finding.detail, undone.detail):
        assert "shipped and corrected labels of all 29 songs agree at CCC 0." in detail
    assert "17 songs have valence and arousal swapped in the file, kept as shipped" in kept.notes
    assert check(kept, "static_against_dynamic").n > check(right, "static_against_dynamic").n == 0


def test_references_that_disagree_are_both_reported(tmp_path: Path) -> None:
    clips = trees.rate(EXCERPTS)
    alone(tmp_path, clips)
    trees.emomusic(tmp_path, trees.first(clips))
    trees.curves(tmp_path, clips, names=("arousal.csv", "valence.csv"))
    finding = check(load(f"deam:{tmp_path}"), "axes_swapped")
    assert finding.verdict == "corrected"  # emoMusic is the stronger
    assert "against DEAM's dynamic annotations" in finding.detail
    assert "which contradicts it" in finding.detail
    assert "which is probably swapped too and is left unchanged" in finding.detail


def test_a_copy_of_deam_is_not_a_reference(tmp_path: Path) -> None:
    clips = trees.rate(EXCERPTS)
    alone(tmp_path, clips)
    shutil.copy(tmp_path / STATIC, tmp_path / "static_annotations.csv")
    finding = check(load(f"deam:{tmp_path}"), "axes_swapped")
    assert finding.verdict == "corrected"
    assert "emoMusic's labels" not in finding.detail


def test_too_few_songs_are_inconclusive(tmp_path: Path) -> None:
    few = trees.rate(EXCERPTS[:9])
    finding = check(load(f"deam:{alone(tmp_path / 'a', few)}"), "axes_swapped")
    assert (finding.verdict, finding.n) == ("not checkable", 9)
    late = trees.rate(range(1001, 1020))
    finding = check(load(f"deam:{alone(tmp_path / 'b', late)}"), "axes_swapped")
    assert (finding.verdict, finding.n) == ("not checkable", 0)


@given(seed=st.integers(0, 200), raters=st.integers(3, 20))
def test_correcting_undoes_the_swap_of_any_file(seed: int, raters: int) -> None:
    rated = trees.rate(EXCERPTS, raters, seed)
    true = Songs(np.array(rated.ids), rated.means, rated.spread(0))
    early = true.numbers <= deam_axes.LAST
    reference = Reference("the truth", true)
    if reference.compare(true.pick(early)).swapped is not False:
        return  # valence and arousal are so similar that no reference can decide
    for shipped in (true, true.crossed(early)):
        result, finding = deam_axes.correct_axes(shipped, [reference], keep=False)
        assert np.array_equal(result.pairs, true.pairs)
        assert np.array_equal(result.spread, true.spread)
        assert finding.verdict == ("fine" if shipped is true else "corrected")
        kept, finding = deam_axes.correct_axes(shipped, [reference], keep=True)
        assert np.array_equal(kept.pairs, shipped.pairs)


# The published numbers.


@pytest.fixture
def published(data: Path, tmp_path: Path) -> Path:
    """The true table in its true place; with 1,059 of its 1,744 excerpts."""
    rows = trees.table(data / TABLES / "deam_static_1to9.csv")
    columns = np.array(list(rows.values()))
    trees.static(tmp_path / "deam" / SONG_LEVEL / STATIC, rows, columns[:, ::2], columns[:, 1::2], swapped=False)
    emomusic = tmp_path / "emomusic/static_annotations.csv"
    emomusic.parent.mkdir()
    shutil.copy(data / TABLES / "emomusic_static_1to9.csv", emomusic)
    return tmp_path


def bound(source: Source) -> list[float]:
    bounds = ceiling(audit.table(source, 30.0))
    return [axis.r2.value for axis in bounds.by_axis().values() if axis is not None]


def test_the_published_file_is_swapped_by_emomusic(published: Path) -> None:
    source = load(f"deam:{published / 'deam'}", Options(reference=published / "emomusic"))
    assert len(source.absent) == 1059
    finding = check(source, "axes_swapped")
    assert (finding.verdict, finding.n) == ("corrected", 446)
    assert "against emoMusic's labels, r 0.603 straight and 1.000 crossed (446 songs)" in finding.detail
    assert "of all 1059 songs agree at CCC 0.767 (valence) and 0.828 (arousal)" in finding.detail
    assert f"{STATIC} has usable labels of 1059 of 1744 songs" in source.notes
    assert bound(source) == pytest.approx([0.774, 0.852], abs=0.002)
    theirs = {song: row[::2] for song, row in trees.table(published / "emomusic/static_annotations.csv").items()}
    ours = {
        int(track.song_id[5:]): [track.labels.valence_original, track.labels.arousal_original]
        for track in source.labelled
    }
    apart = np.abs([np.subtract(ours[song], theirs[song]) for song in theirs])
    assert np.median(apart) == 0
    assert apart.max() < 0.5  # song 1000, of which emoMusic counts nine raters
    spread = np.array([track.labels.valence_std * 4 for track in source.labelled if int(track.song_id[5:]) in theirs])
    first = np.array([trees.table(published / "emomusic/static_annotations.csv")[song][1] for song in theirs])
    assert np.median(spread / first) == pytest.approx(1.0, abs=2e-3)  # both of ddof 1 now


def test_the_published_file_is_swapped_by_ratings_over_time(published: Path) -> None:
    rows = trees.table(published / "emomusic/static_annotations.csv")
    means = np.array([row[::2] for row in rows.values()])
    trees.curves(published / "deam" / DYNAMIC, trees.Ratings(tuple(rows), means[:, :, None]))  # type: ignore[arg-type]
    source = load(f"deam:{published / 'deam'}")
    finding = check(source, "axes_swapped")
    assert finding.verdict == "corrected"
    assert "against DEAM's dynamic annotations, r 0.603 straight and 1.000 crossed (446 songs)" in finding.detail
    assert check(source, "static_against_dynamic").verdict == "fine"
    kept = load(f"deam:{published / 'deam'}", Options(deam_labels="as-shipped"))
    assert check(kept, "axes_swapped").verdict == "suspect"
    assert check(kept, "static_against_dynamic").n > 20


def test_the_published_file_is_swapped_by_its_spread_alone(published: Path) -> None:
    source = load(f"deam:{published / 'deam'}")
    finding = check(source, "axes_swapped")
    assert finding.verdict == "corrected"
    assert (
        "on weak evidence only, standard deviations of 1.37 of valence, 1.22 of arousal, p = 0.0017" in finding.detail
    )
    assert "emoMusic's static_annotations.csv would decide it" in finding.detail
    assert bound(source) == pytest.approx([0.774, 0.852], abs=0.002)


def test_the_published_file_as_shipped_gives_other_ceilings(published: Path) -> None:
    kept = load(f"deam:{published}", Options(deam_labels="as-shipped"))
    assert check(kept, "axes_swapped").verdict == "suspect"
    assert bound(kept) != pytest.approx([0.774, 0.852], abs=0.005)


def test_corrected_labels_are_recognised_as_correct(published: Path, tmp_path: Path) -> None:
    source = load(f"deam:{published}")
    lines = [HEAD] + [
        f"{track.song_id[5:]},{it.valence_original},{it.valence_std},{it.arousal_original},{it.arousal_std}"
        for track in source.labelled
        for it in [track.labels]
    ]
    again = trees.write(tmp_path / "again" / STATIC, *lines).parent
    finding = check(load(f"deam:{again}", Options(reference=published / "emomusic")), "axes_swapped")
    assert finding.verdict == "fine"
    assert "r 1.000 straight" in finding.detail
    assert check(load(f"deam:{again}"), "axes_swapped").verdict == "fine"  # by the spread


# Partial trees, faults.


def test_missing_parts_of_a_tree_are_named(tmp_path: Path) -> None:
    alone(tmp_path)
    trees.sing(tmp_path / "MEMD_audio", [*EXCERPTS[3:], 5, 2003])
    source = load(f"deam:{tmp_path}")
    assert (len(source.tracks), len(source.absent), dict(source.tables)) == (26, 3, {})
    assert set(source.notes) == {
        f"{STATIC} has usable labels of 29 of 1744 songs",
        "17 songs have valence and arousal swapped in the file, corrected (--deam-labels as-shipped keeps them)",
        "1 full songs (ids above 2000) are here but not read: see --full-songs",
        "no dynamic annotations of these songs (valence.csv and arousal.csv)",
        "no ratings by rater: 10 raters a song are assumed up to id 2000, 5 above",
        "no metadata_2013.csv: artists and genres of ids 1 to 1000 are unknown",
        "no metadata_2014.csv: artists and genres of ids 1001 to 2000 are unknown",
        "artists are unknown: splits keep only songs apart",
        "3 of 29 clips have no audio under MEMD_audio (first: 2.mp3)",
        "1 audio files have no label and are not read (first: 5.mp3)",
    }
    assert {track.labels.raters for track in source.labelled} == {10}


def test_without_sounds_labels_are_read_alone(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    alone(tmp_path)
    trees.sing(tmp_path / "chorus", [2, 6])  # of some other data set
    source = load(f"deam:{tmp_path}")
    assert not source.tracks
    assert "no audio (MEMD_audio/<id>.mp3): only labels are read" in source.notes
    dry = affetti("prepare", f"deam:{tmp_path}", "--out", tmp_path / "corpus", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert json.loads(dry.out)["labelled"] == 29


def test_full_songs_are_identified_by_their_number_and_read_only_on_request(tmp_path: Path) -> None:
    trees.deam(tmp_path)
    assert {int(track.song_id[5:]) for track in load(f"deam:{tmp_path}").labelled} == set(EXCERPTS)
    assert not load(f"deam:{tmp_path}").official
    (tmp_path / "DEAM_Annotations/annotations" / SONG_LEVEL / STATIC).unlink()
    source = load(f"deam:{tmp_path}", Options(full_songs=True))
    assert {int(track.song_id[5:]) for track in source.labelled} == set(FULL)
    assert f"no {STATIC}: the songs in it are not read" in source.notes


def test_a_label_outside_the_scale_is_left_out(tmp_path: Path) -> None:
    trees.write(tmp_path / STATIC, HEAD, "2,4.0,1.0,5.0,1.0", "3,9.5,1.0,5.0,1.0", "4,5.0,1.0,6.0,1.0")
    source = load(f"deam:{tmp_path}")
    assert [track.song_id for track in source.labelled] == ["deam-2", "deam-4"]
    assert source.refused == [("song 3", f"line 3 of {STATIC}: valence_mean 9.5 lies outside 1..9")]
    finding = check(source, "out_of_range")
    assert (finding.verdict, finding.n) == ("suspect", 1)
    assert "(first: song 3)" in finding.detail


def test_copies_must_be_alike(tmp_path: Path) -> None:
    alone(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert len(load(f"deam:{tmp_path}").labelled) == 29
    alone(tmp_path / "b", trees.rate(EXCERPTS, seed=5))
    with pytest.raises(InputError, match=r"a/static_.*1_2000.csv: differs from .*b/static_"):
        load(f"deam:{tmp_path}")


FEW = tuple(f"{song},4.{song % 9},1.0,5.{song % 7},1.0" for song in range(2, 30))


@pytest.mark.parametrize(
    ("file", "lines", "says"),
    [
        (STATIC, ("song_id, valence_mean, valence_std, arousal_mean", "2,1,1,1"), "column 'arousal_std' is missing"),
        (STATIC, ("id, valence_mean", "2,1"), r"column 'song_id' is missing \(found: id, valence_mean\)"),
        (STATIC, (HEAD,), "holds no rows"),
        (STATIC, (HEAD, "2,4,1,5,1", "3,x,1,5,1"), r"1_2000.csv: line 3: valence_mean 'x' is not a number"),
        (STATIC, (HEAD, "2,4,1,,1"), "line 2: arousal_mean '' is not a number"),
        (STATIC, (HEAD, "2,4,nan,5,1"), "line 2: valence_std 'nan' is not a number"),
        (STATIC, (HEAD, "2,4,-1,5,1"), "line 2: valence_std -1 is no number from 0"),
        (STATIC, (HEAD, "2,4,1,5,1", "2,4,1,5,1"), r"line 3: song_id 2 occurs twice \(also on line 2\)"),
        (STATIC, (HEAD, ",4,1,5,1"), "line 2: song_id is missing"),
        (STATIC, (HEAD, "2.5,4,1,5,1"), "line 2: song_id 2.5 is no whole number from 1"),
        (STATIC, (HEAD, "2,4,1,5"), "line 2: 4 cells, but 5 columns"),
        (STATIC, (HEAD, "2,11,1,5,1"), r"no song has a label on 1\.\.9"),
        ("valence.csv", ("song_id,x", "2,0"), "valence.csv: there is no column like 'sample_15000ms'"),
        ("valence.csv", ("song_id, sample_15000ms", "2,soon"), r"line 2: sample_15000ms 'soon' is not a number"),
        ("valence.csv", ("song_id, sample_15000ms", "2,0", "2,0"), "line 3: song_id 2 occurs twice"),
        ("valence.csv", ("song_id, sample_15000ms", "2,7"), r"valence.csv: no value lies in \[-1, 1\]"),
        ("valence.csv", ("song, sample_15000ms", "2,0"), "valence.csv: column 'song_id' is missing"),
        (
            "static_annotations_songs_1_2000.csv",
            ("workerID, SongId, Valence", "a, 2, 3"),
            "column 'arousal' is missing",
        ),
        (
            "static_annotations_songs_1_2000.csv",
            ("workerID, SongId, Valence, Arousal", "a, 2, 3, ?"),
            r"songs_1_2000.csv: line 2: arousal '\?' is not a number",
        ),
        ("metadata_2013.csv", ("song_id,Artist,Genre", "2,x,Pop"), "metadata_2013.csv: column 'songtitle' is missing"),
        ("metadata_2014.csv", ("",), r"metadata_2014.csv: column 'id' is missing \(found: nothing\)"),
    ],
)
def test_a_fault_is_reported_with_file_and_line(tmp_path: Path, file: str, lines: tuple[str, ...], says: str) -> None:
    trees.write(tmp_path / STATIC, HEAD, *FEW)
    for name in ("valence.csv", "arousal.csv"):
        trees.write(tmp_path / name, "song_id, sample_15000ms", "2,0.5")
    trees.write(tmp_path / file, *lines)
    with pytest.raises(InputError, match=says):
        load(f"deam:{tmp_path}")


def test_a_folder_without_deam_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"not the DEAM tree: {STATIC} is not there. Give the folder"):
        load(f"deam:{tmp_path}")
    with pytest.raises(InputError, match=r"1_2000.csv or static_annotations_averaged_songs_2000_2058.csv is not there"):
        load(f"deam:{tmp_path}", Options(full_songs=True))
    (tmp_path / "DEAM_Annotations.zip").touch()
    with pytest.raises(InputError, match=r"Unzip DEAM_Annotations.zip"):
        load(f"deam:{tmp_path}")


def test_cells_that_cannot_be_used_are_reported(tmp_path: Path) -> None:
    trees.write(tmp_path / STATIC, HEAD, *FEW)
    trees.write(tmp_path / "valence.csv", "song_id,WorkerId, sample_15000ms, sample_15500ms", "2,w,0.5,1.5", "3,w,NaN")
    trees.write(tmp_path / "arousal.csv", "song_id, sample_15000ms, sample_15500ms", "2,0.25,0.5", "3,0.5,")
    trees.write(
        tmp_path / "static_annotations_songs_1_2000.csv",
        "SongId, Arousal, Valence",
        *("2, 3, 4", "2, 5, 6", "2, , 4", "3, 3, 4", "4, 12, 4", "7777, 1, 1"),
    )
    trees.write(
        tmp_path / "metadata_2013.csv",
        "song_id,file_name,Artist,Song title,Genre",
        *('2,f,"unclosed,t,Pop', "3,f,a,t,Rock", "x,f,a,t,Rock", "3,f,b,t,Pop"),
    )
    source = load(f"deam:{tmp_path}")
    assert source.tables["dynamic"].to_dict("records") == [
        {"song_id": "deam-2", "time": 15.0, "valence": 0.5, "arousal": 0.25}
    ]
    assert source.tables["ratings"][["song_id", "valence", "arousal"]].to_numpy().tolist() == [
        ["deam-2", 4.0, 3.0],
        ["deam-2", 6.0, 5.0],
        ["deam-3", 4.0, 3.0],
    ]
    tracks = {track.song_id: track for track in source.labelled}
    assert [tracks[f"deam-{song}"].labels.raters for song in (2, 3, 5)] == [2, 1, 10]
    assert np.isnan(tracks["deam-3"].labels.valence_std)  # a single rater has no spread
    assert tracks["deam-2"].labels.valence_std == pytest.approx(np.sqrt(2) / 4)
    assert (tracks["deam-3"].artist, tracks["deam-3"].genre) == ("a", "rock")
    for note in (
        "1 dynamic annotations lie outside [-1, 1] and are left out",
        "1 ratings of static_annotations_songs_1_2000.csv lie outside 1..9 and are left out (first: line 6)",
        "2 lines of metadata_2013.csv have no song number of their own (first: line 4)",
    ):
        assert note in source.notes


# Genres.


@pytest.mark.parametrize(
    ("raw", "genre"),
    [
        *((name, name.casefold()) for name in ("Pop", "Electronic", "Classical", "Rock")),
        *(
            (name, "other")
            for name in ("Blues", "Country", "Folk", "Jazz", "International", "SoulRB", "Hip-Hop", "Rap")
        ),
        ("SoulRB-Country-Folk-Pop-Experimental-Rock-Blues", "other"),
        ("Classical-Experimental-Electronic", "classical"),
        ("Hip-Hop-Electronic", "other"),
        ("Pop-Electronic-Rock", "pop"),
        ("Experimental-Electronic", "electronic"),
        ("World/Folk", "other"),
        ("Electronic/Fusion", "electronic"),
        ("Singer/Songwriter", "other"),
        ("trip-hop", "electronic"),
        ("hiphop", "other"),
        ("Experimental", ""),
        ("Instrumental-Acoustic", ""),
        ("", ""),
        ("n/a", ""),
    ],
)
def test_raw_genres_are_mapped_to_the_five_of_the_study(raw: str, genre: str) -> None:
    assert genres.study(raw) == genre


@given(st.lists(st.sampled_from(sorted(genres.TABLE)), min_size=1, max_size=5), st.sampled_from(["-", "/", ", "]))
def test_the_first_genre_decides_and_case_does_not_matter(names: list[str], sign: str) -> None:
    joined = sign.join(names)
    assert genres.study(joined) == genres.study(joined.upper()) == genres.TABLE[names[0]]
    assert genres.study("Experimental", *names) == genres.TABLE[names[0]]


def test_the_page_lists_the_whole_table() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/datasets/deam.md").read_text(encoding="utf-8")
    for genre, names in genres.STUDY.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| {genre} |"))
        assert line == f"| {genre} | {', '.join(names)} |"


# Corpora.


def test_a_corpus_is_prepared(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    clips, _ = trees.deam(tmp_path / "deam")
    trees.sing(tmp_path / "deam/DEAM_audio/MEMD_audio", EXCERPTS[10:20], seconds=6.5)
    out = tmp_path / "corpus"
    done = affetti("prepare", f"deam:{tmp_path / 'deam'}", "--out", out, "--folds", "2", "--workers", "1")
    assert done.code == 0, done.err
    result = pd.read_parquet(out / "clips.parquet").set_index("song_id")
    assert set(result.index) == {f"deam-{song}" for song in EXCERPTS[10:20]}
    for song, pair in zip(clips.ids, clips.means, strict=True):
        if song in EXCERPTS[10:20]:
            original = result.loc[f"deam-{song}", ["valence_original", "arousal_original"]]
            assert original.to_numpy().tolist() == pytest.approx(pair)
    assert set(pd.read_parquet(out / "dynamic.parquet")["song_id"]) == set(result.index)
    assert set(pd.read_parquet(out / "ratings.parquet")["song_id"]) == set(result.index)
    meta = json.loads((out / "corpus.json").read_text(encoding="utf-8"))
    assert meta["label_scale"] == "1..9"
    assert {it["check"]: it["verdict"] for it in meta["label_audit"]}["axes_swapped"] == "corrected"


def test_with_emomusic_each_song_is_taken_once(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    clips, _ = trees.deam(tmp_path / "deam")
    trees.emomusic(tmp_path / "emomusic", trees.first(clips))
    trees.sing(tmp_path / "deam/MEMD_audio", EXCERPTS[:8], seconds=6.5)
    trees.sing(tmp_path / "emomusic/clips_45seconds", EXCERPTS[4:12], seconds=6.6)
    names = [f"deam:{tmp_path / 'deam'}", f"emomusic:{tmp_path / 'emomusic'}"]
    source = load(names)
    assert [track.track_id for track in source.tracks] == [
        *(f"deam-{song}" for song in EXCERPTS[:8]),
        *(f"emomusic-{song}" for song in EXCERPTS[8:12]),
    ]
    assert "4 songs of emomusic are also in deam, and read from there" in source.notes
    by_song: dict[str, list[list[float]]] = {}
    for part in source.parts:
        for song, pair in labels(part).items():
            by_song.setdefault(song, []).append(pair[:2])
    assert sum(len(pairs) == 2 for pairs in by_song.values()) == 17
    assert all(pairs[0] == pytest.approx(pairs[1], abs=1e-3) for pairs in by_song.values() if len(pairs) == 2)
    finding = check(source, "songs_shared")
    assert (finding.verdict, finding.n) == ("corrected", 17)
    done = affetti("prepare", *names, "--out", tmp_path / "corpus", "--folds", "2", "--workers", "1")
    assert done.code == 0, done.err
    table = pd.read_parquet(tmp_path / "corpus/clips.parquet")
    assert sorted(table["dataset"]) == ["deam"] * 8 + ["emomusic"] * 4
    assert table.groupby("artist")["fold"].nunique().max() == 1


def test_the_card_says_what_it_is() -> None:
    assert deam.DATASET.scale == "1..9"
    assert "e0173392" in deam.DATASET.citation
