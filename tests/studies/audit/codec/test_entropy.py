from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from scipy.stats import entropy

from affetti.presets import MEL_FRONT_ENDS
from affetti.signal.mel import stft
from affetti.studies.audit.codec.entropy import (
    PCM_STEP,
    coded_bits,
    flac_bits,
    lzma_bits,
    order_0_bits,
    rice_bits,
    spectral_step,
)


def codes(scale: float = 20.0, shape: tuple[int, int] = (6, 70), seed: int = 0) -> NDArray[np.int32]:
    return np.round(scale * np.random.default_rng(seed).laplace(size=shape)).astype(np.int32)


def test_order_0_is_scipys_entropy_and_ignores_order() -> None:
    x = codes()
    counts = np.unique(x, return_counts=True)[1]
    assert order_0_bits(x) == pytest.approx(x.size * entropy(counts, base=2))
    shuffled = np.random.default_rng(1).permutation(x.ravel()).reshape(x.shape)
    assert order_0_bits(shuffled) == pytest.approx(order_0_bits(x))
    assert order_0_bits(x + 1_000) == pytest.approx(order_0_bits(x))


def test_order_0_of_what_is_known() -> None:
    assert order_0_bits(np.arange(256, dtype=np.int32)[None]) == pytest.approx(256 * 8)
    assert order_0_bits(np.full((4, 9), -3, np.int32)) == 0.0
    assert order_0_bits(np.array([[0, 1] * 50], np.int32)) == pytest.approx(100)


def rice_written(x: NDArray[np.int32]) -> str:
    """The code itself, bit by bit, each parameter chosen by trying all."""
    bits = ""
    for row in x.tolist():
        for at in range(0, len(row), 16):
            part = [2 * n if n >= 0 else -2 * n - 1 for n in row[at : at + 16]]
            tried = [
                "".join("1" * (u >> k) + "0" + (f"{u & (2**k - 1):0{k}b}" if k else "") for u in part)
                for k in range(32)
            ]
            best = min(range(32), key=lambda k: len(tried[k]))
            bits += f"{best:05b}" + tried[best]
    return bits


def rice_read(bits: str, shape: tuple[int, int]) -> NDArray[np.int32]:
    at, rows = 0, []
    for _ in range(shape[0]):
        row: list[int] = []
        k = 0
        while len(row) < shape[1]:
            if len(row) % 16 == 0:
                k, at = int(bits[at : at + 5], 2), at + 5
            high = bits.index("0", at) - at
            at += high + 1
            u = (high << k) + (int(bits[at : at + k], 2) if k else 0)
            at += k
            row.append(u // 2 if u % 2 == 0 else -(u + 1) // 2)
        rows.append(row)
    assert at == len(bits)
    return np.array(rows, np.int32)


@pytest.mark.parametrize("scale", [0.2, 3.0, 900.0])
def test_rice_bits_are_those_of_a_code_that_can_be_read_back(scale: float) -> None:
    x = codes(scale, (3, 41))
    written = rice_written(x)
    assert np.array_equal(rice_read(written, x.shape), x)
    assert rice_bits(x) == len(written)


def test_a_coder_takes_no_less_than_noise_holds_and_little_for_what_repeats() -> None:
    noise = np.random.default_rng(0).integers(-(2**15), 2**15, (50, 400)).astype(np.int32)
    assert lzma_bits(noise) > 16 * noise.size
    assert rice_bits(noise) > 16 * noise.size
    constant = np.full((50, 400), 12_345, np.int32)
    assert lzma_bits(constant) < 0.01 * lzma_bits(noise)
    assert coded_bits(constant) == lzma_bits(constant) < rice_bits(constant)


def test_the_better_coder_counts() -> None:
    x = codes()
    assert coded_bits(x) == rice_bits(x) < lzma_bits(x)


def test_numbers_of_more_than_two_bytes_are_packed_too() -> None:
    wide = np.random.default_rng(0).integers(-(2**20), 2**20, (20, 200)).astype(np.int32)
    assert lzma_bits(wide) > 20 * wide.size


def test_flac_bits_are_those_of_the_file() -> None:
    wave = (0.1 * np.random.default_rng(0).normal(size=22_050)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, wave, 22_050, format="FLAC")
    assert flac_bits(torch.from_numpy(wave), 22_050) == 8 * len(file.getvalue())
    assert flac_bits(torch.zeros(22_050), 22_050) < 5_000


def test_white_noise_in_16_bits_is_hardly_packed_by_flac() -> None:
    full = torch.rand(22_050, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert flac_bits(full, 22_050) == pytest.approx(16 * 22_050, rel=0.02)


@pytest.mark.parametrize("preset", ["paper", "full-band"])
def test_the_inverse_of_a_rounded_stft_errs_as_much_as_16_bits(preset: str) -> None:
    front = MEL_FRONT_ENDS[preset]
    wave = 0.1 * torch.randn(60 * 512, generator=torch.Generator().manual_seed(0))
    step = spectral_step(front)
    parts = torch.round(torch.view_as_real(stft(wave, front)) / step) * step
    window = torch.hann_window(front.n_fft)
    back = torch.istft(torch.view_as_complex(parts), front.n_fft, front.hop_length, window=window, length=len(wave))
    inner = slice(front.n_fft, -front.n_fft)  # at the ends fewer frames overlap
    error = float((back - wave)[inner].double().square().mean())
    pcm = float((torch.round(wave / PCM_STEP) * PCM_STEP - wave).double().square().mean())
    assert pcm == pytest.approx(PCM_STEP**2 / 12, rel=0.03)
    assert error == pytest.approx(PCM_STEP**2 / 12, rel=0.05)
