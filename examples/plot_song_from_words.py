"""
A song from words
=================

Four words with their seconds make a curve of emotion. A small flow, trained here on composed music, makes a song that
follows it: windows of six seconds that overlap are denoised together, each with the emotion of its place. Beside it
plays what affetti's composer writes along the same curve, which is the reference: a generator that is the truth.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from IPython.display import Audio

import affetti
from affetti.compose import compose_along, render
from affetti.emotion import WORDS, EmotionCurve
from affetti.signal import audio

SMALL = os.environ.get("AFFETTI_EXAMPLES") == "small"
SECONDS, CLIPS, STEPS, BATCH = (18.0, 80, 2, 4) if SMALL else (60.0, 960, 500, 32)
SAMPLE_RATE = 22_050
folder = Path(tempfile.mkdtemp())

# %%
# **A generator**, trained for a third of the steps that ``affetti train flow`` takes by default: its clips are blurred.

affetti.prepare("composed", folder / "corpus", clips=CLIPS, folds=2, workers=1)
run = affetti.train("flow", folder / "corpus", folder / "flow", steps=STEPS, batch_size=BATCH)
print(f"{run.steps} steps on {run.n.train} clips")

# %%
# **The words**, a third of the song apart; between them the requested emotion moves in straight lines. Points of
# valence and arousal do as well (``-0.6,-0.5@0 0.6,0.5@25``), and so does a CSV file of a curve.

words = ("sad", "calm", "happy", "peaceful")
times = tuple(round(SECONDS * k / 3, 1) for k in range(4))
text = " ".join(f"{word}@{time:g}" for word, time in zip(words, times, strict=True))
songs = affetti.generate(folder / "flow", 1, folder / "songs", curve=text, audio=True)
print(f"{text}: {songs.clips} clips of one song, by {songs.method}")

# %%
# **Generated.**

generated = next((folder / "songs" / "songs").glob("*.flac"))
Audio(audio.load(generated, SAMPLE_RATE).numpy(), rate=SAMPLE_RATE)

# %%
# **Composed** along the same curve.

curve = EmotionCurve(times, tuple(WORDS[word] for word in words))
composed = folder / "composed.flac"
audio.save(composed, render(compose_along(curve, SECONDS), SAMPLE_RATE), SAMPLE_RATE)
Audio(audio.load(composed, SAMPLE_RATE).numpy(), rate=SAMPLE_RATE)

# %%
# **Predicted** of both, by the regressor that ships with affetti, which was not trained on these clips.

figure, axes = plt.subplots(2, 1, figsize=(7, 5), sharex=True)
for name, file in (("generated", generated), ("composed", composed)):
    points = [point for point in affetti.predict(audio=file, hop=1.0)[0].curve if point.valence is not None]
    for axis, values in zip(axes, ("valence", "arousal"), strict=True):
        axis.plot([point.time for point in points], [getattr(point, values) for point in points], label=name)
for axis, values, points in zip(axes, ("valence", "arousal"), zip(*curve.points, strict=True), strict=True):
    axis.plot(times, points, "k--", label="requested")
    axis.set(ylabel=values, ylim=(-1, 1))
axes[1].set(xlabel="seconds")
axes[0].legend()

# %%
# Each point is predicted from the six seconds around it. The composed song shows what this regressor can predict of
# music that follows the curve; the distance between the two lines is what the generator loses. ``affetti score --form``
# compares whole songs, with intervals. The `tutorial <../tutorials/words-to-song.html>`_ has every step.
