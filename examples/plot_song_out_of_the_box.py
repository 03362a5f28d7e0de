"""
A song predicted out of the box
===============================

``affetti predict song.mp3`` needs no model of yours: a regressor comes with affetti. Here it predicts a piece whose
emotion is known, because affetti's composer wrote it along a path on the plane, and both curves are drawn over each
other.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

import affetti
from affetti.compose import CurveSettings, compose_along, render, valence_arousal
from affetti.emotion import EmotionCurve
from affetti.signal import audio

# %%
# **A piece** of 48 seconds that goes from sad to tense to happy.

curve = EmotionCurve((0.0, 16.0, 32.0, 48.0), ((-0.6, -0.5), (-0.4, 0.5), (0.5, 0.5), (0.6, 0.3)))
song = compose_along(curve, 48.0, CurveSettings(genre="classical"))
file = Path(tempfile.mkdtemp()) / "song.flac"
audio.save(file, render(song, 22_050), 22_050)
Audio(render(song, 8_000), rate=8_000)

# %%
# **The prediction**: one value for the song with its interval, and a point for every second.

prediction = affetti.predict(audio=file, hop=2.0)[0]
for axis in ("valence", "arousal"):
    low, high = getattr(prediction, f"{axis}_ci")
    print(f"{axis} {getattr(prediction, axis):+.2f} [{low:+.2f}, {high:+.2f}]")

# %%
# **Over time.** A point describes the seconds around it, so the curve lags and smooths.

truth = np.array([valence_arousal(section.cues) for section in song.sections])
starts = [section.start for section in song.sections]
points = [point for point in prediction.curve if point.valence is not None]
figure, (plane, over_time) = plt.subplots(1, 2, figsize=(11, 4.5), width_ratios=(1, 1.4), layout="constrained")
plane.plot(*truth.T, "o-", color="0.6", label="composed")
plane.plot([p.valence for p in points], [p.arousal for p in points], ".-", color="#0072B2", label="predicted")
plane.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal")
plane.legend()
for row, (axis, colour) in enumerate((("valence", "#0072B2"), ("arousal", "#D55E00"))):
    over_time.step([*starts, song.duration], [*truth[:, row], truth[-1, row]], where="post", color=colour, alpha=0.4)
    over_time.plot([p.time for p in points], [getattr(p, axis) for p in points], color=colour, label=axis)
over_time.set(xlabel="seconds", ylim=(-1, 1), title="steps: composed; lines: predicted")
over_time.legend()

# %%
# **How far to trust it.** This regressor was trained on composed music and never on listeners' ratings, so this piece
# is the easiest case there is. How well it agrees with listeners was measured on piano music alone: the numbers are
# in :doc:`the how-to guide on regressors </how-to/regressors>`. With some dozens of rated songs of your own, train
# one: the next page shows how.
