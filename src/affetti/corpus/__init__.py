"""Corpora: labelled clips of log-mels on disk, real or synthetic, with splits that do not leak."""

from affetti.corpus.store import Corpus

__all__ = ["Corpus"]
