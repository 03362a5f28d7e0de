from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.studies.audit.sounding import hurried, struck

from affetti.presets import FRONT_ENDS
from affetti.studies.audit.codec.entropy import coded_bits, flac_bits, order_0_bits
from affetti.studies.audit.codec.round_trips import RoundTrip, measurements, missing_measurements, round_trip
from affetti.studies.audit.codec.stages import MEL_STAGES, STAGES, Stage, spectral_stages

FRONT = FRONT_ENDS["paper"]


@pytest.fixture(autouse=True)
def _in_a_hurry() -> Generator[None]:
    with hurried():
        yield


WAVE = torch.from_numpy(struck(0))[: 64 * 512]
SECONDS = 64 * 512 / 22_050


def trips(*bits: float) -> list[dict[str, RoundTrip]]:
    """Clips whose steps halve the bits each."""
    return [
        {
            name: RoundTrip(1.5 * base / 2**place, base / 2**place, 9.0, -9.0, 3.0, 80.0)
            for place, name in enumerate(STAGES)
        }
        for base in bits
    ]


def test_a_waveform_is_packed_by_flac_and_all_else_by_the_better_coder() -> None:
    waveform, stft, _ = spectral_stages(WAVE, FRONT)
    first, second = round_trip(waveform, WAVE, FRONT), round_trip(stft, WAVE, FRONT)
    assert first.coded == pytest.approx(flac_bits(WAVE, 22_050) / SECONDS)
    assert second.coded == pytest.approx(coded_bits(stft.codes) / SECONDS)
    assert second.entropy == pytest.approx(order_0_bits(stft.codes) / SECONDS)
    assert first.sharpness == pytest.approx(100.0, abs=0.5)
    assert second.si_sdr > 40


def test_the_entropy_of_few_numbers_is_not_reported() -> None:
    few = Stage("latent", np.arange(60, dtype=np.int32).reshape(12, 5), WAVE)
    assert np.isnan(round_trip(few, WAVE, FRONT).entropy)


def test_no_onsets_no_sharpness() -> None:
    steady = torch.sin(2 * torch.pi * 440 * torch.arange(64 * 512) / 22_050)
    assert np.isnan(round_trip(Stage("magnitude", np.ones((40, 65), np.int32), steady), steady, FRONT).sharpness)


def test_retention_is_bits_over_the_waveforms() -> None:
    by_name = {it.name: it for it in measurements("", trips(8_000.0, 16_000.0, 12_000.0), np.array(["a", "b", "c"]))}
    assert by_name["waveform_bits"].value == pytest.approx(12_000)
    assert by_name["entropy_waveform"].value == pytest.approx(18_000)
    for place, name in enumerate(STAGES):
        assert by_name[f"retention_{name}"].value == pytest.approx(100 / 2**place)
        low, high = by_name[f"retention_{name}"].ci or (0, 0)
        assert low == pytest.approx(high), "every clip has the same share"
    assert by_name["coded_mel"].value == pytest.approx(1_500)
    assert by_name["si_sdr_magnitude"].value == 9.0
    assert by_name["convergence_latent"].value == -9.0
    assert "si_sdr_waveform" not in by_name


def test_a_prefix_names_the_steps_that_depend_on_bands_alone() -> None:
    names = [it.name for it in measurements("full_band_", trips(8e3, 9e3), np.array(["a", "b"]))]
    assert all(name.startswith("full_band_") for name in names)
    assert [name for name in names if "retention" in name] == [f"full_band_retention_{name}" for name in MEL_STAGES]


def test_what_a_clip_lacks_is_missing_and_says_why() -> None:
    clips = [it | {"patches": replace(it["patches"], entropy=np.nan)} for it in trips(8e3, 9e3)]
    del clips[1]["latent"]
    by_name = {it.name: it for it in measurements("full_band_", clips, np.array(["a", "b"]))}
    assert by_name["full_band_retention_latent"].value is None
    assert "needs more songs" in by_name["full_band_retention_latent"].note
    assert by_name["full_band_entropy_patches"].value is None
    assert "1,000 numbers" in by_name["full_band_entropy_patches"].note
    assert by_name["full_band_coded_patches"].value is not None


def test_one_song_has_values_and_no_interval() -> None:
    by_name = {it.name: it for it in measurements("", trips(8e3), np.array(["a"]))}
    assert by_name["retention_stft"].value == pytest.approx(50)
    assert by_name["retention_stft"].ci is None


def test_without_sound_all_that_claims_are_about_is_missing() -> None:
    by_name = {it.name: it for it in missing_measurements("sound")}
    assert set(by_name) == {"waveform_bits", *(f"retention_{name}" for name in STAGES)}
    assert all(it.value is None and "needs sound" in it.note for it in by_name.values())
