"""Log-mel against librosa, in the same run on one thread. Griffin-Lim and mel inversion: ``bench/phase.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

import librosa
import torch

from affetti.compose.renderer import render
from affetti.compose.score import compose
from affetti.presets import MEL_FRONT_ENDS
from affetti.signal.mel import MelSpectrogram


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """Least CPU time of some runs."""
    work()
    times: list[float] = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


if __name__ == "__main__":
    torch.set_num_threads(1)
    front = MEL_FRONT_ENDS["paper"]
    wave = render(compose(0, 0), front.sample_rate)[: front.samples]
    tensor, to_mel = torch.from_numpy(wave), MelSpectrogram(front)
    ours = seconds(lambda: to_mel(tensor))
    settings = {"sr": front.sample_rate, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "fmin": 20.0, "fmax": 8000.0}
    theirs = seconds(lambda: librosa.power_to_db(librosa.feature.melspectrogram(y=wave, **settings)))
    print(f"log-mel of 30 s: {theirs / ours:.1f} × librosa's speed")
