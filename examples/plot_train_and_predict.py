"""
Train a regressor and predict a song's curve
============================================

From labelled clips to the emotion of a song over time: a corpus is composed, a regressor is trained on it, and a song
that it has never seen, and whose true emotion moves from sad to happy, is predicted second by second.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

import affetti
from affetti.compose import compose_along, render, valence_arousal
from affetti.emotion import EmotionCurve
from affetti.signal import audio

SMALL = os.environ.get("AFFETTI_EXAMPLES") == "small"
folder = Path(tempfile.mkdtemp())

# %%
# **A corpus** of songs whose emotion is known, in five folds by song.

made = affetti.prepare("composed", folder / "corpus", clips=160 if SMALL else 480, workers=1)
print(f"{made.clips} clips of {made.songs} songs")

# %%
# **A regressor**, trained on all folds but one and tested on the songs of that one. CCC is 1 for perfect predictions
# and 0 for a guess.

run = affetti.train("baseline", folder / "corpus", folder / "regressor", fold=0)
for axis, scores in run.test.items():
    print(f"{axis}: CCC {scores.ccc.value:.2f} [{scores.ccc.ci[0]:.2f}, {scores.ccc.ci[1]:.2f}]")

# %%
# **A new song** of a minute: sad, then happy, then peaceful.

curve = EmotionCurve((0.0, 20.0, 40.0, 60.0), ((-0.6, -0.5), (0.5, 0.6), (0.5, 0.6), (0.4, -0.6)))
song = compose_along(curve, 60.0)
audio.save(folder / "song.flac", render(song, 22_050), 22_050)
Audio(render(song, 8_000), rate=8_000)

# %%
# **Its curve**: a prediction each second, of the six seconds around it.

prediction = affetti.predict(folder / "regressor", folder / "song.flac")[0]
times = [point.time for point in prediction.curve]
starts = [section.start for section in song.sections]
truth = np.array([valence_arousal(section.cues) for section in song.sections])

figure, axes = plt.subplots(2, 1, figsize=(8, 5), sharex=True, sharey=True, layout="constrained")
for row, (axis, name) in enumerate(zip(axes, ("valence", "arousal"), strict=True)):
    axis.step([*starts, song.duration], [*truth[:, row], truth[-1, row]], where="post", color="0.4", label="composed")
    axis.plot(times, [getattr(point, name) for point in prediction.curve], color="#0072B2", label="predicted")
    axis.set(ylabel=name, ylim=(-1, 1))
axes[1].set_xlabel("seconds")
axes[0].legend()

# %%
# **How far to trust it.** The interval is that of one clip, calibrated on songs that the regressor was not trained
# on:

low, high = prediction.arousal_ci
print(f"arousal {prediction.arousal:+.2f}, {100 * prediction.interval_level:.0f} % interval [{low:+.2f}, {high:+.2f}]")

# %%
# It holds for music like that of the training corpus, here composed music. On other music train on other songs.
