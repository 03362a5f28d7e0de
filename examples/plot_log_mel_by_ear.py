"""
What a log-mel loses, by ear
============================

Generators of music often make a log-mel spectrogram, and a vocoder turns it into sound. What is lost on the way is
lost for every such generator, however good it is. Here a song goes to a log-mel and back, with a fine and with a
coarse front-end.
"""

import matplotlib.pyplot as plt
import torch
from IPython.display import Audio

from affetti import presets
from affetti.compose import compose, render
from affetti.signal.fidelity import fidelity
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import MelSpectrogram
from affetti.signal.phase import griffin_lim

RATE = 22_050
original = torch.from_numpy(render(compose(seed=4, index=3), RATE, voice="formant"))[6 * RATE : 12 * RATE]


def there_and_back(preset: str) -> torch.Tensor:
    """The sound of the log-mel of the song: magnitudes by mel inversion, phases by Griffin-Lim."""
    front = presets.front_end(preset)
    log_mel = MelSpectrogram(front)(original)
    return griffin_lim(invert_mel(log_mel, front), n_iter=32, hop_length=front.hop_length)


# %%
# **The original**: six seconds of a composed song with a singing voice.

Audio(original.numpy(), rate=RATE)

# %%
# **128 mel bands**, a frame every 23 ms (the preset ``paper``).

fine = there_and_back("paper")
Audio(fine.numpy(), rate=RATE)

# %%
# **64 mel bands**, a frame every 46 ms (the preset ``tiny``). Listen for the words, and for the attack of the notes.

coarse = there_and_back("tiny")
Audio(coarse.numpy(), rate=RATE)

# %%
# What you hear can be seen in the spectrograms: harmonics above 2 kHz merge into bands.

figure, axes = plt.subplots(1, 3, figsize=(11, 4), sharey=True, layout="constrained")
window = torch.hann_window(2048)
for axis, (name, sound) in zip(axes, {"original": original, "paper": fine, "tiny": coarse}.items(), strict=True):
    power = torch.stft(sound, 2048, 512, window=window, return_complex=True).abs().square()
    level = 10 * torch.log10(power + 1e-6).numpy()
    axis.imshow(
        level, origin="lower", aspect="auto", extent=(0, 6, 0, RATE / 2000), vmin=level.max() - 70, cmap="magma"
    )
    axis.set(title=name, xlabel="seconds")
axes[0].set(ylabel="kHz", ylim=(0, 8))

# %%
# And measured: the distance of the spectra in dB (0 is perfect), and how much of the sharpness of note onsets remains
# (1: all).

for name, sound in {"paper": fine, "tiny": coarse}.items():
    result = fidelity(original[: len(sound)], sound, RATE)
    print(f"{name:6} log-spectral distance {result.log_distance:.1f} dB, sharpness of onsets {result.sharpness:.2f}")

# %%
# ``affetti audit`` measures such losses on your own corpus, with intervals: for lyrics, timbre, structure, genre and
# phase.
