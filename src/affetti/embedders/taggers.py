"""Music taggers as embedders: FCN and MusiCNN, trained to name the 50 commonest tags of MagnaTagATune.

Rebuilt after Won, Ferraro, Bogdanov & Serra (2020), "Evaluation of CNN-based automatic music tagging models": FCN is
Choi, Fazekas & Sandler (2016), five convolutions over 29 s; MusiCNN is Pons et al. (2018), wide filters across
frequency for timbre and along time for rhythm, over 3 s. The published weights (MIT) bring their own front-end: 16 kHz,
Hann window of 512 samples, hop 256, power, 96 mel bands, dB. Levels are not normalised, so embeddings depend on
loudness.

The embedding is the input of the tag layer. It represents instruments, texture and genre, hardly pitch and harmony, and
emotion only as far as tags name it. For clips much shorter than 29 s, which FCN sees repeated, prefer MusiCNN.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.embedders import weights
from affetti.embedders.base import FunctionEmbedder
from affetti.embedders.windows import mean_over_windows
from affetti.errors import InputError
from affetti.storage import read_error

SAMPLE_RATE = 16_000
N_FFT = 512
HOP_LENGTH = 256
N_MELS = 96
TAGS = 50


class _Layer(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, conv: nn.Conv1d | nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.bn = (nn.BatchNorm2d if isinstance(conv, nn.Conv2d) else nn.BatchNorm1d)(conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Tagger(nn.Module, ABC):
    """A tagger of waveforms ``[B, T]`` at 16 kHz; names of modules are those of the published state dicts."""

    samples: int
    """Length of its input window, samples."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = nn.Module()
        self.spec.spectrogram = nn.Module()
        self.spec.spectrogram.register_buffer("window", torch.hann_window(N_FFT))
        self.spec.mel_scale = nn.Module()
        self.spec.mel_scale.register_buffer("fb", torch.zeros(N_FFT // 2 + 1, N_MELS))
        self.spec_bn = nn.BatchNorm2d(1)

    def log_mel(self, waveform: Tensor) -> Tensor:
        """Normalised dB log-mels ``[B, 1, 96, F]`` of ``[B, T]``."""
        window, bands = self.get_buffer("spec.spectrogram.window"), self.get_buffer("spec.mel_scale.fb")
        spectrum = torch.stft(waveform, N_FFT, HOP_LENGTH, window=window, pad_mode="reflect", return_complex=True)
        power = spectrum.abs().square().transpose(1, 2) @ bands
        return self.spec_bn(10.0 * torch.log10(power.clamp_min(1e-10)).transpose(1, 2).unsqueeze(1))

    @abstractmethod
    def embed_window(self, waveform: Tensor) -> Tensor:
        """The embedding ``[B, D]`` of windows ``[B, samples]``."""

    @abstractmethod
    def logits(self, embedding: Tensor) -> Tensor:
        """Logits of the tags ``[B, 50]``."""

    def forward(self, waveform: Tensor) -> Tensor:
        """The embedding ``[B, D]`` of clips ``[B, T]`` of any length, the mean over windows."""
        return mean_over_windows(self.embed_window, waveform, self.samples)

    @torch.inference_mode()
    def tags(self, waveform: Tensor) -> Tensor:
        """Probability of each tag ``[B, 50]`` in clips ``[B, T]`` of any length, the mean over windows."""
        return mean_over_windows(lambda part: self.logits(self.embed_window(part)).sigmoid(), waveform, self.samples)


class Fcn(Tagger):
    """Five convolutions over frequency and time."""

    samples = 29 * SAMPLE_RATE

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = _Layer(nn.Conv2d(1, 64, 3, padding=1))
        self.layer2 = _Layer(nn.Conv2d(64, 128, 3, padding=1))
        self.layer3 = _Layer(nn.Conv2d(128, 128, 3, padding=1))
        self.layer4 = _Layer(nn.Conv2d(128, 128, 3, padding=1))
        self.layer5 = _Layer(nn.Conv2d(128, 64, 3, padding=1))
        self.dense = nn.Linear(64, TAGS)

    def embed_window(self, waveform: Tensor) -> Tensor:
        """The embedding ``[B, 64]`` of windows ``[B, 464 000]``."""
        x = self.log_mel(waveform)
        layers = (self.layer1, self.layer2, self.layer3, self.layer4, self.layer5)
        # 96 bands × 1,813 frames are pooled to 1 × 1.
        for layer, pool in zip(layers, ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4)), strict=True):
            x = nn.functional.max_pool2d(layer(x), pool)
        return x.flatten(1)

    def logits(self, embedding: Tensor) -> Tensor:
        """Logits of the tags ``[B, 50]``."""
        return self.dense(embedding)


class Musicnn(Tagger):
    """Filters for timbre and for rhythm, and three convolutions along time."""

    samples = 3 * SAMPLE_RATE

    def __init__(self) -> None:
        super().__init__()
        timbral = [nn.Conv2d(1, 204, (height, 7), padding=(0, 3)) for height in (67, 38)]
        temporal = [nn.Conv1d(1, 51, width, padding=width // 2) for width in (129, 65, 33)]
        self.layers = nn.ModuleList(_Layer(conv) for conv in (*timbral, *temporal))
        self.layer1 = _Layer(nn.Conv1d(561, 64, 7, padding=3))
        self.layer2 = _Layer(nn.Conv1d(64, 64, 7, padding=3))
        self.layer3 = _Layer(nn.Conv1d(64, 64, 7, padding=3))
        self.dense1 = nn.Linear(2 * (561 + 3 * 64), 200)
        self.bn = nn.BatchNorm1d(200)
        self.dense2 = nn.Linear(200, TAGS)

    def embed_window(self, waveform: Tensor) -> Tensor:
        """The embedding ``[B, 200]`` of windows ``[B, 48 000]``."""
        x = self.log_mel(waveform)
        level = x.mean(dim=2)
        timbre = [layer(x).amax(dim=2) for layer in self.layers[:2]]
        filtered = torch.cat([*timbre, *[layer(level) for layer in self.layers[2:]]], dim=1)
        first = self.layer1(filtered)
        second = first + self.layer2(first)
        third = second + self.layer3(second)
        joined = torch.cat([filtered, first, second, third], dim=1)
        pooled = torch.cat([joined.amax(dim=2), joined.mean(dim=2)], dim=1)
        return torch.relu(self.bn(self.dense1(pooled)))

    def logits(self, embedding: Tensor) -> Tensor:
        """Logits of the tags ``[B, 50]``."""
        return self.dense2(embedding)


TAGGERS: dict[str, type[Tagger]] = {"fcn": Fcn, "musicnn": Musicnn}


def load_tagger(name: str, path: str | Path) -> Tagger:
    """The tagger ``name``, one of :data:`TAGGERS`, with the weights in ``path``.

    Raises:
        InputError: the file cannot be read, or holds the weights of another model.
    """
    tagger = TAGGERS[name]()
    try:
        tagger.load_state_dict(weights.read_weights(Path(path)))
    except RuntimeError as error:
        raise InputError(
            f"not the weights of {name}",
            where=path,
            hint="give those of sota-music-tagging-models, models/mtat/" + name,
        ) from error
    return tagger.eval()


def tag_names(path: str | Path) -> NDArray[np.str_]:
    """Names of the tags ``[50]``, from the ``.npy`` that is published beside the weights.

    Raises:
        InputError: it is not an array of 50 names.
        StorageError: the file is missing or may not be read.
    """
    try:
        names = np.load(path, allow_pickle=False)
    except OSError as error:
        raise read_error(Path(path), error) from error
    except (ValueError, EOFError) as error:
        raise InputError(f"not a NumPy array ({error})", where=path, hint="give mtat_tags.npy") from error
    if names.shape != (TAGS,) or names.dtype.kind != "U":
        raise InputError(f"not {TAGS} names", where=path, hint="give mtat_tags.npy")
    return names


def tagger_embedder(name: str, path: str, device: str = "cpu") -> FunctionEmbedder:
    """The tagger ``name`` as an embedder that runs on ``device``; raises as :func:`load_tagger` does."""
    tagger = load_tagger(name, path)
    version = f"{name}-1-{weights.fingerprint(tagger.state_dict())}"
    network = tagger.to(device)
    return FunctionEmbedder(name, version, lambda sound: network(sound.to(device)), SAMPLE_RATE)
