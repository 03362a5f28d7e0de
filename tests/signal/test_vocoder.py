from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from affetti.errors import InputError, MismatchError, MissingDependencyError
from affetti.presets import MEL_FRONT_ENDS, MelFrontEnd
from affetti.signal.inversion import MelInverse
from affetti.signal.mel import MelSpectrogram
from affetti.signal.vocoder import CONFIG_KEY, GriffinLim, HifiGan, Vocoder, front_end_config

FRONT = MelFrontEnd(sample_rate=8_000, n_fft=256, hop_length=64, n_mels=20, f_min=50.0, f_max=3_500.0, seconds=1.0)


def log_mel(front: MelFrontEnd = FRONT) -> torch.Tensor:
    time = torch.arange(8_000) / 8_000
    return MelSpectrogram(front)(0.5 * torch.sin(2 * torch.pi * (300 * time + 200 * time**2)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a folder with a HiFi-GAN of random weights that names ``front``."""
    transformers = pytest.importorskip("transformers", reason="needs transformers (affetti[encoders])")

    def make(name: str, block: dict[str, Any] | None, **changes: Any) -> Path:
        settings: dict[str, Any] = {
            "model_in_dim": 20,
            "sampling_rate": 8_000,
            "upsample_initial_channel": 16,
            "upsample_rates": [8, 8],
            "upsample_kernel_sizes": [16, 16],
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1, 3]],
        }
        torch.manual_seed(0)
        network = transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(**{**settings, **changes}))
        folder = tmp_path_factory.mktemp("vocoders") / name
        network.save_pretrained(folder)
        if block is not None:
            config = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({**config, CONFIG_KEY: block}))
        return folder

    return make


def test_griffin_lim_gives_the_sound_of_its_log_mel() -> None:
    vocoder: Vocoder = GriffinLim(FRONT, iterations=16)
    given = log_mel()
    wave = vocoder(given)
    assert wave.shape == (64 * (given.shape[1] - 1),)
    again = MelSpectrogram(FRONT)(wave)
    loud = given > given.max() - 30
    assert (again - given)[loud].abs().median() < 1.5


def test_griffin_lim_refuses_an_inverse_of_another_front_end() -> None:
    inverse = MelInverse.fit((), FRONT, spectra=50)
    assert GriffinLim(replace(FRONT, seconds=9.0), inverse).inverse is inverse  # the length of clips does not matter
    with pytest.raises(MismatchError, match="n_mels 20, not 64"):
        GriffinLim(MEL_FRONT_ENDS["tiny"], inverse)


def test_a_network_from_a_folder_gives_sound(saved: Callable[..., Path]) -> None:
    vocoder: Vocoder = HifiGan(saved("good", front_end_config(FRONT)), FRONT)
    given = log_mel()
    wave = vocoder(given)
    assert wave.shape == (64 * (given.shape[1] - 1),)
    assert wave.dtype == torch.float32
    assert torch.isfinite(wave).all()
    assert torch.equal(wave, vocoder(given))
    with pytest.raises(InputError, match="log-mel"):
        vocoder(given[:10])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate": 22_050}, "sample_rate 22050, not 8000"),
        ({"n_fft": 512}, "n_fft 512, not 256"),
        ({"f_max": 4_000.0}, "f_max 4000.0, not 3500"),
        ({"f_min": 0.0, "hop_length": 80}, "hop_length 80, not 64; f_min 0.0, not 50"),
    ],
)
def test_weights_of_another_front_end_are_refused_by_name(
    saved: Callable[..., Path], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(MismatchError, match="made for another front-end") as caught:
        HifiGan(saved("other", {**front_end_config(FRONT), **change}), FRONT)
    assert message in str(caught.value)


def test_weights_that_do_not_say_are_refused(saved: Callable[..., Path]) -> None:
    with pytest.raises(MismatchError, match="does not say which front-end"):
        HifiGan(saved("mute", None), FRONT)
    with pytest.raises(MismatchError, match="n_fft unknown, not 256"):
        HifiGan(saved("part", {"sample_rate": 8_000}), FRONT)


def test_a_config_that_contradicts_itself_is_refused(saved: Callable[..., Path]) -> None:
    with pytest.raises(MismatchError, match="32 samples a frame of 20 bands; the front-end has 64 of 20"):
        HifiGan(saved("short", front_end_config(FRONT), upsample_rates=[8, 4], upsample_kernel_sizes=[16, 8]), FRONT)


def test_broken_weights_are_refused(saved: Callable[..., Path]) -> None:
    folder = saved("broken", front_end_config(FRONT))
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        HifiGan(folder, FRONT)
    weights.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        HifiGan(folder, FRONT)


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        HifiGan(tmp_path / "none", FRONT)
    if pytest.importorskip("transformers"):
        with pytest.raises(InputError, match=r"no config\.json"):
            HifiGan(tmp_path, FRONT)


def test_without_transformers_the_install_command_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"needs transformers .*install 'affetti\[encoders\]"):
        HifiGan(tmp_path, FRONT)
