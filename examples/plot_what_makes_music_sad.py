"""
What makes music sad
====================

Listening experiments say which cues shift the emotion of music, and by how much. Here the same tune is made sad cue
by cue, and affetti analyses the sound alone: which of the changes does it find again?
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Audio

from affetti.compose import compose, cue_effects, cues_for, render, valence_arousal
from affetti.emotion import WORDS, Emotion
from affetti.signal.harmony import describe_harmony

RATE = 22_050
happy, sad = (cues_for(Emotion(*WORDS[word])) for word in ("happy", "sad"))

# %%
# **The cues of a happy and a sad piece**, and how much each of them shifts valence and arousal.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
names = list(cue_effects(happy))
for axis, title, column in zip(axes, ("valence", "arousal"), (0, 1), strict=True):
    for offset, cues, label, colour in ((-0.2, happy, "happy", "#E69F00"), (0.2, sad, "sad", "#0072B2")):
        shifts = [cue_effects(cues)[name][column] for name in names]
        axis.barh(np.arange(len(names)) + offset, shifts, 0.4, color=colour, label=label)
    axis.axvline(0, color="0.3", linewidth=0.8)
    axis.set(title=f"shift of {title}")
axes[0].set_yticks(range(len(names)), names)
axes[1].legend()

# %%
# **One tune, three times.** First as a happy piece.

from dataclasses import asdict

shared = {"timbre": "piano", "melody": happy.melody}
versions = {
    "happy": asdict(happy) | shared,
    "minor": asdict(happy) | shared | {"mode": "minor"},
    "minor, slow and low": asdict(sad) | shared | {"mode": "minor"},
}
sounds = {name: render(compose(7, 2, change=change), RATE)[: 8 * RATE] for name, change in versions.items()}
Audio(sounds["happy"], rate=RATE)

# %%
# Only the mode changed: minor.

Audio(sounds["minor"], rate=RATE)

# %%
# Minor, slow and low: all the cues of the sad piece.

Audio(sounds["minor, slow and low"], rate=RATE)

# %%
# **Measured in the sound.** From the waveform alone, affetti estimates the key and how often each degree of the scale
# sounds. The minor third (3 semitones above the tonic) in place of the major third (4) is what a regressor can learn
# from.

figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
degrees = ("1", "♭2", "2", "♭3", "3", "4", "♯4", "5", "♭6", "6", "♭7", "7")
for column, (name, sound) in enumerate(sounds.items()):
    harmony = describe_harmony(torch.from_numpy(sound), RATE)
    axis.bar(np.arange(12) + 0.27 * (column - 1), harmony.profile, 0.27, label=f"{name}: {harmony.key.mode}")
axis.set_xticks(range(12), degrees)
axis.set(xlabel="degree above the tonic", ylabel="share of the sound", title="Which notes sound")
axis.legend()

# %%
# The emotion that the cues give, by the additive model of the composer:

for name, change in versions.items():
    song = compose(7, 2, change=change)
    valence, arousal = valence_arousal(song.sections[0].cues)
    print(f"{name:22} valence {valence:+.2f}, arousal {arousal:+.2f}")

# %%
# These are weights from experiments on short melodies, not a theory of sadness: culture, words and memory are not in
# them.
