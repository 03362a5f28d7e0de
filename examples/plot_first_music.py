"""
First music on the plane
========================

Emotion in music is often described by two numbers: **valence**, from unpleasant to pleasant, and **arousal**, from
calm to excited. Here affetti's composer writes four pieces, one for each corner of that plane, from nothing but the
two numbers. The cues it uses (tempo, mode, register, loudness, articulation, instrument) are those of published
listening experiments.
"""

import matplotlib.pyplot as plt
from IPython.display import Audio

from affetti.compose import CurveSettings, compose_along, cues_for, render
from affetti.emotion import WORDS, Emotion, EmotionCurve

SAMPLE_RATE = 22_050
emotions = {word: Emotion(*WORDS[word]) for word in ("happy", "angry", "sad", "peaceful")}


def play(emotion: Emotion, seconds: float = 7.0) -> Audio:
    """A piece that has the same emotion from start to end."""
    curve = EmotionCurve((0.0,), ((emotion.valence, emotion.arousal),))
    return Audio(render(compose_along(curve, seconds, CurveSettings(genre="classical")), SAMPLE_RATE), rate=SAMPLE_RATE)


# %%
# Each word stands for a point on the plane. ``cues_for`` finds what the music needs in order to get there.

figure, axes = plt.subplots(figsize=(6.5, 5.5))
axes.axhline(0, color="0.8")
axes.axvline(0, color="0.8")
for word, emotion in emotions.items():
    cues = cues_for(emotion)
    axes.plot(emotion.valence, emotion.arousal, "o", markersize=10)
    text = f"{word}\n{cues.mode}, {cues.tempo:.1f} notes/s\nlevel {cues.level:+.0f} dB, MIDI pitch {cues.register:.0f}"
    axes.annotate(text, (emotion.valence, emotion.arousal), xytext=(0, 12), textcoords="offset points", ha="center")
axes.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal", title="Cues that the composer chooses")

# %%
# **Happy**: major, fast, in a high register.

play(emotions["happy"])

# %%
# **Angry**: as fast as happy music, but minor, low and loud.

play(emotions["angry"])

# %%
# **Sad**: minor, slow, in a low register.

play(emotions["sad"])

# %%
# **Peaceful**: as slow as sad music, but major and very soft.

play(emotions["peaceful"])

# %%
# What you heard is a model of how music carries emotion, with the weights of one study. It is no statement on how sad
# music must sound. The same plane can be clicked in the browser: ``affetti serve --open``.
