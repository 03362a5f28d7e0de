"""The sound of a corpus's clips, for models of waveforms.

A corpus keeps it on request, as FLAC at its own sample rate. Files are decoded as they are needed; of a clip longer
than a model's window a random piece is taken, by torch's global generator, which the loop seeds at each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.corpus import Corpus
from affetti.corpus.store import audio_file
from affetti.errors import InputError
from affetti.rows import evenly_spaced
from affetti.signal import audio
from affetti.training.clips import Clips


@dataclass(frozen=True)
class SoundClips(Clips):
    """As :class:`affetti.training.clips.Clips`, but batches are of waveforms ``[B, T]`` in [-1, 1]."""

    files: tuple[Path, ...]
    """Where the sound of each row lies."""
    sample_rate: int
    samples: int
    """Samples of a clip."""
    window: int
    """Samples of a piece in a batch, at most; shorter clips are given whole."""

    def take(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Waveforms ``[B, min(samples, window)]`` and labels of the given rows, float32."""
        length = min(self.samples, self.window)
        pieces = torch.stack([self._piece(self.files[row], length) for row in rows])
        return pieces, torch.from_numpy(self.labels[rows].astype(np.float32))

    def sample(self, limit: int = 1 << 24) -> tuple[Tensor, Tensor]:
        """As :meth:`affetti.training.clips.Clips.sample`: whole waveforms ``[n, samples]``, about ``limit`` values.

        The loudest of all clips is among them: a model's scale is its peak.
        """
        most = max(16, limit // self.samples)
        places = evenly_spaced(len(self), most)
        peaks = [float(self._piece(self.files[row], self.samples).abs().max()) for row in self.rows]
        chosen = self.rows[np.union1d(places, np.argmax(peaks))]
        whole = torch.stack([self._piece(self.files[row], self.samples) for row in chosen])
        return whole, torch.from_numpy(self.labels[self.rows].astype(np.float32))

    def _piece(self, file: Path, length: int) -> Tensor:
        sound = audio.load(file, self.sample_rate)[: self.samples]
        sound = torch.nn.functional.pad(sound, (0, self.samples - len(sound)))
        start = int(torch.randint(0, self.samples - length + 1, ()))
        return sound[start : start + length]


def sound_clips(corpus: Corpus, labels: NDArray[np.float64], rows: NDArray[np.intp], window: int | None) -> SoundClips:
    """The sound of ``rows`` of a corpus.

    Args:
        corpus: one that kept its audio.
        labels: labels or conditions of all its clips, ``[N, K]``.
        rows: the rows that a model is trained on.
        window: samples of a piece, at most; None: whole clips.

    Raises:
        InputError: the corpus kept no audio, or a file is missing.
    """
    folder = corpus.path / "audio"
    again = "prepare it again with --keep-audio"
    if not folder.is_dir():
        raise InputError("kept no audio, which a model of waveforms is trained on", where=corpus.path, hint=again)
    files = tuple(audio_file(folder, name) for name in corpus.clips["clip_id"])
    for row in rows:
        if not files[row].is_file():
            raise InputError("the sound of a clip is missing", where=files[row], hint=again)
    front = corpus.front_end
    length = front.samples if window is None else window
    return SoundClips(corpus.mel, labels, rows, files, front.sample_rate, front.samples, length)
