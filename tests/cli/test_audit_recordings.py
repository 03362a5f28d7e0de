from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import RATE, music
from tests.report.html import Document

import affetti as package
from affetti.corpus import Corpus
from affetti.signal import audio
from affetti.studies.audit.recordings.result import PairResult, RecordingsResult

Affetti = Callable[..., Any]


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number, seconds in enumerate((2.5, 3.0)):
        audio.save(folder / f"song{number}.wav", music(number, seconds), RATE)
    return folder


def page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    assert not Document(text).open
    return text


def test_recordings_are_audited_shown_and_opened_again(
    affetti: Affetti, run_of: Callable[[str], Path], songs: Path, tmp_path: Path
) -> None:
    (songs / "broken.wav").write_bytes(b"RIFF")
    out = tmp_path / "audit"
    ran = affetti("audit", songs, "--model", run_of("student"), "--out", out)
    assert ran.code == 0, ran.err
    assert "skipped " in ran.err
    assert "complex STFT" in ran.out
    result = RecordingsResult.open(out)
    assert [recording.error is None for recording in result.recordings].count(True) == 2
    assert f"page: {result.page}" in ran.out
    sounds = [stage.sound for recording in result.recordings for stage in recording.stages]
    assert len(set(sounds)) == len(sounds) == 16
    html = page(out / "report.html")
    assert html.count("<audio") == 16
    assert "valence" in html
    assert "song1.wav" in result._repr_html_()
    again = package.report(out, tmp_path / "again.html")
    assert again.sections == ("recordings", "rerun")


def test_json_has_the_numbers_and_without_out_nothing_is_written(affetti: Affetti, songs: Path) -> None:
    before = sorted(songs.parent.rglob("*"))
    document = json.loads(affetti("audit", songs / "song0.wav", "--seconds", 2, "--json").out)
    assert document["verb"] == "audit-recordings"
    (recording,) = document["recordings"]
    assert recording["seconds"] == pytest.approx(2.0, abs=0.03)
    assert recording["stages"][0]["retention"] == 100.0
    assert document["page"] is None
    assert sorted(songs.parent.rglob("*")) == before


def test_a_pair_is_compared_shown_and_opened_again(
    affetti: Affetti, run_of: Callable[[str], Path], songs: Path, tmp_path: Path
) -> None:
    a, b, out = songs / "song0.wav", songs / "song1.wav", tmp_path / "pair"
    ran = affetti("audit", a, b, "--pair", "--model", run_of("student"), "--out", out)
    assert ran.code == 0, ran.err
    assert "note: Recordings of 2.5 and 3.0 s: 2.5 s of both were compared" in ran.err
    result = PairResult.open(out)
    assert result.first.emotion is not None
    assert result.second.emotion is not None
    assert result.similarity.valence_difference == pytest.approx(
        result.second.emotion.valence - result.first.emotion.valence
    )
    assert result.identical_by_study == ((result.similarity.correlation or 0) > 0.9)
    assert page(out / "report.html").count("<audio") == 2
    assert "log-mel, r of all cells" in result._repr_html_()
    assert package.compare_recordings(a, b, model=run_of("student")).similarity == result.similarity
    assert package.report(out, tmp_path / "again.html").sections == ("pairs", "rerun")


def test_a_dry_run_writes_nothing(affetti: Affetti, songs: Path, tmp_path: Path) -> None:
    for flags in ((), ("--pair",)):
        ran = affetti("audit", *sorted(songs.iterdir()), *flags, "--out", tmp_path / "out", "--dry-run")
        assert ran.code == 0, ran.err
        assert ran.out.startswith("would ")
        assert not (tmp_path / "out").exists()


def test_bad_input_ends_in_one_line(affetti: Affetti, corpus: Corpus, songs: Path, tmp_path: Path) -> None:
    a, b = sorted(songs.iterdir())
    short, still = tmp_path / "short.wav", tmp_path / "still.wav"
    audio.save(short, music(1, 0.4), RATE)
    audio.save(still, 0 * music(1, 3.0), RATE)
    for arguments, says in (
        ((short,), "short.wav: 0.40 s is too short"),
        ((still,), "still.wav: silent"),
        ((a, still, "--pair"), "still.wav: silent"),
        ((a, "--pair"), "--pair: 1 recordings"),
        ((a, b, short, "--pair"), "--pair: 3 recordings"),
        ((tmp_path / "none.mp3",), "none.mp3: no such audio file"),
        ((short, still), "none of 2 recordings can be audited"),
        ((a, "--preset", "tiny"), "--front-end: tiny steps 1024 samples"),
        ((a, "--preset", "papr"), "there is no preset 'papr'"),
        ((a, "--seconds", 0.2), "--seconds: 0.2 s of a recording"),
        ((a, "--only", "phase"), "--only: is for a corpus"),
        ((corpus.path, "--out", tmp_path / "x", "--model", "m"), "--model: is for audio files"),
        ((corpus.path,), "--out: no folder for the audit"),
        ((corpus.path, "--out", tmp_path / "x", "--pair"), "--pair: 1 recordings"),
        ((), "CORPUS: 0 corpora"),
    ):
        ran = affetti("audit", *arguments)
        assert ran.code == 2, (arguments, ran.out)
        assert says in ran.complaint
        assert not (tmp_path / "x").exists()


def test_a_folder_with_other_work_is_refused(affetti: Affetti, songs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    ran = affetti("audit", songs / "song0.wav", "--out", tmp_path / "out")
    assert ran.code == 2
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


def test_a_recording_that_cannot_be_audited_leaves_the_folder_free(
    affetti: Affetti, run_of: Callable[[str], Path], songs: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.mp3").write_bytes(b"ID3 and no sound")
    for others in ((), (songs / "song1.wav", "--pair")):
        assert affetti("audit", tmp_path / "bad.mp3", *others, "--out", tmp_path / "a2").code == 2
        assert not (tmp_path / "a2").exists()
    flags = ("--seconds", 1.1, "--model", run_of("student"))
    ran = affetti("audit", songs / "song0.wav", *flags, "--out", tmp_path / "a2")
    assert ran.code == 0, ran.err
