from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from tests.conftest import Ran
from tests.material import sha

from affetti import api
from affetti.corpus import Corpus
from affetti.corpus.annotations import Annotations, Section
from affetti.emotion import Emotion, EmotionCurve
from affetti.errors import AffettiError, UsageError
from affetti.execution import LocalExecutor
from affetti.inference import songs as making
from affetti.inference.generation import GenerationSettings
from affetti.inference.song_request import SongRequest, SongSettings
from affetti.inference.songs import generate_songs, window_conditions
from affetti.models.generators.conditioning import Fields
from affetti.report.commands import corpus_command
from affetti.report.sources import Sources

LEAN = GenerationSettings(sampling={"steps": 1, "guide": 0})
ARC = SongSettings(curve="sad@0 happy@20")


def test_a_song_is_one_track_of_a_corpus_with_its_curve(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    settings = replace(LEAN, with_audio=True)
    made = generate_songs(run_of("flow"), 2, tmp_path / "songs", settings, replace(ARC, form="verse chorus"))
    corpus = Corpus.open(made.path)
    assert corpus.synthetic
    assert sorted(set(corpus.songs)) == ["flow-song-000000", "flow-song-000001"]
    one = corpus.clips[corpus.songs == "flow-song-000000"]
    start, duration = one["start"].to_numpy(), one["duration"].to_numpy()
    assert start[0] == 0
    assert (start[1:] <= (start + duration)[:-1]).all()
    assert start[-1] + duration[-1] == pytest.approx(20, abs=0.1)
    assert one["valence"].is_monotonic_increasing
    assert one["valence"].iloc[0] == pytest.approx(EmotionCurve((0, 20), ((-0.6, 0), (0.6, 0))).mean(0, 5.9).valence)
    assert set(one["section"]) == {"verse", "chorus"}
    # Every verb reads the curve as ratings over time, and the labels of windows are those of the clips.
    windows = Corpus.open(made.path, labels="window")
    np.testing.assert_allclose(windows.labels, corpus.labels, atol=0.02)
    sections = pd.read_parquet(made.path / "sections.parquet")
    assert sections["section"].tolist() == ["verse", "chorus"] * 2
    files = sorted((made.path / "songs").iterdir())
    assert [file.name for file in files] == ["flow-song-000000.flac", "flow-song-000001.flac"]
    sound, rate = soundfile.read(files[0], dtype="float32")
    assert len(sound) / rate == pytest.approx(20, abs=0.1)
    for row in one.itertuples():
        clip = soundfile.read(made.path / "audio" / f"{row.clip_id}.flac", dtype="float32")[0]
        first = round(float(str(row.start)) * rate)
        np.testing.assert_allclose(clip, sound[first : first + len(clip)], atol=1e-4)
    provenance = corpus.provenance
    assert provenance is not None
    assert provenance.songs is not None
    assert provenance.songs["method"] == "joint denoising"
    assert provenance.emotions == ARC.curve
    assert np.isfinite(corpus.mel.astype(np.float32)).all()
    again = corpus_command(corpus, Sources())
    assert "--curve 'sad@0 happy@20'" in again
    assert "--form 'verse chorus'" in again
    assert "--n 2" in again


def test_songs_are_the_same_whatever_the_workers_and_after_an_interruption(
    tmp_path: Path, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = run_of("flow")
    whole = generate_songs(model, 3, tmp_path / "whole", LEAN, ARC)
    spread = generate_songs(model, 3, tmp_path / "spread", LEAN, ARC, executor=LocalExecutor(2))
    assert spread.hash == whole.hash
    call, begun = making.SongTask.__call__, list[int]()

    def stop(self: making.SongTask, start: int, end: int) -> None:
        begun.append(start)
        if start == 1 and begun.count(1) == 1:
            raise KeyboardInterrupt
        call(self, start, end)

    monkeypatch.setattr(making.SongTask, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        generate_songs(model, 3, tmp_path / "cut", LEAN, ARC)
    cut = generate_songs(model, 3, tmp_path / "cut", LEAN, ARC)
    assert begun == [0, 1, 1, 2]
    assert sha(cut.path / "mel.npy") == sha(whole.path / "mel.npy")
    generate_songs(model, 3, tmp_path / "cut", LEAN, ARC)
    assert begun == [0, 1, 1, 2], "finished work is not done again"
    fewer = generate_songs(model, 1, tmp_path / "fewer", LEAN, ARC)
    np.testing.assert_array_equal(fewer.mel, whole.mel[: len(fewer)])


def test_a_worker_that_loaded_an_earlier_run_of_the_folder_loads_the_present_one(
    tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    """A worker of a cluster outlives a call, and the run may be trained anew before the next."""
    tasks: list[Any] = []

    class Recorder(LocalExecutor):
        def map_ranges(self, task: Any, *arguments: Any, **options: Any) -> None:
            tasks.append(task)
            super().map_ranges(task, *arguments, **options)

    made = generate_songs(run_of("flow"), 1, tmp_path / "made", LEAN, ARC, executor=Recorder())
    run = tmp_path / "run"
    shutil.copytree(run_of("gan"), run)
    assert making.loaded(run, "cpu").kind == "gan"
    shutil.rmtree(run)
    shutil.copytree(run_of("flow"), run)
    again = replace(tasks[0], model=run, out=tmp_path / "again")
    assert again.inputs() == (run,)
    again(0, 1)
    np.testing.assert_array_equal(np.load(again.shard(0, 1)), made.mel)


def test_songs_of_a_gan_are_cross_fades_and_called_so(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    result = api.generate.run(run_of("gan"), 1, tmp_path / "songs", emotions="happy", seconds=15, workers=1)
    assert (result.songs, result.clips, result.method) == (1, 3, "cross-fades")
    corpus = Corpus.open(result.corpus)
    assert "songs made by cross-fades" in corpus.meta["notes"]
    np.testing.assert_allclose(corpus.labels, [[0.6, 0.4]] * 3)


def test_a_window_has_the_emotion_section_and_position_of_its_place() -> None:
    fields = Fields(genres=("jazz", "rock"), sections=("chorus", "verse"), position=True)
    curve = EmotionCurve((0.0, 40.0), ((-0.4, 0.0), (0.4, 0.8)))
    sections = Annotations(sections=(Section(0, 18, "verse"), Section(18, 40, "chorus")))
    common = np.full(fields.width, np.nan)
    common[fields.columns["genre"]] = 1
    rows = window_conditions(SongRequest(curve, 40, sections), (0.0, 15.0, 30.0), 10.0, fields, common)
    expected = [[-0.3, 0.1, 1, 1, 0], [0.0, 0.4, 1, 0, 0.5], [0.3, 0.7, 1, 0, 1]]
    torch.testing.assert_close(rows, torch.tensor(expected))


def test_a_constant_curve_keeps_its_condition() -> None:
    point = Emotion.parse("tender")
    song = SongRequest(EmotionCurve((0.0, 7.0, 60.0), ((point.valence, point.arousal),) * 3), 60)
    rows = window_conditions(song, (0.0, 3.3, 50.0), 6.0, Fields(), np.full(2, np.nan))
    torch.testing.assert_close(rows, torch.tensor([[point.valence, point.arousal]] * 3))


@pytest.mark.parametrize(
    ("n", "options", "songs", "says"),
    [
        (0, {}, ARC, "--n: 0 songs"),
        (10**6, {}, ARC, "at most 200000 clips"),
        (1, {"batch_size": 0}, ARC, "a batch of 0"),
        (1, {"conditions": {"section": "chorus"}}, ARC, "--section: follows from the place in a song"),
        (1, {"conditions": {"genre": "polka"}}, ARC, "unknown genre 'polka'"),
        (1, {"filter_by": Path("corpus")}, ARC, "songs are not filtered"),
        (1, {}, replace(ARC, form="verse drop"), "has not learnt the section 'drop'"),
        (1, {"sampling": {"stpes": 2}}, ARC, "no sampling parameter 'stpes'"),
    ],
)
def test_invalid_settings_are_refused(
    tmp_path: Path, run_of: Callable[[str], Path], n: int, options: dict[str, Any], songs: SongSettings, says: str
) -> None:
    with pytest.raises(AffettiError, match=says):
        generate_songs(run_of("flow"), n, tmp_path / "out", replace(LEAN, **options), songs)
    assert not (tmp_path / "out").exists()


def test_a_regressor_makes_no_songs(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match="does not generate"):
        generate_songs(run_of("student"), 1, tmp_path / "out", LEAN, ARC)


def test_songs_are_made_planned_and_scored_from_the_command_line(
    affetti: Callable[..., Ran], run_of: Callable[[str], Path], corpus: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "curve.csv").write_text("time,valence,arousal,section\n0,-1,0,verse\n9,1,0,chorus\n18,1,0,chorus\n")
    out = tmp_path / "songs"
    generate = ("generate", "--model", run_of("flow"), "--curve", tmp_path / "curve.csv", "--out", out)
    lean = ("--sampling", "steps=1", "--workers", 1)
    plan = json.loads(affetti(*generate, *lean, "--dry-run", "--json").out)
    assert (plan["songs"], plan["clips"]) == (1, 4)
    assert not out.exists()
    ran = affetti(*generate, *lean)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"1 song (4 clips) by flow, joint denoising, in {out}")
    song = corpus.songs[0]
    of_song = ("generate", "--model", run_of("flow"), "--curve-from", corpus.path, song, "--out", tmp_path / "again")
    ran = affetti(*of_song, *lean)
    assert ran.code == 0, ran.err
    assert Corpus.open(tmp_path / "again").provenance
    refused = affetti("generate", "--model", run_of("flow"), "--out", tmp_path / "none")
    assert refused.code == 2
    assert "--n: how many clips?" in refused.complaint
