"""Does the 95 % interval of a Shapley share hold the truth 95 times of 100? With fixed fits, widened, and with refits.

Songs of four clips; a base of eight features, and three groups of three that add 8 %, 3 % and nothing to the variance
of a label, of which songs share half. The truth of a share is what readers trained on as many songs as a fold has
explain of songs without end, mean over training sets: the fits of all corpora drawn here, on 4,000 other songs.
Of each corpus the interval that resamples test songs and keeps the fits; the same wider by √(1 + 5/4) (Nadeau & Bengio
2003), as affetti reports it; and, on fewer corpora, songs drawn again with everything fitted again on each draw.
A group that was selected in no fold has no interval, and is not counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.metrics.agreement import bootstrap_ci
from affetti.studies.audit.probes import linear_probe

GROUPS = {"strong": 0.08, "weak": 0.03, "none": 0.0}
"""Share of the label's variance that each group brings in."""
BASE_SHARE, SONG_SHARE = 0.4, 0.5
"""Of the label's variance what the base explains; of the rest what songs share."""
CLIPS, BASE, WIDTH = 4, 8, 3
RESAMPLES, REFITS = 300, 100

Floats = NDArray[np.float64]
Drawn = tuple[Floats, dict[str, Floats], Floats, NDArray[np.str_]]


def draw(n_songs: int, rng: np.random.Generator) -> Drawn:
    """Base features, groups, label ``[N, 1]`` and songs of a corpus."""
    song = np.repeat(np.arange(n_songs), CLIPS)

    def features(width: int) -> Floats:
        own = rng.normal(size=(len(song), width))
        return np.sqrt(SONG_SHARE) * rng.normal(size=(n_songs, width))[song] + np.sqrt(1 - SONG_SHARE) * own

    base, groups = features(BASE), {name: features(WIDTH) for name in GROUPS}
    label = np.sqrt(BASE_SHARE / BASE) * base.sum(axis=1)
    for name, share in GROUPS.items():
        label = label + np.sqrt(share / WIDTH) * groups[name].sum(axis=1)
    rest = 1 - BASE_SHARE - sum(GROUPS.values())
    label = label + np.sqrt(rest) * features(1)[:, 0]
    return base, groups, label[:, None], song.astype(str)


def share(lessened: Floats, label: Floats) -> float:
    """Percent of the label's variance."""
    return 100 * linear_probe.variance_share(lessened, label)


def contributions(corpus: Drawn) -> dict[str, Floats]:
    """By group what it lessens of each clip's squared error, out of fold."""
    base, groups, label, songs = corpus
    predictions = linear_probe.cross_val_subsets(base, groups, label, songs)
    return {name: linear_probe.shapley_contributions(predictions, name, label) for name in GROUPS}


def on_others(corpus: Drawn, others: Drawn) -> dict[str, float]:
    """Shares on ``others`` of readers fitted to one fold's training songs of ``corpus``."""
    base, groups, label, songs = corpus
    kept = np.isin(
        songs, np.unique(songs)[: len(np.unique(songs)) * (linear_probe.N_FOLDS - 1) // linear_probe.N_FOLDS]
    )
    fits = linear_probe.fit_subsets(base[kept], {name: g[kept] for name, g in groups.items()}, label[kept], songs[kept])
    whole = linear_probe.concatenated(others[0], *others[1].values())
    predictions = {chosen: fit.predict(whole) for chosen, fit in fits.items()}
    return {name: share(linear_probe.shapley_contributions(predictions, name, others[2]), others[2]) for name in GROUPS}


def redrawn(corpus: Drawn, rng: np.random.Generator) -> Iterator[dict[str, float]]:
    """Shares where songs are drawn with replacement and all is fitted again; copies of a song stay in one fold."""
    base, groups, label, songs = corpus
    for _ in range(REFITS):
        chosen = linear_probe.draw_songs(songs, rng)
        again = base[chosen], {name: g[chosen] for name, g in groups.items()}, label[chosen], songs[chosen]
        yield {name: share(its, again[2]) for name, its in contributions(again).items()}


def main() -> None:
    """Print the coverage of each way by number of songs and group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=200)
    parser.add_argument("--with-refits", type=int, default=40, help="corpora on which everything is fitted again")
    parser.add_argument("--songs", type=int, nargs="+", default=[100, 300])
    arguments = parser.parse_args()
    print(
        "| songs | group | true share, % | fixed fits | × √(1 + 5/4) | refits | "
        "mean width: fixed | × √(1 + 5/4) | refits |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for n_songs in arguments.songs:
        rng = np.random.default_rng(n_songs)
        others = draw(4_000, rng)
        ends: dict[str, list[list[tuple[float, float]]]] = {name: [[], [], []] for name in GROUPS}
        truths: dict[str, list[float]] = {name: [] for name in GROUPS}
        for i in range(arguments.corpora):
            corpus = draw(n_songs, rng)
            for name, value in on_others(corpus, others).items():
                truths[name].append(value)
            again = list(redrawn(corpus, rng)) if i < arguments.with_refits else []
            for name, lessened in contributions(corpus).items():
                if not lessened.any():
                    continue
                value = share(lessened, corpus[2])
                ci = bootstrap_ci(share, lessened, corpus[2], groups=corpus[3], seed=i, resamples=RESAMPLES)
                ends[name][0].append(ci)
                ends[name][1].append(linear_probe.widen_interval(value, ci))
                if again:
                    low, high = np.quantile([its[name] for its in again], [0.025, 0.975])
                    ends[name][2].append((float(low), float(high)))
        for name in GROUPS:
            truth = float(np.mean(truths[name]))
            intervals = [np.array(way) for way in ends[name]]
            covered = [f"{np.mean((x[:, 0] <= truth) & (truth <= x[:, 1])):.2f}" for x in intervals]
            widths = [f"{np.mean(x[:, 1] - x[:, 0]):.1f}" for x in intervals]
            print(f"| {n_songs} | {name} | {truth:.1f} | {' | '.join(covered)} | {' | '.join(widths)} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
