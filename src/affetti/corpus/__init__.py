"""Corpora: labelled clips of log-mels on disk, real or synthetic, with splits that do not leak.

``affetti.corpus.open(path)`` opens one; :mod:`affetti.corpus.exchange` takes it to and from Hugging Face ``datasets``.
"""

from affetti.corpus.store import Clip, Corpus

open = Corpus.open  # noqa: A001 - read as corpus.open, like io.open and Image.open

__all__ = ["Clip", "Corpus", "open"]
