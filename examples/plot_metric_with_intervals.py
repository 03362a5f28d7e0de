"""
A metric with intervals, on your own features
=============================================

Two sets of clips, features of your own, and the question "are they different?". A distance alone does not answer it:
it depends on how many songs there are. affetti gives each distance with an interval over songs and with its *floor*,
what two halves of the first set score.
"""

import os

import matplotlib.pyplot as plt
import numpy as np

from affetti import metrics

SMALL = os.environ.get("AFFETTI_EXAMPLES") == "small"
rng = np.random.default_rng(0)

# %%
# **Features.** Any array ``[N, D]`` will do; here each of 60 songs has four clips that resemble each other, as clips
# of a song do.


def songs(number: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[4 N, 12]`` of clips, and the song of each."""
    centres = rng.normal(size=(number, 12)) + shift * np.eye(12)[0]
    rows = np.repeat(centres, 4, axis=0) + 0.4 * rng.normal(size=(4 * number, 12))
    return rows, np.repeat(np.arange(number), 4)


real, real_songs = songs(60, shift=0.0)
fake, fake_songs = songs(60, shift=1.2)
result = metrics.kernel(real, fake, groups=(real_songs, fake_songs))
low, high = result.ci
print(f"kernel distance {result.value:.4f}, 95 % interval [{low:.4f}, {high:.4f}], floor {result.floor:.4f}")

# %%
# **Say which clips belong together.** Clips of one song are not independent. Without ``groups`` the interval is too
# narrow:

careless = metrics.kernel(real, fake)
print(f"by song: ± {np.ptp(result.ci) / 2:.4f};  clips as if independent: ± {np.ptp(careless.ci) / 2:.4f}")

# %%
# **Does the interval keep its word?** A simulation: draw both sets again and again. Of the 95 % intervals, about 95 %
# should contain the true distance. With clips taken for songs, fewer do.

truth = metrics.kernel_distance(*(songs(1500, shift)[0][::4] for shift in (0.0, 1.2)))
draws = []
for _ in range(8 if SMALL else 30):
    x, x_songs = songs(30, 0.0)
    y, y_songs = songs(30, 1.2)
    draws.append((metrics.kernel(x, y, groups=(x_songs, y_songs)), metrics.kernel(x, y)))

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for axis, column, title in zip(axes, (0, 1), ("resampled by song", "clips as if independent"), strict=True):
    held = 0
    for row, draw in enumerate(draws):
        low, high = draw[column].ci
        inside = low <= truth <= high
        held += inside
        axis.plot([row, row], [low, high], color="#0072B2" if inside else "#D55E00", linewidth=3)
    axis.axhline(truth, color="0.3", linestyle="--")
    axis.set(title=f"{title}: {held} of {len(draws)} contain the truth", xlabel="repetition")
axes[0].set_ylabel("kernel distance")

# %%
# The same for other statistics: :func:`affetti.metrics.frechet` (means and covariances),
# :func:`affetti.metrics.sliced_wasserstein` (all of the distribution), :func:`affetti.metrics.paired_difference` (two
# models on the same songs).
