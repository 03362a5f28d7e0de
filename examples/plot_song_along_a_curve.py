"""
Generate a song that follows a curve
====================================

A flow makes clips of six seconds; whole songs are made of overlapping windows that are denoised together. Here a flow
is trained for half a minute, makes a song that is requested to go from sad to happy, and a regressor that never saw
the flow says what it predicts of the result.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from IPython.display import Audio

import affetti
from affetti.signal import audio

SMALL = os.environ.get("AFFETTI_EXAMPLES") == "small"
folder = Path(tempfile.mkdtemp())

# %%
# **A corpus and two models** on the same fold: the flow, and a regressor to check it with.

affetti.prepare("composed", folder / "corpus", clips=80 if SMALL else 320, workers=1)
affetti.train("flow", folder / "corpus", folder / "flow", steps=2 if SMALL else 300, batch_size=4 if SMALL else 16)
affetti.train("baseline", folder / "corpus", folder / "regressor", features="statistics")

# %%
# **The song.** Between the points of the curve the requested emotion moves in straight lines.

seconds = (0, 10, 25, 35)
emotions = ((-0.6, -0.5), (-0.6, -0.5), (0.6, 0.5), (0.6, 0.5))  # valence and arousal
curve = " ".join(f"{valence},{arousal}@{time}" for time, (valence, arousal) in zip(seconds, emotions, strict=True))
made = affetti.generate(folder / "flow", 1, folder / "songs", curve=curve, audio=True, workers=1)
file = next((folder / "songs" / "songs").iterdir())
sound = audio.load(file, 8_000).numpy()
print(f"{curve}: {len(sound) / 8_000:.0f} s, made by {made.method}")
Audio(sound, rate=8_000)

# %%
# **Does it follow?** Each point of the prediction is of the six seconds around it.

points = [point for point in affetti.predict(folder / "regressor", file)[0].curve if point.valence is not None]
figure, axes = plt.subplots(2, 1, figsize=(8, 5), sharex=True, sharey=True, layout="constrained")
for row, (axis, name) in enumerate(zip(axes, ("valence", "arousal"), strict=True)):
    axis.plot(seconds, [emotion[row] for emotion in emotions], color="0.4", label="requested")
    axis.plot([p.time for p in points], [getattr(p, name) for p in points], color="#0072B2", label="predicted")
    axis.set(ylabel=name, ylim=(-1, 1))
axes[1].set_xlabel("seconds")
axes[0].legend()

# %%
# A flow that was trained for half a minute follows a curve roughly at best. With a real budget, and how songs are
# made: :doc:`the how-to guide on songs </how-to/songs>`.
