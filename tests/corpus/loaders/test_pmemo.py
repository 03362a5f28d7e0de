from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray
from tests.conftest import RATE, Ran, music

from affetti.corpus import audit
from affetti.corpus.ceiling import LabelCeiling, ceiling
from affetti.corpus.loaders import load, pmemo
from affetti.corpus.track import AudioFile, Source
from affetti.errors import InputError

IDS = (1000, 4, 23, 5, 9, 108, 7, 6, 12, 77, 31, 2)
STATIC, STD, DYNAMIC = "static_annotations.csv", "static_annotations_std.csv", "dynamic_annotations.csv"


def ratings(k: int = 10, songs: int = len(IDS)) -> NDArray[np.int_]:
    """Ratings 1 to 9 ``[song, axis, rater]``, arousal first as in the files; songs differ more than raters."""
    rng = np.random.default_rng(k)
    centre = rng.uniform(2.5, 7.5, (songs, 2, 1))
    return np.clip(np.rint(centre + rng.normal(0, 1.3, (songs, 2, k))), 1, 9).astype(int)


def published(rated: NDArray[np.int_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and spreads as the authors made them: (r - 1) / 8, ddof 0, twelve digits."""
    unit = (rated - 1) / 8
    return unit.mean(axis=-1).round(12), unit.std(axis=-1).round(12)


def write(path: Path, *lines: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(str, lines)) + "\n", encoding="utf-8")


def rated(folder: Path, header: str, values: NDArray[np.float64], ids: Sequence[int] = IDS) -> None:
    write(folder, header, *(f"{name},{','.join(map(str, row))}" for name, row in zip(ids, values, strict=True)))


def sing(folder: Path, ids: Sequence[int], seconds: float = 0.1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ids:
        soundfile.write(folder / f"{name}.mp3", music(name, seconds), RATE, format="MP3")


def tree_2019(folder: Path, rating: NDArray[np.int_] | None = None, with_audio: Sequence[int] = IDS) -> Path:
    root = folder / "PMEmo2019"
    means, spreads = published(ratings() if rating is None else rating)
    rated(root / "annotations" / STATIC, "musicId,Arousal(mean),Valence(mean)", means)
    rated(root / "annotations" / STD, "musicId,Arousal(std),Valence(std)", spreads)
    times = np.arange(15.5, 20, 0.5)
    over_time = [(name, at, *row) for name, row in zip(IDS, means, strict=True) for at in times]
    write(
        root / "annotations" / DYNAMIC,
        "musicId,frameTime,Arousal(mean),Valence(mean)",
        *(",".join(map(str, row)) for row in over_time),
    )
    write(
        root / "metadata.csv",
        "musicId,fileName,title,artist,album,duration,chorus_start_time,chorus_end_time",
        *(f'{name},{name}.mp3,"Song {name}, pt. 1",Artist {name % 5},Album,30.0,02:35,03:05' for name in IDS[1:]),
        "1000,1000.mp3,강남스타일,싸이,PSY 6甲,40.1,03:19,04:34",
        "3,3.mp3,Unrated,Nobody,Album,11.0,00:00,00:11",
    )
    sing(root / "chorus", with_audio)
    return root


def tree_2018(folder: Path, with_audio: Sequence[int] = IDS) -> Path:
    root = folder / "PMEmo"
    means, spreads = published(ratings())
    for axis, letter in enumerate("AV"):
        order = np.random.default_rng(axis).permutation(len(IDS))
        table = np.stack([means[order, axis], spreads[order, axis]], axis=1)
        rated(root / f"{letter}_static.csv", f"musicId,mean_{letter},std_{letter}", table, [IDS[i] for i in order])
    write(
        root / "metadata.csv",
        "song_id,file_name,artist,song_title",
        "1000,1000.mp3,Drake+Future,Wat U Mean (Aye, Aye, Aye)",
        '108,108.mp3,"Shaggy+Ricardo ""RikRok"" Ducent",It Wasn\'t Me',
    )
    write(root / "chorus.csv", "id,start_time,end_time", "1,02:35,03:05")
    write(root / "Annotations/Arousal/1-A.csv", "unknown", "1")
    sing(root / "Chorus", with_audio)
    return root


def by_id(source: Source) -> dict[str, list[float]]:
    return {
        track.song_id: [getattr(track.labels, name) for name in ("valence", "arousal", "valence_std", "arousal_std")]
        for track in source.labelled
    }


def test_a_tree_of_2019_becomes_tracks(tmp_path: Path) -> None:
    rating = ratings()
    root = tree_2019(tmp_path, rating, with_audio=IDS[1:])
    source = load(f"pmemo:{root}")
    assert [track.song_id for track in source.tracks] == [f"pmemo-{name}" for name in sorted(IDS[1:])]
    assert [track.track_id for track in source.absent] == ["pmemo-1000"]
    unit = (rating - 1) / 4 - 1.0
    expected = [unit.mean(axis=-1)[:, ::-1], unit.std(axis=-1, ddof=1)[:, ::-1]]
    result = by_id(source)
    for i, name in enumerate(IDS):
        assert result[f"pmemo-{name}"] == pytest.approx([*expected[0][i], *expected[1][i]])
    tracks = {track.song_id: track for track in source.labelled}
    track = tracks["pmemo-108"]
    assert (track.title, track.artist, track.path) == ("Song 108, pt. 1", "Artist 3", "chorus/108.mp3")
    assert track.sound == AudioFile(root / "chorus/108.mp3")
    assert track.labels.valence_original == published(rating)[0][IDS.index(108), 1]
    assert (tracks["pmemo-1000"].title, tracks["pmemo-1000"].artist) == ("강남스타일", "싸이")
    assert {track.labels.raters for track in source.labelled} == {10}
    assert source.notes == (
        "release of 2019, labels in [0, 1]",
        "1 of 13 songs have no labels",
        "1 of 12 labelled songs have no audio here (chorus/ID.mp3)",
    )
    assert source.dataset.scale == "0..1"


def test_lyrics_of_the_later_release_are_cut_to_the_chorus(tmp_path: Path) -> None:
    root = tree_2019(tmp_path)
    song = "[00:00.00]作词 : Nobody\n[02:30.00]into the chorus\n[02:40.00]in the chorus\n[03:05.50]after it\n"
    write(root / "lyrics" / "108.lrc", song)
    write(root / "lyrics" / "5.lrc", "[02:75.00]wrong")
    write(root / "lyrics" / "1000.lrc", "[03:20.00]오빤 강남스타일")
    write(root / "lyrics" / "3.lrc", "[00:00.00]a song without labels")
    source = load(f"pmemo:{root}")
    tracks = {track.song_id: track for track in source.tracks}
    lyrics = tracks["pmemo-108"].annotations.lyrics
    assert lyrics.lines == ("into the chorus", "in the chorus")
    assert lyrics.times == (-5.0, 5.0)
    assert tracks["pmemo-108"].describe(0.0, 4.0)["lyrics"] == "into the chorus"
    assert tracks["pmemo-1000"].describe(0.0, 4.0)["lyrics"] == "오빤 강남스타일"
    assert tracks["pmemo-4"].describe(0.0, 4.0)["lyrics"] == ""
    assert source.notes[-1] == "lyrics of 2 of 12 songs, cut to the chorus"
    assert source.incomplete == [
        ("pmemo-5", "its lyrics are left out: 5.lrc: line 1: [02:75.00] is no time (seconds run to 59)")
    ]


def test_timed_lyrics_without_the_time_of_the_chorus_are_left_out(tmp_path: Path) -> None:
    root = tree_2019(tmp_path)
    (root / "metadata.csv").unlink()
    write(root / "lyrics" / "108.lrc", "[02:40.00]in the chorus")
    write(root / "lyrics" / "4.lrc", "words without times")
    source = load(f"pmemo:{root}")
    tracks = {track.song_id: track for track in source.tracks}
    assert tracks["pmemo-4"].describe(0.0, 4.0)["lyrics"] == "words without times"
    assert tracks["pmemo-108"].annotations.lyrics.lines == ()
    assert "metadata.csv does not say when the chorus is" in source.incomplete[0][1]


def test_ratings_over_time_are_saved_and_used_as_a_reference(tmp_path: Path) -> None:
    source = load(f"pmemo:{tree_2019(tmp_path)}")
    dynamic = source.tables["dynamic"]
    assert list(dynamic.columns) == ["song_id", "time", "valence", "arousal"]
    assert len(dynamic) == len(IDS) * 9
    for song, row in dynamic.groupby("song_id")[["valence", "arousal"]].mean().iterrows():
        assert by_id(source)[str(song)][:2] == pytest.approx(row.tolist())
    checks = {check.check: check for check in source.checks}
    assert {name: check.verdict for name, check in checks.items()} == dict.fromkeys(
        ("out_of_range", "axes_swapped", "static_against_dynamic"), "fine"
    )
    assert "r 1.000 straight and " in checks["axes_swapped"].detail
    assert checks["axes_swapped"].n == 0


def test_swapped_axes_and_labels_that_their_dynamic_mean_contradicts_are_reported(tmp_path: Path) -> None:
    root = tree_2019(tmp_path)
    table = root / "annotations" / STATIC
    table.write_text(table.read_text().replace("Arousal(mean),Valence(mean)", "Valence(mean),Arousal(mean)"))
    checks = {check.check: check.verdict for check in audit.audit(load(f"pmemo:{root}"), 5.0)}
    assert (checks["axes_swapped"], checks["static_against_dynamic"]) == ("suspect", "suspect")
    table.write_text("musicId,Arousal(mean),Valence(mean)\n5,0.5,0.5\n")
    few = {check.check: check.verdict for check in audit.audit(load(f"pmemo:{root}"), 5.0)}
    assert few["axes_swapped"] == "not checkable"


def test_a_tree_of_2018_gives_the_same_labels(tmp_path: Path) -> None:
    first, second = load(f"pmemo:{tree_2018(tmp_path)}"), load(f"pmemo:{tree_2019(tmp_path)}")
    for song, labels in by_id(second).items():
        assert by_id(first)[song] == pytest.approx(labels)
    tracks = {track.song_id: track for track in first.tracks}
    assert (tracks["pmemo-1000"].artist, tracks["pmemo-1000"].title) == ("Drake", "Wat U Mean (Aye, Aye, Aye)")
    assert (tracks["pmemo-108"].artist, tracks["pmemo-108"].path) == ("Shaggy", "Chorus/108.mp3")
    assert first.notes == (
        "release of 2018, labels in [0, 1]",
        "the ratings over time of the release of 2018 are not read",
    )


@pytest.mark.parametrize("make", [tree_2019, tree_2018])
def test_a_folder_above_or_upside_down_tables_make_no_difference(tmp_path: Path, make: Callable[..., Path]) -> None:
    root = make(tmp_path)
    before = load(f"pmemo:{root}")
    for file in root.rglob("*.csv"):
        head, *lines = file.read_text(encoding="utf-8").splitlines()
        file.write_text("\n".join([head, *reversed(lines)]) + "\n", encoding="utf-8")
    (tmp_path / "1.mp3").touch()  # of some other data set
    after = load(f"pmemo:{tmp_path}")
    assert [(t.song_id, t.labels, t.title) for t in after.tracks] == [
        (t.song_id, t.labels, t.title) for t in before.tracks
    ]
    assert [track.path for track in after.tracks] == [f"{root.name}/{track.path}" for track in before.tracks]
    for name, table in before.tables.items():
        pd.testing.assert_frame_equal(after.tables[name], table)


@pytest.mark.parametrize("k", [10, 11, 17, 19])
def test_means_and_spreads_betray_the_number_of_raters(k: int) -> None:
    means, spreads = published(ratings(k, songs=40))
    assert {pmemo.raters(mean, spread) for mean, spread in zip(means, spreads, strict=True)} == {k}
    # As samples (ddof 1) the same spreads come from no whole ratings: they divide by k.
    again = spreads * np.sqrt(k / (k - 1))
    assert None in {pmemo.raters(mean, spread) for mean, spread in zip(means, again, strict=True)}


def test_the_published_numbers_are_ten_or_eleven_whole_ratings(data: Path) -> None:
    table = pd.read_csv(data / "research/va_tables/pmemo_static.csv")
    unit = (table[["valence_mean", "arousal_mean"]].to_numpy() - 1) / 8
    spread = table[["valence_std", "arousal_std"]].to_numpy()
    counts = [pmemo.raters(mean, std) for mean, std in zip(unit.tolist(), spread.tolist(), strict=True)]
    assert (counts.count(10), counts.count(11), len(counts)) == (442, 11, 453)
    sample = spread * np.sqrt(9 / 10)
    assert not any(pmemo.raters(mean, std) == 10 for mean, std in zip(unit, sample, strict=True))


def real(folder: Path, data: Path, rescaled: bool) -> Path:
    """The stored copies of the true tables, in the true tree."""
    root = folder / "PMEmo2019"
    table = pd.read_csv(data / "research/va_tables/pmemo_static.csv")
    means = table[["arousal_mean", "valence_mean"]].to_numpy()
    ids = table["song_id"].tolist()
    means = means if rescaled else ((means - 1) / 8).round(12)
    rated(root / "annotations" / STATIC, "musicId,Arousal(mean),Valence(mean)", means, ids)
    spreads = table[["arousal_std", "valence_std"]].to_numpy()
    rated(root / "annotations" / STD, "musicId,Arousal(std),Valence(std)", spreads, ids)
    dynamic = data / "research/va_tables/pmemo_dynamic_0to1_2hz.csv"
    (root / "annotations" / DYNAMIC).write_bytes(dynamic.read_bytes())
    return root


def test_the_true_tables_are_read(tmp_path: Path, data: Path) -> None:
    source = load(f"pmemo:{real(tmp_path, data, rescaled=False)}")
    assert (len(source.tracks), len(source.absent)) == (0, 453)
    dynamic = source.tables["dynamic"]
    assert len(dynamic) == 20_709
    assert dynamic["time"].min() == 15.5
    first = dynamic[dynamic["song_id"] == "pmemo-1"].iloc[0]
    assert [first["valence"], first["arousal"]] == pytest.approx([2 * 0.559975 - 1, 2 * 0.4376625 - 1])
    checks = {check.check: check for check in audit.audit(source, 5.0)}
    assert checks["axes_swapped"].detail.endswith("r 0.992 straight and 0.752 crossed (453 songs)")
    for name in ("axes_swapped", "scale_mismatch", "out_of_range", "static_against_dynamic", "raters_too_few"):
        assert checks[name].verdict == "fine", name
    bound = ceiling(audit.table(source, 5.0))
    assert bound.valence is not None
    assert bound.arousal is not None
    assert bound.valence.r2.value == pytest.approx(0.877, abs=1e-3)
    assert bound.arousal.r2.value == pytest.approx(0.925, abs=1e-3)


def test_the_copy_on_another_scale_is_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match=r"453 of 453 songs lie outside \[0, 1\] \(line 2: valence 5.6.*fetch"):
        load(f"pmemo:{real(tmp_path, data, rescaled=True)}")
    root = tmp_path / "as it is"
    root.mkdir()
    (root / STATIC).write_bytes((data / "research/va_tables/pmemo_static.csv").read_bytes())
    with pytest.raises(InputError, match=r"column 'musicid' is missing \(found: song_id, valence_mean"):
        load(f"pmemo:{root}")


def test_a_single_label_outside_is_left_out(tmp_path: Path) -> None:
    root = tree_2019(tmp_path)
    table = root / "annotations" / STATIC
    head, _, *lines = table.read_text().splitlines()
    table.write_text("\n".join([head, "1000,0.5,1.2", *lines]))
    source = load(f"pmemo:{root}")
    assert source.refused == [("pmemo-1000", "line 2: valence 1.2 lies outside [0, 1]")]
    assert "pmemo-1000" not in by_id(source)
    assert "pmemo-1000" not in set(source.tables["dynamic"]["song_id"])
    assert source.checks[0].verdict == "suspect"
    assert "1 songs have a label outside 0..1" in source.checks[0].detail


def test_missing_parts_of_a_tree_are_reported(tmp_path: Path) -> None:
    root = tree_2019(tmp_path, with_audio=())
    for name in (f"annotations/{STD}", f"annotations/{DYNAMIC}", "metadata.csv"):
        (root / name).unlink()
    source = load(f"pmemo:{root}")
    assert (len(source.tracks), len(source.absent), dict(source.tables)) == (0, len(IDS), {})
    assert source.notes[1:] == (
        "no metadata.csv: artists and titles are unknown, so folds cannot keep artists apart",
        "no static_annotations_std.csv: the spread of raters and the ceiling of the labels are unknown",
        "the number of raters of 12 songs cannot be determined: 10 are assumed, as the paper states",
        "no dynamic_annotations.csv: no ratings over time",
        "12 of 12 labelled songs have no audio here (chorus/ID.mp3)",
    )
    assert ceiling(audit.table(source, 5.0)) == LabelCeiling()
    alone = load(f"pmemo:{root / 'annotations'}")
    assert by_id(alone).keys() == by_id(source).keys()


HEAD = "musicId,Arousal(mean),Valence(mean)"
OVER_TIME = "musicId,frameTime,Arousal(mean),Valence(mean)"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (STATIC, "musicId,Valence(mean)\n1,0.5\n", r"static_annotations.csv: column 'arousal\(mean\)' is missing"),
        (STATIC, f"{HEAD}\n1,0.5,x\n", r"static_annotations.csv: line 2: valence\(mean\) 'x' is not a number"),
        (STATIC, f"{HEAD}\n1,,0.5\n", r"line 2: arousal\(mean\) '' is not a number"),
        (STATIC, f"{HEAD}\n1,0.5,0.5\n1,0.4,0.4\n", r"line 3: musicid 1 occurs twice \(also on line 2\)"),
        (STATIC, f"{HEAD}\n,0.5,0.5\n", "line 2: musicid is missing"),
        (STATIC, f"{HEAD}\n1,0.5\n", "line 2: 2 cells, but 3 columns"),
        (STATIC, f"{HEAD}\n", "holds no rows"),
        (STD, "musicId,Arousal(std),Valence(std)\n4,0.1,-0.1\n", r"std.csv: line 2: valence\(std\) -0.1 is no number"),
        (
            DYNAMIC,
            f"{OVER_TIME}\n4,0,0.1,0.1\n4,0,0.2,0.2\n",
            "annotations.csv: line 3: musicId 4 at 0 s occurs",
        ),
        (DYNAMIC, f"{OVER_TIME}\n4,soon,0.1,0.1\n", "line 2: frametime 'soon' is not a number"),
        ("../metadata.csv", "musicId,title\n4,x\n", "metadata.csv: column 'artist' is missing"),
    ],
)
def test_a_fault_is_reported_with_file_and_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    root = tree_2019(tmp_path, with_audio=())
    (root / "annotations" / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load(f"pmemo:{root}")


def test_a_fault_of_the_tree_of_2018_is_reported(tmp_path: Path) -> None:
    root = tree_2018(tmp_path, with_audio=())
    write(root / "V_static.csv", "musicId,mean_V,std_V", "4,0.5,0.1")
    with pytest.raises(InputError, match=r"A_static.csv: line \d+: musicId \d+ is not in V_static.csv"):
        load(f"pmemo:{root}")
    (root / "V_static.csv").unlink()
    with pytest.raises(InputError, match=r"V_static.csv: no such file"):
        load(f"pmemo:{root}")


def test_a_folder_without_labels_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no labels of PMEmo \(expected static_annotations.csv of 2019 and A_"):
        load(f"pmemo:{tmp_path}")


def test_two_trees_that_differ_are_not_chosen_between(tmp_path: Path) -> None:
    tree_2019(tmp_path / "a", with_audio=())
    tree_2019(tmp_path / "b", ratings(11), with_audio=())
    with pytest.raises(InputError, match=r"static_annotations.csv: differs from .*Give the folder of the one"):
        load(f"pmemo:{tmp_path}")


def test_values_over_time_outside_the_scale_are_no_ratings(tmp_path: Path) -> None:
    root = tree_2019(tmp_path, with_audio=())
    write(root / "annotations" / DYNAMIC, OVER_TIME, "4,15.5,0.1,1.5", "4,16,0.2,0.3", "999,15.5,0.1,0.1")
    assert load(f"pmemo:{root}").tables["dynamic"].to_dict("records") == [
        {"song_id": "pmemo-4", "time": 16.0, "valence": pytest.approx(-0.4), "arousal": pytest.approx(-0.6)}
    ]


def test_a_corpus_is_prepared(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    root = tree_2019(tmp_path, with_audio=())
    sing(root / "chorus", IDS[1:], seconds=6.5)
    out = tmp_path / "corpus"
    dry = affetti("prepare", f"pmemo:{root}", "--out", out, "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert json.loads(dry.out)["labelled"] == len(IDS)
    assert not out.exists()
    done = affetti("prepare", f"pmemo:{root}", "--out", out, "--folds", "2")
    assert done.code == 0, done.err
    clips = pd.read_parquet(out / "clips.parquet")
    assert set(clips["song_id"]) == {f"pmemo-{name}" for name in IDS[1:]}
    assert (clips["valence"] == 2 * clips["valence_original"] - 1).all()
    assert set(pd.read_parquet(out / "dynamic.parquet")["song_id"]) == set(clips["song_id"])
    meta = json.loads((out / "corpus.json").read_text(encoding="utf-8"))
    assert meta["label_scale"] == "0..1"
    assert {check["check"]: check["verdict"] for check in meta["label_audit"]}["axes_swapped"] == "fine"


def test_labels_without_any_sound_can_be_audited_but_not_built(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    root = tree_2019(tmp_path, with_audio=())
    dry = affetti("prepare", f"pmemo:{root}", "--out", tmp_path / "corpus", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert json.loads(dry.out)["labelled"] == len(IDS)
    done = affetti("prepare", f"pmemo:{root}", "--out", tmp_path / "corpus")
    assert done.code == 2
    assert "none of the 12 labelled tracks of pmemo has audio here" in done.err


def test_headers_are_read_as_the_files_have_them(tmp_path: Path) -> None:
    root = tree_2019(tmp_path, with_audio=())
    with (root / "annotations" / STATIC).open(newline="") as file:
        assert next(csv.reader(file)) == ["musicId", "Arousal(mean)", "Valence(mean)"]
    file = root / "annotations" / STATIC
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n").replace(b",", b", "))
    assert len(load(f"pmemo:{root}").labelled) == len(IDS)
