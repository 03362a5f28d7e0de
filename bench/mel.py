"""Log-mel and Griffin-Lim against librosa, in the same run on one thread: ratios of time and quality."""

from __future__ import annotations

import time
from collections.abc import Callable

import librosa
import numpy as np
import torch

from affetti.compose.render import render
from affetti.compose.score import compose
from affetti.presets import FRONT_ENDS
from affetti.signal.mel import MelSpectrogram, stft
from affetti.signal.phase import griffin_lim


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """Least CPU time of some runs."""
    work()
    times: list[float] = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def convergence(magnitude: np.ndarray, wave: np.ndarray) -> float:
    """Spectral convergence in dB: lower is better."""
    made = np.abs(librosa.stft(np.asarray(wave, dtype=np.float32), n_fft=2048, hop_length=512, pad_mode="constant"))
    frames = min(made.shape[1], magnitude.shape[1])
    error = np.linalg.norm(made[:, :frames] - magnitude[:, :frames])
    return float(20 * np.log10(error / np.linalg.norm(magnitude)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    front = FRONT_ENDS["paper"]
    wave = render(compose(0, 0), front.sample_rate)[: front.samples]
    tensor, to_mel = torch.from_numpy(wave), MelSpectrogram(front)
    ours = seconds(lambda: to_mel(tensor))
    settings = {"sr": front.sample_rate, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "fmin": 20.0, "fmax": 8000.0}
    theirs = seconds(lambda: librosa.power_to_db(librosa.feature.melspectrogram(y=wave, **settings)))
    print(f"log-mel of 30 s: {theirs / ours:.1f} × librosa's speed")
    magnitude = stft(tensor, front).abs().numpy()
    ours = seconds(lambda: griffin_lim(magnitude, 32), 1)
    theirs = seconds(lambda: librosa.griffinlim(magnitude, n_iter=32, hop_length=512, pad_mode="constant"), 1)
    own = convergence(magnitude, griffin_lim(magnitude, 32).numpy())
    peer = convergence(magnitude, librosa.griffinlim(magnitude, n_iter=32, hop_length=512, pad_mode="constant"))
    print(f"Griffin-Lim, 32 iterations: {theirs / ours:.1f} × librosa's speed, {own:.1f} dB against {peer:.1f} dB")
