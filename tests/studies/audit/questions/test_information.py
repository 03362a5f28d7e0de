from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.material import write_corpus
from tests.studies.audit.sounding import SIZE, hurried, sounding, struck

from affetti import config
from affetti.presets import mel_front_end
from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.codec.stages import MEL_STAGES, STAGES
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.questions.information import FRONT_END_BY_PREFIX, PLAYED_STAGES, QUESTION, closed_forms

CLAIMED = {
    "stft_numbers_ratio", "mel_numbers_ratio", "latent_numbers_ratio", "latent_reduction", "bins_per_band", "hop_ms",
    "alias_db", "waveform_bits", "retention_stft", "retention_magnitude", "retention_mel", "retention_latent",
    "probe_kept_mel",
}  # fmt: skip
"""Measurements that the claims name."""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    """The answer on 24 clips of twelve songs, one of them silent."""
    folder = tmp_path_factory.mktemp("information")
    labels = np.random.default_rng(0).uniform(-0.9, 0.9, (24, 1)).repeat(2, axis=1)
    waves = [struck(seed, 0.1 * 10 ** labels[seed, 0]) for seed in range(23)] + [np.zeros(SIZE, np.float32)]
    context = AuditContext(sounding(folder / "corpus", waves, each=2, labels=labels), folder / "audit", quick=True)
    with hurried():
        return QUESTION.measure(context, silent), folder / "audit"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("stft_numbers_ratio", 22_050 / (2 * 1_025 * 22_050 / 512)),
        ("mel_numbers_ratio", 4.0),
        ("latent_numbers_ratio", 661_500 / 356),
        ("latent_reduction", 100 * (165_376 - 356) / 165_376),
        ("bins_per_band", 1_025 / 128),
        # The bins from 21.5 Hz to 7,999 Hz: 2 to 743, by hand.
        ("bins_reached_per_band", 742 / 128),
        ("hop_ms", 23.22),
        ("window_ms", 92.88),
        ("pcm_bits", 352_800),
        ("latent_bits", 5_696 / 30),
    ],
)
def test_closed_forms_by_hand(name: str, wanted: float) -> None:
    by_name = {it.name: it for it in closed_forms("", mel_front_end("paper"))}
    assert by_name[name].value == pytest.approx(wanted, rel=1e-4)
    assert by_name[name].ci is None


def test_the_full_band_reaches_all_bins_but_its_ends() -> None:
    by_name = {it.name: it for it in closed_forms("full_band_", FRONT_END_BY_PREFIX["full_band_"])}
    assert by_name["full_band_bins_reached_per_band"].value == pytest.approx(1_023 / 128)
    assert by_name["full_band_mel_numbers_ratio"].value == 4.0


def test_measurements_that_claims_name_are_taken(answered: tuple[Answer, Path]) -> None:
    measured = {it.name: it.value for it in answered[0].measurements}
    assert {name for name in CLAIMED if measured[name] is None} == set()
    assert {f"retention_{name}" for name in STAGES} | {f"full_band_retention_{name}" for name in MEL_STAGES} <= set(
        measured
    )
    steps = {"magnitude", *MEL_STAGES}
    assert {f"{prefix}emotion_ccc_{name}" for prefix in FRONT_END_BY_PREFIX for name in steps} <= set(measured)
    own = {"log_mel", "quantised", "patches", "latent"}
    assert {name for name in measured if name.startswith("own_")} == {f"own_emotion_ccc_{name}" for name in own}
    assert measured["alias_db"] is not None
    assert measured["alias_db"] < -90


def test_bits_decrease_along_the_stages(answered: tuple[Answer, Path]) -> None:
    answer = answered[0]
    share = {name: answer[f"retention_{name}"].value or 0.0 for name in STAGES}
    assert share["waveform"] == 100.0
    for chain in (("stft", "magnitude", "mel"), ("log_mel", "quantised", "bands_64", "bands_32", "latent")):
        assert [share[name] for name in chain] == sorted((share[name] for name in chain), reverse=True), chain
    assert share["latent"] > 0
    # A complex STFT inverts as well as 16 bits do, a magnitude does not know where in time it is.
    assert (answer["si_sdr_stft"].value or 0) > 35 > 10 > (answer["si_sdr_magnitude"].value or 0)
    assert (answer["convergence_magnitude"].value or 0) < (answer["convergence_mel"].value or 0) - 3


def test_waveform_bits_are_the_kept_files(answered: tuple[Answer, Path]) -> None:
    folder = answered[1].parent / "corpus" / "audio"
    rates = [8 * path.stat().st_size / soundfile.info(path).duration for path in folder.glob("*.flac")]
    assert min(rates) < (answered[0]["waveform_bits"].value or 0) < max(rates)


def test_an_answer_can_be_saved_opened_and_played(answered: tuple[Answer, Path]) -> None:
    answer, folder = answered
    plain = json.loads(json.dumps(config.unstructure(answer), allow_nan=False))
    assert config.structure(plain, Answer, Path("answer")) == answer
    assert len(answer.sounds) == 1 + len(PLAYED_STAGES)
    assert answer.sounds[0].origin == "recording"
    assert {sound.origin for sound in answer.sounds[1:]} == {"rebuilt"}
    assert all((folder / sound.file).is_file() for sound in answer.sounds)
    assert answer.intervals is not None
    assert all(answer[name] for name in answer.intervals.names)
    assert "4.0 times as many numbers" in answer.sentence
    assert not any("composed" in line for line in answer.cautions)
    assert any("fewer than ten songs" in line for line in answer.cautions)


def test_without_audio_the_closed_forms_are_reported_and_the_rest_is_missing(tmp_path: Path) -> None:
    answer = QUESTION.measure(AuditContext(write_corpus(tmp_path / "corpus"), tmp_path / "audit", quick=True), silent)
    assert answer["mel_numbers_ratio"].value == 4.0
    assert answer["own_emotion_ccc_log_mel"].value is not None
    missing = {it.name for it in answer.measurements if it.value is None}
    assert {"waveform_bits", "probe_kept_mel", "retention_stft"} <= missing
    assert "needs sound" in answer["waveform_bits"].note
    assert "was not measured" in answer.sentence
    assert answer.sounds == ()


def test_one_song_has_no_intervals_and_silence_is_reported(tmp_path: Path) -> None:
    lone = AuditContext(sounding(tmp_path / "one", [struck(0), struck(1)], each=2), tmp_path / "lone", quick=True)
    with hurried():
        answer = QUESTION.measure(lone, silent)
    assert answer["waveform_bits"].value is not None
    assert answer["waveform_bits"].ci is None
    assert answer["probe_kept_mel"].value is None
    assert answer["retention_latent"].value is None
    still = AuditContext(sounding(tmp_path / "still", [np.zeros(SIZE, np.float32)] * 3), tmp_path / "audit", quick=True)
    answer = QUESTION.measure(still, silent)
    assert "not silent" in answer["waveform_bits"].note
    assert answer["hop_ms"].value is not None
