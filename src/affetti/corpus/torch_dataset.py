"""A corpus as PyTorch sees it: a map-style ``Dataset`` of log-mels and emotions, for ``DataLoader`` and ``Subset``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Dataset

from affetti.errors import UsageError

if TYPE_CHECKING:
    from affetti.corpus.store import Corpus


class ClipDataset(Dataset[dict[str, Any]]):
    """Clips of a corpus, in the order of ``rows``.

    Each item is ``{"mel": float32 [M, F] in dB, "emotion": float32 [2], valence and arousal in [-1, 1], "clip_id"}``.
    Log-mels are read from disk as they are asked for; worker processes map the file themselves.

    Args:
        corpus: an open corpus.
        rows: row numbers, such as ``corpus.fold(0).train``; all clips by default.

    Raises:
        UsageError: a row that the corpus does not have.
    """

    def __init__(self, corpus: Corpus, rows: ArrayLike | None = None) -> None:
        chosen = np.arange(len(corpus)) if rows is None else np.asarray(rows)
        if chosen.ndim != 1 or (chosen.size and not np.issubdtype(chosen.dtype, np.integer)):
            raise UsageError("rows are not a list of row numbers", hint="give such as corpus.fold(0).train")
        outside = [int(row) for row in chosen if not 0 <= row < len(corpus)]
        if outside:
            raise UsageError(f"row {outside[0]} of {len(corpus)} clips", hint="rows count from 0")
        self.corpus = corpus
        self.rows: NDArray[np.intp] = chosen.astype(np.intp)
        self.emotions = torch.from_numpy(corpus.labels[self.rows]).float()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        return {
            "mel": torch.from_numpy(self.corpus.mel[row].astype(np.float32)),
            "emotion": self.emotions[index],
            "clip_id": str(self.corpus.clips["clip_id"].iloc[row]),
        }
