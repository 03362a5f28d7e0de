"""Lyrics as numbers: an embedding of unit length for each line.

Without weights, words and their character n-grams are hashed into a few dozen signed buckets (Weinberger et al. 2009):
lines that share words or word stems have similar embeddings, and no other meaning is encoded. With ``transformers``
installed, any sentence-transformers model, by name or folder, takes its place: mean of the last layer over the tokens,
scaled to unit length, as those models are used.

When not to use: hashing across languages, or to distinguish "happy" from "not happy".
"""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from affetti.errors import InputError, UsageError, first_line

HASHED = "hashed"
SIZE = 48
"""Buckets of the hashed embedding."""


class TextEmbedder(Protocol):
    """Lines of text to embeddings of unit length."""

    name: str
    size: int

    def __call__(self, lines: list[str]) -> NDArray[np.float64]:
        """``[len(lines), size]``."""
        ...


class HashedText:
    """Words and their character trigrams, hashed; see the module."""

    name = HASHED
    size = SIZE

    def __call__(self, lines: list[str]) -> NDArray[np.float64]:
        """``[len(lines), size]``, rows of unit length."""
        vectors = np.zeros((len(lines), self.size))
        for row, line in enumerate(lines):
            for gram in _grams(line):
                code = int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=8).digest(), "big")
                vectors[row, (code >> 1) % self.size] += 1.0 if code & 1 else -1.0
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        # A line without a letter, or whose grams cancel, still is a line.
        vectors[length[:, 0] == 0] = 1.0 / np.sqrt(self.size)
        return vectors / np.where(length > 0, length, 1.0)


class SentenceText:
    """A sentence-transformers model by name or folder, through ``transformers``."""

    def __init__(self, name: str) -> None:
        try:
            from transformers import AutoModel, AutoTokenizer
        except ModuleNotFoundError as error:
            raise UsageError(
                f"{name} needs transformers", where="--text", hint="pip install 'affetti[encoders]'"
            ) from error
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            self._model = AutoModel.from_pretrained(name, use_safetensors=True).eval()
        # The library raises what the formats and clients beneath it raise, of no common root.
        except Exception as error:
            hint = "give a folder that save_pretrained wrote, or fetch the model once: hf download NAME"
            raise InputError(f"cannot be loaded ({first_line(error)})", where=name, hint=hint) from error
        self.name = name
        self.size = int(self._model.config.hidden_size)

    def __call__(self, lines: list[str]) -> NDArray[np.float64]:
        """``[len(lines), size]``, rows of unit length."""
        import torch

        tokens = self._tokenizer(lines, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = self._model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=1).double().numpy()


def text_embedder(name: str = HASHED) -> TextEmbedder:
    """The embedder named: ``hashed``, or a sentence-transformers model by name or folder.

    Raises:
        UsageError: ``transformers`` is not installed.
        InputError: the model cannot be loaded.
    """
    return HashedText() if name == HASHED else SentenceText(name)


def _grams(line: str) -> list[str]:
    words = re.findall(r"[^\W\d_]+", line.lower())
    padded = [f"^{word}$" for word in words]
    return words + [word[at : at + 3] for word in padded for at in range(len(word) - 2)]
