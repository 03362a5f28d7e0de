from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from affetti.errors import AffettiError, InputError, StorageError, UsageError
from affetti.signal import audio
from affetti.signal.loudness import loudness
from affetti.studies.listening.anchors import SAMPLE_RATE, VERSIONS, low_pass, version
from affetti.studies.listening.building import LOUDNESS, NewStudy, build_study
from affetti.studies.listening.sets import ClipSet
from affetti.studies.listening.study import Study

QUIET = NewStudy(clips_per_condition=3, per_listener=3)


def noise(seed: int, seconds: float = 1.0, level: float = 0.1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return level * torch.randn(round(seconds * SAMPLE_RATE), generator=generator)


def folder(path: Path, count: int = 6, level: float = 0.1) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        audio.save(path / f"song{number}.wav", noise(number, level=level), SAMPLE_RATE)
    return path


def sets(tmp_path: Path, **levels: float) -> list[ClipSet]:
    return [ClipSet.open(name, folder(tmp_path / name, level=level)) for name, level in levels.items()]


def test_a_study_holds_clips_whose_names_say_nothing(tmp_path: Path) -> None:
    made = build_study(sets(tmp_path, real=0.1, gan=0.02), tmp_path / "study", QUIET)
    assert Study.open(tmp_path / "study") == made
    assert made.systems == ("real", "gan")
    assert {len(versions) for versions in made.conditions.values()} == {2}
    for versions in made.conditions.values():
        assert len({it.source.split("/")[1] for it in versions}) == 1  # files of one name answer one request
    names = " ".join(file.name for file in (tmp_path / "study" / "clips").iterdir())
    assert "real" not in names
    assert "song" not in names
    assert len(made.practice) == 2
    assert not {it.source for it in made.practice} & {it.source for it in made.clips}
    levels = {it.system: loudness(audio.load(tmp_path / "study" / it.file, 44_100), 44_100) for it in made.clips}
    assert levels["real"] - levels["gan"] == pytest.approx(20 * np.log10(5), abs=0.5)  # kept


def test_loudness_is_matched_where_that_is_chosen(tmp_path: Path) -> None:
    made = build_study(sets(tmp_path, real=0.1, gan=0.02), tmp_path / "study", replace(QUIET, task="pair"))
    assert made.loudness == "matched"
    for it in made.clips:
        assert loudness(audio.load(tmp_path / "study" / it.file, 44_100), 44_100) == pytest.approx(LOUDNESS, abs=0.1)


def test_systems_have_requests_of_their_own_where_listeners_rate_more_clips(tmp_path: Path) -> None:
    made = build_study(sets(tmp_path, real=0.1, gan=0.1), tmp_path / "study", replace(QUIET, per_listener=6))
    assert made.per_listener == 6
    assert len(made.conditions) == 6
    assert {it.source.split("/")[1] for it in made.clips if it.system == "real"}.isdisjoint(
        it.source.split("/")[1] for it in made.clips if it.system == "gan"
    )


def test_mushra_makes_hidden_references_and_anchors(tmp_path: Path) -> None:
    settings = replace(QUIET, task="mushra", versions=("anchor35", "mel_griffin_lim"), clips_per_condition=2)
    made = build_study(sets(tmp_path, real=0.1), tmp_path / "study", settings)
    assert made.systems == ("reference", "anchor35", "mel_griffin_lim")
    assert {len(versions) for versions in made.conditions.values()} == {3}
    lengths = {len(audio.load(tmp_path / "study" / it.file, SAMPLE_RATE)) for it in made.clips}
    assert lengths == {SAMPLE_RATE}


@pytest.mark.parametrize("cutoff", [3_500.0, 7_000.0])
def test_an_anchor_keeps_what_lies_below_and_loses_what_lies_above(cutoff: float) -> None:
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    for frequency, gain_db in ((cutoff - 100, 0.0), (cutoff + 600, -60.0)):
        tone = torch.sin(2 * np.pi * frequency * time)
        filtered = low_pass(tone, cutoff)[2_000:-2_000]
        gain = 20 * np.log10(float(filtered.square().mean().sqrt() / tone.square().mean().sqrt()))
        assert gain == pytest.approx(0.0, abs=0.1) if gain_db == 0 else gain < -55
    tone = torch.sin(2 * np.pi * 440 * time)
    assert (low_pass(tone, cutoff) - tone)[500:-500].abs().max() < 0.01  # not delayed


def test_versions_differ_in_phase_alone_where_they_should() -> None:
    from affetti.presets import front_end
    from affetti.signal.mel import stft

    wave = noise(1) * torch.linspace(0, 1, SAMPLE_RATE)
    front = front_end("paper")
    made = {name: version(name, wave) for name in VERSIONS}
    assert {len(it) for it in made.values()} == {len(wave)}
    own, phase = stft(wave, front), stft(made["mel_phase"], front)
    loud = own.abs() > own.abs().quantile(0.8)
    aligned = (torch.angle(phase / own)[loud]).cos().mean()
    estimated = (torch.angle(stft(made["mel_griffin_lim"], front) / own)[loud]).cos().mean()
    assert aligned > 0.6
    assert abs(estimated) < 0.3


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"task": "rank"}, "unknown task"),
        ({"clips_per_condition": 9}, "has 6 clips, 9 are needed"),
        ({"clips_per_condition": 0}, "numbers from 1"),
        ({"loudness": "loud"}, "matched or kept"),
        ({"task": "mushra", "versions": ("anchor20",)}, "unknown version"),
        ({"rate": ("plane", "sam")}, "one way"),
        ({"repeats": 3}, "repeats is 3"),
        ({"wording": {"titel": "x"}}, "Did you mean title"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_written(
    changes: dict[str, object], named: str, tmp_path: Path
) -> None:
    with pytest.raises(AffettiError) as refused:
        build_study(sets(tmp_path, real=0.1), tmp_path / "study", replace(QUIET, **changes))  # type: ignore[arg-type]
    assert named in str(refused.value)
    assert not (tmp_path / "study").exists()


def test_sets_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    real = ClipSet.open("real", folder(tmp_path / "real"))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError, match="holds no audio"):
        ClipSet.open("gan", other)
    with pytest.raises(InputError, match="no such folder"):
        ClipSet.open("gan", tmp_path / "nothing")
    audio.save(other / "another.wav", noise(0), SAMPLE_RATE)
    with pytest.raises(InputError, match="gan has no clip named song"):
        build_study([real, ClipSet.open("gan", other)], tmp_path / "study", QUIET)
    with pytest.raises(UsageError, match="one system"):
        build_study([real], tmp_path / "study", replace(QUIET, task="pair"))
    with pytest.raises(UsageError, match="systems real, real"):
        build_study([real, real], tmp_path / "study", QUIET)
    with pytest.raises(StorageError, match="not empty"):
        build_study([real], tmp_path / "real", QUIET)


def test_a_clip_that_cannot_be_decoded_leaves_the_folder_free(tmp_path: Path) -> None:
    given = sets(tmp_path, real=0.1)
    whole = {file: file.read_bytes() for file in given[0].files}
    for file in whole:
        file.write_bytes(b"RIFF")
    for study in (tmp_path / "study", tmp_path / "empty"):
        if study.name == "empty":
            study.mkdir()
        with pytest.raises(AffettiError, match=r"song\d\.wav"):
            build_study(given, study, QUIET)
        assert not study.exists()
    for file, content in whole.items():
        file.write_bytes(content)
    assert build_study(given, tmp_path / "study", QUIET).systems == ("real",)


def test_requests_are_matched_by_emotion(tmp_path: Path) -> None:
    from affetti.studies.listening.sets import choose_requests, match_requests

    rng = np.random.default_rng(0)
    emotions = rng.uniform(-0.8, 0.8, (30, 2))
    names = tuple(map(str, range(30)))
    base = ClipSet("real", tmp_path, names, names, emotions, SAMPLE_RATE, None)
    rows = choose_requests(base, 8, 0)
    assert len(set(rows.tolist())) == 8
    spread = np.linalg.norm(emotions[rows][:, None] - emotions[rows], axis=2)
    assert spread[np.triu_indices(8, 1)].min() > 0.3
    order = rng.permutation(30)
    other = replace(base, system="gan", names=tuple(f"x{it}" for it in names), emotions=emotions[order] + 0.01)
    assert order[match_requests(other, base, rows.tolist())].tolist() == rows.tolist()
    with pytest.raises(InputError, match="gan has no clip near"):
        match_requests(replace(other, emotions=np.full((30, 2), 0.9)), base, rows.tolist())
