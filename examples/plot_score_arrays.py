"""
Score your own generator, from arrays
=====================================

Your generator is written in another framework, and you have arrays of log-mels? That is enough. Here the real songs
are composed, and three sets stand for three generators: one that makes new songs of the same kind, one that blurs,
and one that knows only few clips.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
import torch

from affetti import metrics
from affetti.compose import compose, render
from affetti.signal.mel import MelSpectrogram

SONGS = 24 if os.environ.get("AFFETTI_EXAMPLES") == "small" else 40
mel = MelSpectrogram.from_preset("tiny")
rate, samples = mel.front.sample_rate, mel.front.samples

# %%
# A clip is a log-mel in dB, ``[M, F]``: mel bands by frames. All sets must come from the same front-end.


def clips(seed: int) -> np.ndarray:
    """Six seconds of each of SONGS songs, ``[N, M, F]``."""
    sounds = [render(compose(seed, song), rate)[rate : rate + samples] for song in range(SONGS)]
    return mel(torch.from_numpy(np.stack(sounds))).numpy()


real, new_songs = clips(seed=1), clips(seed=2)
blur = np.ones(9) / 9
generators = {
    "new songs": new_songs,
    "blurred": np.apply_along_axis(lambda band: np.convolve(band, blur, mode="same"), 2, new_songs),
    "few clips": new_songs[np.arange(SONGS) % 4],
}

# %%
# **The Quality Score** runs from 0 to 100. 100 is what *other real songs* score, so it needs no model of taste. Its
# interval is over songs. If you have several clips of one song, give ``groups``, the song of each clip.

scores = {name: metrics.quality_score(real, fake) for name, fake in generators.items()}
for name, score in scores.items():
    low, high = score.ci
    print(f"{name:10} {score.score:5.1f} [{low:.0f}, {high:.0f}]")

# %%
# **Its parts** show what is wrong. 100: as in other real songs.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), width_ratios=(1, 2), layout="constrained")
names = list(scores)
centres = np.array([scores[name].score for name in names])
ends = np.array([scores[name].ci for name in names]).T
left.bar(names, centres, yerr=np.abs(ends - centres), color="#0072B2", capsize=4)
left.set(ylim=(0, 105), ylabel="Quality Score")
left.axhline(100, color="0.6", linestyle=":")
parts = list(scores["new songs"].components)
for row, (name, score) in enumerate(scores.items()):
    heights = [score.components[part].score for part in parts]
    right.plot(parts, heights, "osD"[row], label=name)
right.set(ylabel="score of the part")
right.tick_params(axis="x", rotation=60)
right.legend()

# %%
# **Established metrics** take any features, and stand beside the *floor*: what two halves of the real songs score
# between each other.

features = {name: fake.mean(axis=2) for name, fake in generators.items()}
for name, rows in features.items():
    distance = metrics.kernel(real.mean(axis=2), rows)
    coverage = metrics.precision_recall_density_coverage(real.mean(axis=2), rows)["coverage"]
    print(f"{name:10} kernel distance {distance.value:.4f} (floor {distance.floor:.4f}), coverage {coverage:.2f}")

# %%
# Look at the blurred clips: these features are averages over time, so this distance cannot see a blur in time, and
# rates it as better than new songs. A metric sees what its features hold: choose them for your question, and do not
# rely on one number.
#
# With files instead of arrays: ``affetti score real.npy fake.npy``, or two folders of audio.
