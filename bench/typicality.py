"""Is the typicality of clips of new real songs uniform, and how low is it for clips that are none?

    python bench/typicality.py [CORPUS]

Real songs are a mixture of three styles of unequal frequency and spread, of one or four clips that share 70 % of their
variance. Printed, over many draws: the share of clips of new songs below each level, and beside it that of real clips
each against the other songs, as the scorecard shows it. Then the share below .05 of synthetic clips: of noise, of a law
that is wider, of a style that is missing among the real songs, of the mean of all music. With CORPUS, half of whose
songs stand for real and half for new ones, the same of its clips in the scorecard's features.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.corpus import Corpus
from affetti.embedders.base import Standardiser
from affetti.embedders.statistics import embed_statistics
from affetti.metrics import typicality

Floats = NDArray[np.float64]
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75)
SHARES, SPREADS = (0.6, 0.3, 0.1), (1.0, 0.5, 1.5)
HEADER = " | ".join(f"< {level:g}" for level in LEVELS)
TIMES, NEW = 200, 50


def songs(count: int, clips: int, dimension: int, rng: np.random.Generator, style: int | None = None) -> Floats:
    """Clips ``[count * clips, D]`` of songs, all of one style if it is given."""
    centres = 2 * np.random.default_rng(0).normal(size=(3, dimension))
    kind = rng.choice(3, count, p=SHARES) if style is None else np.full(count, style)
    both = np.repeat(rng.normal(size=(count, dimension)), clips, axis=0)
    own = rng.normal(size=(count * clips, dimension))
    kind = np.repeat(kind, clips)
    return centres[kind] + np.array(SPREADS)[kind, None] * (np.sqrt(0.7) * both + np.sqrt(0.3) * own)


def shares(p: Floats) -> str:
    """Share below each level, as cells of a table."""
    return " | ".join(f"{(p < level).mean():.3f}" for level in LEVELS)


def simulated() -> None:
    """Clips of new songs of the law of real ones."""
    print(
        "| real songs | clips of each | features | "
        + " | ".join(f"< {level:g}" for level in LEVELS)
        + " | real < .05 |"
    )
    print("|---" * (4 + len(LEVELS)) + "|")
    for count in (24, 50, 100, 400):
        for clips, dimension in ((1, 16), (4, 16), (1, 240)):
            rng = np.random.default_rng([count, clips, dimension])
            p: list[Floats] = []
            low: list[float] = []
            for _ in range(TIMES if count < 400 else TIMES // 4):
                real, new = songs(count, clips, dimension, rng), songs(NEW, clips, dimension, rng)[::clips]
                result = typicality(real, new, np.repeat(np.arange(count), clips))
                p.append(result.p)
                low.append(result.real_low)
            print(f"| {count} | {clips} | {dimension} | {shares(np.concatenate(p))} | {np.mean(low):.3f} |", flush=True)


def synthetic() -> None:
    """Clips that are no music, or not of all of it."""
    rng, dimension = np.random.default_rng(1), 16
    real = songs(100, 1, dimension, rng)

    kinds = {
        "noise, of the mean and deviation of each feature": real.mean(axis=0)
        + real.std(axis=0) * rng.normal(size=(500, dimension)),
        "real music, 1.3 times as far from its mean": 1.3 * (songs(500, 1, dimension, rng) - real.mean(axis=0))
        + real.mean(axis=0),
        "the rarest style alone": songs(500, 1, dimension, rng, style=2),
        "the mean of all music": np.repeat(real.mean(axis=0, keepdims=True), 500, axis=0),
        "copies of real clips": real[rng.integers(100, size=500)] + 0.1 * rng.normal(size=(500, dimension)),
    }
    print(f"\n| synthetic clips | {HEADER} |\n" + "|---" * 7 + "|")
    for name, rows in kinds.items():
        print(f"| {name} | {shares(typicality(real, rows).p)} |")


def of_corpus(corpus: Corpus) -> None:
    """One clip each of songs that are held out, against the others."""
    rows, names = embed_statistics(corpus.mel), np.unique(corpus.songs)
    print(
        f"\n{corpus.path.name}\n\n| real songs | " + " | ".join(f"< {level:g}" for level in LEVELS) + " | real < .05 |"
    )
    print("|---" * (2 + len(LEVELS)) + "|")
    for count in (24, len(names) // 2):
        p: list[Floats] = []
        low: list[float] = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            dealt = rng.permutation(names)
            real = np.flatnonzero(np.isin(corpus.songs, dealt[:count]))
            new = [rng.choice(np.flatnonzero(corpus.songs == song)) for song in dealt[count : 2 * count]]
            standard = Standardiser.fit(rows[real])
            result = typicality(standard(rows[real]), standard(rows[new]), corpus.songs[real])
            p.append(result.p)
            low.append(result.real_low)
        print(f"| {count} | {shares(np.concatenate(p))} | {np.mean(low):.3f} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        simulated()
        synthetic()
        for path in sys.argv[1:]:
            of_corpus(Corpus.open(path))
