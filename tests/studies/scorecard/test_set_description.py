from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.conftest import RATE, music
from tests.material import mels, present

from affetti import api
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.presets import front_end
from affetti.signal import audio
from affetti.studies.scorecard.result import Scorecard
from affetti.studies.scorecard.set_description import describe_set, set_cautions

TINY = front_end("tiny")


def folder(path: Path, count: int = 3, first: int = 0, gain: float = 1.0, rate: int = RATE) -> ClipSet:
    path.mkdir(parents=True)
    for i in range(count):
        wave = gain * 0.1 * music(first + i, 6.0)
        audio.save(path / f"{i}.wav", audio.resample(np.asarray(wave, np.float32), RATE, rate), rate)
    return open_clip_set(path, front=TINY)


def cautions(real: ClipSet, fake: ClipSet) -> list[str]:
    return list(set_cautions([(describe_set("real", real), real), (describe_set("fake", fake), fake)]))


def test_a_set_is_described_by_what_it_is(tmp_path: Path) -> None:
    clips = folder(tmp_path / "songs")
    set_ = describe_set("real", clips)
    assert (set_.kind, set_.n, set_.songs, set_.front_end) == ("folder", 3, 3, TINY.hash)
    assert set_.sample_rates == {str(RATE): 3}
    assert set_.floor_db == pytest.approx(-max(np.ptp(mel.astype(float)) for mel in clips.mel))
    waves = [audio.load(file, RATE)[: TINY.samples].numpy() for file in clips.files or ()]
    levels = [10 * np.log10(np.mean(wave**2.0)) for wave in waves]
    assert set_.rms_dbfs == pytest.approx(np.median(levels), abs=0.5)
    assert set_.describe().startswith(f"real songs: folder, 3 clips of 3 songs, front-end {TINY.hash}, {RATE:,} Hz")
    array = describe_set("fake", ClipSet("x.npy", mels(5, (16, 64), 0).numpy(), np.arange(5).astype(str)))
    assert (array.kind, array.front_end, array.rms_dbfs, array.sample_rates) == ("array", None, None, {})
    assert "front-end unknown, sample rate unknown" in array.describe()


def test_the_level_is_that_of_the_mean_power() -> None:
    mel = np.full((2, 4, 8), -30.0)
    mel[:, 0] = -10.0
    level = describe_set("real", ClipSet("x", mel, np.array(["a", "b"]))).level_db
    assert level == pytest.approx(10 * np.log10((0.1 + 3 * 0.001) / 4))


@pytest.mark.parametrize(("gain", "words"), [(5.0, "is 14.0 dB louder"), (0.2, "is 14.0 dB softer"), (1.3, "")])
def test_clips_of_another_level_are_said_to_be_so(tmp_path: Path, gain: float, words: str) -> None:
    lines = cautions(folder(tmp_path / "real"), folder(tmp_path / "fake", gain=gain))
    assert len(lines) == bool(words)
    assert all(f"fake {words} than the real clips" in line for line in lines)


def test_clips_at_another_sample_rate_are_said_to_be_so(tmp_path: Path) -> None:
    real, high, low = (folder(tmp_path / str(rate), rate=rate) for rate in (44_100, 48_000, 16_000))
    assert cautions(real, real) == []
    assert cautions(real, high) == [
        "48000 is at 48,000 Hz, the real clips are at 44,100 Hz: both are resampled to 22,050 Hz"
    ]
    assert cautions(real, low) == [
        "16000 is at 16,000 Hz, the real clips are at 44,100 Hz: 16000 holds nothing above 8,000 Hz"
    ]
    assert "the real set holds nothing above 8,000 Hz" in cautions(low, real)[0]


def test_arrays_have_no_rate_and_values_that_are_no_decibels_no_level() -> None:
    songs = np.arange(6).astype(str)
    real, quiet = (ClipSet(f"{shift}", mels(6, (16, 64), 0).numpy() + shift, songs) for shift in (0, -20))
    scaled = ClipSet("scaled", mels(6, (16, 64), 0).numpy() / 80 + 1, songs)
    assert "20.0 dB softer" in cautions(real, quiet)[0]
    assert not any("louder" in line for line in cautions(real, scaled))


def test_files_of_any_rate_and_channels_score_as_files_resampled_beforehand(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, first in (("real", 0), ("fake", 50)):
        for kind in ("mixed", "resampled"):
            (tmp_path / kind / name).mkdir(parents=True)
        for i in range(8):
            rate = (16_000, 22_050, 44_100, 48_000)[i % 4]
            wave = audio.resample(np.asarray(music(first + i, 6.5), np.float32), RATE, rate)
            if i % 2:  # two channels that differ
                wave = np.stack([wave, 0.7 * wave + 0.01 * rng.normal(size=wave.shape).astype(np.float32)], axis=1)
            soundfile.write(tmp_path / "mixed" / name / f"{i}.wav", wave, rate, subtype="FLOAT")
            mono = audio.load(tmp_path / "mixed" / name / f"{i}.wav", TINY.sample_rate).numpy()
            soundfile.write(tmp_path / "resampled" / name / f"{i}.wav", mono, TINY.sample_rate, subtype="FLOAT")
    mixed, resampled = (
        api.score.run(tmp_path / kind / "real", tmp_path / kind / "fake", preset="tiny", workers=1)
        for kind in ("mixed", "resampled")
    )
    assert mixed.quality == resampled.quality
    assert mixed.measures == resampled.measures
    assert [each.level_db for each in mixed.sets] == [each.level_db for each in resampled.sets]
    assert mixed.sets[1].sample_rates == {"16000": 2, "22050": 2, "44100": 2, "48000": 2}
    assert resampled.sets[1].sample_rates == {"22050": 8}


def test_a_scorecard_names_its_sets_and_opens_without_them(tmp_path: Path) -> None:
    folder(tmp_path / "real", 8)
    folder(tmp_path / "fake", 8, 20, gain=5.0, rate=16_000)
    card = api.score.run(tmp_path / "real", tmp_path / "fake", preset="tiny", workers=1)
    assert [each.role for each in card.sets] == ["real", "fake"]
    assert any("dB louder" in line for line in card.cautions)
    assert any("holds nothing above 8,000 Hz" in line for line in card.cautions)
    assert present(card.sets[1].rms_dbfs) > present(card.sets[0].rms_dbfs) + 10
    document = card.to_dict()
    assert Scorecard.from_dict(document) == card
    del document["sets"]
    assert Scorecard.from_dict(document).sets == ()
