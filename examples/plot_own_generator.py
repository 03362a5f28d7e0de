"""
Your own generator behind ``Generator``
=======================================

A generator for affetti is a PyTorch module with one method that matters: ``sample``. Then it can be sampled, heard
and scored like those that come with affetti. This one is as simple as can be: each clip is a mean spectrogram, a
linear function of the emotion, and a mixture of the differences between real clips.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Audio
from torch import Tensor

from affetti import metrics
from affetti.compose import compose, render, valence_arousal
from affetti.models.base import Generator, SamplingParameter, resolve_sampling
from affetti.models.generators.conditioning import Fields
from affetti.models.noise import noise
from affetti.models.sampling import Sampler
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import MelSpectrogram
from affetti.signal.phase import griffin_lim

SMALL = os.environ.get("AFFETTI_EXAMPLES") == "small"

# %%
# **The model.** ``fit_statistics`` receives log-mels ``[N, M, F]`` in dB and conditions ``[N, 2]``; ``sample``
# receives conditions and a seed. Sample ``i`` of a seed must depend on the seed and ``i`` alone:
# :func:`affetti.models.noise.noise` gives such noise.


class LinearGenerator(Generator):
    """Log-mel = mean + slope · emotion + principal components · noise."""

    def __init__(self, components: int = 12) -> None:
        super().__init__()
        self.config, self.fields, self.components = None, Fields(), components

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        """A factor on the noise."""
        return (SamplingParameter("truncation", 1.0, "factor on the noise"),)

    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        """Least squares on the emotion, then principal components of what is left."""
        design = torch.cat([torch.ones(len(clips), 1), conditions[:, :2]], dim=1)
        flat = clips.flatten(1)
        self.weights = torch.linalg.lstsq(design, flat).solution
        _, scale, basis = torch.linalg.svd(flat - design @ self.weights, full_matrices=False)
        kept = scale[: self.components]
        self.basis = basis[: self.components] * kept[:, None] / len(clips) ** 0.5
        self.shape = clips.shape[1:]
        return {"kept_variance": float(kept.square().sum() / scale.square().sum())}

    @torch.inference_mode()
    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None, sampling=None) -> Tensor:
        """Generate clips for conditions ``[B, 2]``."""
        factor = resolve_sampling(sampling, self.sampling_parameters)["truncation"]
        index = torch.arange(len(condition)) if index is None else index
        design = torch.cat([torch.ones(len(condition), 1), condition[:, :2]], dim=1)
        clips = design @ self.weights + factor * noise(seed, index, (len(self.basis),)) @ self.basis
        return clips.unflatten(1, self.shape)


# %%
# **Fit it** on clips of composed songs. Songs of another seed are held out, to score against.

mel = MelSpectrogram.from_preset("tiny")
front = mel.front


def clips(seed: int, songs: int) -> tuple[Tensor, Tensor]:
    """A clip of each song ``[N, M, F]``, and the emotion of the section that it lies in ``[N, 2]``."""
    pieces = [compose(seed, song) for song in range(songs)]
    sounds = [render(piece, front.sample_rate)[: front.samples] for piece in pieces]
    emotions = [valence_arousal(piece.sections[0].cues) for piece in pieces]
    return mel(torch.from_numpy(np.stack(sounds))), torch.tensor(emotions)


train, conditions = clips(seed=1, songs=24 if SMALL else 30)
held_out, _ = clips(seed=2, songs=24 if SMALL else 30)
model = LinearGenerator().eval()
print(model.fit_statistics(train, conditions))

# %%
# **Sample it**, for a calm and for an excited emotion.

sampler = Sampler(model, front, seed=0)
emotions = torch.tensor([[0.4, -0.6], [0.4, 0.6]])
samples = sampler(emotions).mel
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
titles = ("a real clip", "calm, pleasant", "excited, pleasant")
for axis, clip, title in zip(axes, [train[0], *samples], titles, strict=True):
    axis.imshow(clip, origin="lower", aspect="auto", cmap="magma", vmin=-60, vmax=20)
    axis.set(title=title, xlabel="frame")
axes[0].set_ylabel("mel band")

# %%
# The excited one, as sound:

Audio(griffin_lim(invert_mel(samples[1], front), hop_length=front.hop_length).numpy(), rate=front.sample_rate)

# %%
# **Score it** against songs that it has not seen, beside what other real songs score.

generated = sampler(torch.rand(len(held_out), 2) * 2 - 1).mel.numpy()
for name, fake in {"linear generator": generated, "other real songs": train[: len(held_out)].numpy()}.items():
    score = metrics.quality_score(held_out.numpy(), fake)
    print(f"{name:17} {score.score:5.1f} [{score.ci[0]:.0f}, {score.ci[1]:.0f}]")

# %%
# It sounds as poor as it scores. To train a generator by gradient, and to use it in ``affetti train``, ``generate``
# and ``compare``, add a training objective and register it: three files, described in ``CONTRIBUTING.md``.
