"""A corpus as a map-style PyTorch ``Dataset`` of log-mels and emotions, for ``DataLoader`` and ``Subset``."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Dataset

from affetti.errors import UsageError


class ClipStore(Protocol):
    """What the data set reads: :class:`affetti.corpus.Corpus`, or anything like it that can be pickled."""

    @property
    def mel(self) -> NDArray[np.float16]:
        """Log-mels in dB ``[N, M, F]``."""
        ...

    @property
    def labels(self) -> NDArray[np.float64]:
        """Valence and arousal ``[N, 2]`` in [-1, 1]."""
        ...

    @property
    def clips(self) -> pd.DataFrame:
        """The manifest, with a column ``clip_id``."""
        ...

    def __len__(self) -> int: ...


class ClipDataset(Dataset[dict[str, Any]]):
    """Clips of a corpus, in the order of ``rows``.

    Each item is ``{"mel": float32 [M, F] in dB, "emotion": float32 [2], valence and arousal in [-1, 1], "clip_id"}``.
    Log-mels are read from disk when an item is requested; the worker processes of a ``DataLoader`` map the file
    themselves, because a pickled corpus is its path.

    Args:
        corpus: an open corpus.
        rows: row numbers, such as ``corpus.fold(0).train``; all clips by default.

    Raises:
        UsageError: a row that the corpus does not have.
    """

    def __init__(self, corpus: ClipStore, rows: ArrayLike | None = None) -> None:
        chosen = np.arange(len(corpus)) if rows is None else np.asarray(rows)
        if chosen.ndim != 1 or (chosen.size and not np.issubdtype(chosen.dtype, np.integer)):
            raise UsageError("rows are not a list of row numbers", hint="give integers, such as corpus.fold(0).train")
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
