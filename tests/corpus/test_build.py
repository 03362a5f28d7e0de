from __future__ import annotations

import errno
import json
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affetti.corpus import Corpus, store
from affetti.corpus.build import CHUNK, BuildResult, PrepareSettings, build
from affetti.corpus.track import Source
from affetti.corpus.writer import WORK
from affetti.errors import InputError, StorageError, UsageError
from affetti.execution import LocalExecutor
from affetti.output_lock import LOCK
from affetti.presets import FrontEnd
from affetti.signal.front_ends import spectrogram
from affetti.storage import PARTIAL_PREFIX

MakeSource = Callable[..., Source]
Usage = namedtuple("Usage", "total used free")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def reasons(built: BuildResult) -> dict[str, str]:
    return {entry["path"]: entry["reason"] for entry in built.skipped}


def test_a_clip_is_the_log_mel_of_its_stretch(make_source: MakeSource, front: FrontEnd, tmp_path: Path) -> None:
    import torch

    source = make_source(10)
    corpus = build(source, tmp_path / "c", front, PrepareSettings("small")).corpus
    assert corpus.clips["clip_id"].tolist() == [f"t{i}" for i in range(10)]
    for i in (0, 7):
        wave = source.tracks[i].sound.waveform(front.sample_rate)[2_000:10_000]  # the centre of 1.5 s
        expected = spectrogram(front)(torch.from_numpy(wave)).numpy()
        np.testing.assert_allclose(corpus.mel[i].astype(np.float32), expected, atol=0.04)
        row = corpus.clips.iloc[i]
        assert (row["start"], row["duration"], row["source_path"]) == (0.25, 1.0, f"{i}.wav")
        assert (row["valence"], row["arousal"]) == (source.tracks[i].labels.valence, source.tracks[i].labels.arousal)
    assert set(corpus.clips["fold"]) == set(range(5))
    assert corpus.meta["folds"] == 5
    assert sorted(contents(tmp_path / "c")) == ["clips.parquet", "corpus.json", "mel.npy"]


def test_the_bytes_do_not_depend_on_the_workers(make_source: MakeSource, front: FrontEnd, tmp_path: Path) -> None:
    for workers in (1, 2):
        build(
            make_source(20), tmp_path / str(workers), front, PrepareSettings("small"), executor=LocalExecutor(workers)
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


@pytest.mark.parametrize(("windows", "starts"), [("first", [0.0]), ("centre", [1.25]), ("all", [0.0, 1.0, 2.0])])
def test_windows_are_cut_at_their_starts(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path, windows: Any, starts: list[float]
) -> None:
    source = make_source(4, {1: {"seconds": 3.5}})
    clips = build(source, tmp_path / "c", front, PrepareSettings("small", windows=windows)).corpus.clips
    mine = clips[clips["song_id"] == "s1"]
    assert mine["start"].tolist() == starts
    assert mine["clip_id"].tolist() == (["t1"] if len(starts) == 1 else ["t1-00", "t1-01", "t1-02"])
    assert mine["fold"].nunique() == 1


def test_a_short_track_is_left_out_with_the_reason_or_filled(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path
) -> None:
    source = make_source(6, {2: {"seconds": 0.6}})
    built = build(source, tmp_path / "a", front, PrepareSettings("small"))
    assert reasons(built) == {"2.wav": "too short: 0.6 s, a clip is 1 s (--pad fills it with silence)"}
    assert len(built.corpus) == 5
    filled = build(source, tmp_path / "b", front, PrepareSettings("small", pad=True))
    assert filled.skipped == []
    mel = filled.corpus.mel[2].astype(np.float32)
    last = int(0.6 * 8_000 / 128) + 2  # the first frame that sees padding alone
    assert (mel[:, last:] == mel.min()).all()
    assert (mel[:, : last - 3].max(axis=0) > mel.min() + 20).all()


BROKEN = {
    "cannot be decoded": {"broken": True},
    "silent (nothing above": {"silent": ((0.0, 1.5),)},
    "silent in all of its clips": {"silent": ((0.2, 1.3),)},
    "the same audio as 0.wav": {"seed": 0},
}


@pytest.mark.parametrize("reason", BROKEN)
def test_strict_stops_at_a_broken_track_and_leaves_nothing(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path, reason: str
) -> None:
    source = make_source(20, {5: BROKEN[reason], 17: {"broken": True}})
    with pytest.raises(InputError) as caught:
        build(source, tmp_path / "c", front, PrepareSettings("small", keep_audio=True, strict=True))
    assert caught.value.where in ("5.wav", "17.wav")
    assert "1 more tracks" in caught.value.what
    assert "--strict" in str(caught.value)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("reason", BROKEN)
def test_a_broken_track_is_left_out_with_the_reason(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path, reason: str
) -> None:
    source = make_source(12, {5: BROKEN[reason]})
    built = build(source, tmp_path / "c", front, PrepareSettings("small", keep_audio=True))
    assert list(reasons(built)) == ["5.wav"]
    assert reason in reasons(built)["5.wav"]
    assert "t5" not in set(built.corpus.clips["clip_id"])
    assert {path.stem for path in (tmp_path / "c/audio").iterdir()} == set(built.corpus.clips["clip_id"])
    without = build(make_source(12, {5: {"broken": True}}), tmp_path / "d", front, PrepareSettings("small"))
    np.testing.assert_array_equal(built.corpus.mel, without.corpus.mel)


def test_kept_audio_is_the_clip(make_source: MakeSource, front: FrontEnd, tmp_path: Path) -> None:
    source = make_source(3)
    build(source, tmp_path / "c", front, PrepareSettings("small", keep_audio=True))
    samples, rate = soundfile.read(tmp_path / "c/audio/t1.flac", dtype="float32")
    wave = source.tracks[1].sound.waveform(8_000)[2_000:10_000]
    assert rate == 8_000
    np.testing.assert_allclose(samples, wave / max(1.0, np.abs(wave).max()), atol=2**-15)


@pytest.mark.parametrize(
    ("changes", "settings", "kind", "says"),
    [
        ({i: {"song_id": "one"} for i in range(4)}, {}, InputError, "1 usable song in made up"),
        ({i: {"seconds": 0.5} for i in range(4)}, {}, InputError, "0 usable songs in made up; 0.wav: too short"),
        ({i: {"artist": "Bach"} for i in range(4)}, {}, InputError, "one song or artist"),
        ({2: {"track_id": "t1"}}, {}, InputError, "clip 't1' occurs twice"),
        ({}, {"folds": 1}, UsageError, "1 folds"),
        ({}, {"seed": -1}, UsageError, "seed -1 is negative"),
        ({}, {"windows": "middle"}, UsageError, "unknown windows"),
    ],
)
def test_a_failed_corpus_leaves_no_files(
    make_source: MakeSource,
    front: FrontEnd,
    tmp_path: Path,
    changes: dict[int, dict[str, Any]],
    settings: dict[str, Any],
    kind: type[Exception],
    says: str,
) -> None:
    with pytest.raises(kind, match=says):
        build(make_source(4, changes), tmp_path / "c", front, PrepareSettings("small", **settings))
    assert not (tmp_path / "c").exists()
    assert len(build(make_source(4), tmp_path / "c", front, PrepareSettings("small")).corpus) == 4


def test_finished_work_is_not_done_again(make_source: MakeSource, front: FrontEnd, tmp_path: Path) -> None:
    build(make_source(4), tmp_path / "c", front, PrepareSettings("small"))
    before = contents(tmp_path / "c")
    source = make_source(4)
    again = build(source, tmp_path / "c", front, PrepareSettings("small"))
    assert contents(tmp_path / "c") == before
    assert all(track.sound.mark == [] for track in source.tracks)  # type: ignore[attr-defined]
    assert len(again.corpus) == 4


def test_what_a_killed_process_left_beside_its_finished_corpus_is_removed(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    build(make_source(4), out, front, PrepareSettings("small"))
    before = contents(out)
    (out / WORK).mkdir()
    for name in (LOCK, f"{WORK}/shard.npy", f"{PARTIAL_PREFIX}1.json"):
        (out / name).write_text("7", encoding="utf-8")
    build(make_source(4), out, front, PrepareSettings("small"))
    assert contents(out) == before
    assert not (out / WORK).exists()


def test_a_folder_with_anything_else_in_it_is_left_alone(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path
) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match="exists and is not an affetti corpus"):
        build(make_source(4), tmp_path / "c", front, PrepareSettings("small"))
    assert contents(tmp_path / "c") == {"mine.txt": b"mine"}
    with pytest.raises(StorageError, match="exists and is not"):
        build(make_source(4), tmp_path / "c/mine.txt", front, PrepareSettings("small"))
    build(make_source(4), tmp_path / "d", front, PrepareSettings("small"))
    with pytest.raises(StorageError, match="holds another corpus"):
        build(make_source(5), tmp_path / "d", front, PrepareSettings("small"))


class Stopped(BaseException):
    """As KeyboardInterrupt, at a place of the test's choosing."""


def stop_at(rows: int) -> Callable[[str, int, int], None]:
    def progress(_stage: str, done: int, _total: int) -> None:
        if done >= rows:
            raise Stopped

    return progress


def test_interrupted_work_resumes_with_the_same_result(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path
) -> None:
    build(make_source(20), tmp_path / "whole", front, PrepareSettings("small", keep_audio=True))
    with pytest.raises(Stopped):
        build(
            make_source(20), tmp_path / "cut", front, PrepareSettings("small", keep_audio=True), progress=stop_at(CHUNK)
        )
    with pytest.raises(StorageError, match="not a finished corpus"):
        Corpus.open(tmp_path / "cut")
    with pytest.raises(StorageError, match="unfinished work of another command"):
        build(make_source(21), tmp_path / "cut", front, PrepareSettings("small", keep_audio=True))
    # What a killed process would leave behind.
    (tmp_path / "cut" / f"{PARTIAL_PREFIX}x.parquet").write_bytes(b"half")
    (tmp_path / "cut/audio" / f"{PARTIAL_PREFIX}y.flac").write_bytes(b"half")
    source = make_source(20)
    build(source, tmp_path / "cut", front, PrepareSettings("small", keep_audio=True))
    in_range = {number for track in source.tracks for number in track.sound.mark}  # type: ignore[attr-defined]
    assert in_range == set(range(CHUNK, 20))
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def refuse_full(*_: object) -> None:
    raise StorageError("the disk is full", hint="free some space and run the same command again")


@pytest.mark.parametrize("place", ["np.save", "gather", "corpus.json"])
def test_a_full_disk_is_reported_and_the_work_resumes_when_there_is_space(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    build(make_source(20), tmp_path / "whole", front, PrepareSettings("small"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if place == "np.save":
            patch.setattr(np, "save", full)
        elif place == "gather":
            patch.setattr(np.lib.format, "write_array_header_1_0", full)
        else:
            patch.setattr(store, "write_json", refuse_full)
        with pytest.raises(StorageError, match=r"the disk is full. Free some space and run the same command again"):
            build(make_source(20), tmp_path / "c", front, PrepareSettings("small"))
    assert not (tmp_path / "c/corpus.json").exists()
    assert not list((tmp_path / "c").rglob(f"{PARTIAL_PREFIX}*"))
    build(make_source(20), tmp_path / "c", front, PrepareSettings("small"))
    assert contents(tmp_path / "c") == contents(tmp_path / "whole")


def test_a_disk_that_is_too_small_is_reported_before_the_work(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 2 * 2 * 8 * front.n_bands * front.frames
    source = make_source(8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed - 1))
    with pytest.raises(StorageError, match=r"kB needed, [\d.]+ kB free"):
        build(source, tmp_path / "c", front, PrepareSettings("small"))
    assert all(track.sound.mark == [] for track in source.tracks)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed))
    build(source, tmp_path / "c", front, PrepareSettings("small"))


def test_unknown_values_stay_unknown(make_source: MakeSource, front: FrontEnd, tmp_path: Path) -> None:
    from affetti.corpus.track import Labels

    source = make_source(4, {i: {"labels": Labels(0.1 * i, 0.0)} for i in range(4)})
    corpus = build(source, tmp_path / "c", front, PrepareSettings("small")).corpus
    assert corpus.clips["valence_std"].isna().all()
    assert (corpus.clips["raters"] == 0).all()
    assert json.loads((tmp_path / "c/corpus.json").read_text(encoding="utf-8"))["licence"] == "CC0"


def test_an_edited_split_makes_another_corpus_and_left_out_songs_are_reported(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path
) -> None:
    split = tmp_path / "split.csv"
    split.write_text("song,part\ns0,train\ns1,test\ns99,test\n", encoding="utf-8")
    built = build(make_source(4), tmp_path / "c", front, PrepareSettings("small", split=str(split)))
    assert built.corpus.meta["notes"] == [
        "2 clips are in no part of the split: they are used neither for training nor for testing",
        "the split names 1 songs that are not here",
    ]
    split.write_text("song,part\ns0,test\ns1,train\n", encoding="utf-8")
    with pytest.raises(StorageError, match="holds another corpus"):
        build(make_source(4), tmp_path / "c", front, PrepareSettings("small", split=str(split)))


def test_labels_without_audio_count_in_the_audit_and_are_reported(
    make_source: MakeSource, front: FrontEnd, tmp_path: Path
) -> None:
    source = make_source(8)
    source = replace(source, tracks=source.tracks[:5], absent=source.tracks[5:])
    meta = build(source, tmp_path / "c", front, PrepareSettings("small")).corpus.meta
    assert meta["notes"] == ["the audit is of all 8 labelled tracks, the ceiling of those prepared"]
    assert sum(map(int, meta["label_audit"][7]["detail"].split(": ")[1].split(", "))) == 8
