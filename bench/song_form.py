"""Do the intervals of `score --form` hold, and does it find loops and songs whose parts are dealt anew?

    python bench/song_form.py CORPUS [--draws 200] [--songs 24]

CORPUS has songs of several clips. Two sets of so many of its songs are drawn, without a song in common, so that the
true difference of every mean is 0: printed is how often the interval of the difference holds 0, and how often a song
counts as a loop. Then the second set is changed: each song is its first clip over and over (loops), or its clips are in
random order (dealt), or every chorus is replaced by the first (exact returns). Printed is how often the interval
excludes 0, how often the structure curve lies above twice its floor, and the share of loops.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from affetti.corpus import Corpus
from affetti.embedders.clip_set import corpus_clips
from affetti.errors import InputError
from affetti.metrics.song_blocks import SongBlocks, song_blocks
from affetti.metrics.song_means import curve_distance, mean_beside_real, share_as_high
from affetti.studies.scorecard.form import LOOPS_BELOW, SongNumbers, frame_rate

CHANGES = ("none", "loops", "dealt", "exact returns")


def changed(mel: np.ndarray, songs: np.ndarray, sections: np.ndarray, change: str) -> np.ndarray:
    """The log-mels of the clips of songs, each song changed."""
    rng = np.random.default_rng(0)
    out = np.array(mel)
    for song in np.unique(songs):
        rows = np.flatnonzero(songs == song)
        if change == "loops":
            out[rows] = mel[rows[0]]
        elif change == "dealt":
            out[rows] = mel[rng.permutation(rows)]
        elif change == "exact returns":
            for kind in np.unique(sections[rows]):
                own = rows[sections[rows] == kind]
                out[own] = mel[own[0]]
    return out


def numbers(songs: list[SongBlocks]) -> SongNumbers:
    """What is measured of songs of one length."""
    seconds = float(np.median([song.seconds for song in songs]))
    return SongNumbers.of([song.first(seconds) for song in songs if song.seconds >= seconds / 2])


def taken(whole: SongNumbers, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What is measured of some songs."""
    return {
        "repetition": whole.repetition[rows],
        "section_contrast": whole.contrast[rows],
        "section_returns": whole.returns[rows],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--songs", type=int, default=24)
    given = parser.parse_args()
    if given.corpus is None:
        print("not measured: give a corpus of songs of several clips")
        return
    clips = corpus_clips(Corpus.open(given.corpus))
    if clips.corpus is None or clips.front_end is None:
        raise InputError("no corpus", where=given.corpus)
    table = clips.corpus.clips
    starts, sections = table["start"].to_numpy(dtype=float), table["section"].fillna("").to_numpy(dtype=str)
    rate = frame_rate(clips.front_end)
    measured = {
        change: numbers(
            song_blocks(changed(clips.mel, clips.songs, sections, change), clips.songs, starts, rate, sections)
        )
        for change in CHANGES
    }
    real = measured["none"]
    finite = np.isfinite(real.curves).all(axis=0)
    print(f"{len(real.songs)} songs, {given.draws} draws of {given.songs} against {given.songs}\n")
    print(
        "| second set | " + " | ".join(taken(real, np.arange(1))) + " | structure curve above twice its floor | loops |"
    )
    print("|---|---|---|---|---|---|")
    for change in CHANGES:
        rng = np.random.default_rng(1)
        excluded: defaultdict[str, list[bool]] = defaultdict(list)
        above: list[bool] = []
        looping: list[float] = []
        for _ in range(given.draws):
            order = rng.permutation(len(real.songs))
            first, second = order[: given.songs], order[given.songs : 2 * given.songs]
            pairs = zip(taken(real, first).items(), taken(measured[change], second).values(), strict=True)
            for (key, ours), theirs in pairs:
                low, high = mean_beside_real(ours, theirs).difference_ci
                excluded[key].append(not low <= 0 <= high)
            result = curve_distance(real.curves[first][:, finite], measured[change].curves[second][:, finite])
            above.append(result.floor is not None and result.value > 2 * result.floor)
            own = measured[change].depths[second]
            looping.append(float(np.mean([share_as_high(real.depths[first], depth) <= LOOPS_BELOW for depth in own])))
        cells = [f"{np.mean(values):.3f}" for values in excluded.values()]
        print(f"| {change} | {' | '.join(cells)} | {np.mean(above):.3f} | {np.mean(looping):.3f} |", flush=True)


if __name__ == "__main__":
    main()
