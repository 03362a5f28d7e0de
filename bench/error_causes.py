"""How often intervals of the coefficients of an error contain the truth: what goes with the errors of a regressor.

    python bench/error_causes.py [--sets 200]

Songs of three clips. The error of a clip is 0.3 plus 0.05 a standard deviation of ``strong``, 0.01 of ``weak`` and
nothing of ``none``, plus what its song has (deviation .1) and what it has itself (.05); the three values are of songs,
and correlated by .3. Each interval is that of ``affetti audit --only errors``: nominally 95 %, over songs.
"""

from __future__ import annotations

import argparse

import numpy as np

from affetti.studies.audit.probes.error_causes import explain_errors

TRUTH = {"strong": 0.05, "weak": 0.01, "none": 0.0}
CLIPS, CORRELATION = 3, 0.3


def intervals(songs: int, seed: int) -> dict[str, tuple[float, float]]:
    """The intervals of one set of songs."""
    rng = np.random.default_rng([songs, seed])
    shared = rng.normal(size=(songs, 1))
    values = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * rng.normal(size=(songs, len(TRUTH)))
    error = 0.3 + values @ np.array(list(TRUTH.values())) + 0.1 * rng.normal(size=songs)
    clips = np.repeat(error, CLIPS) + 0.05 * rng.normal(size=songs * CLIPS)
    design = {name: np.repeat(values[:, i], CLIPS) for i, name in enumerate(TRUTH)}
    return dict(explain_errors(clips, design, np.repeat(np.arange(songs).astype(str), CLIPS), seed).intervals)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    sets = parser.parse_args().sets
    print("| songs | value | true coefficient | contains it | excludes 0 | mean width |\n|---|---|---|---|---|---|")
    for songs in (30, 100, 300):
        drawn = [intervals(songs, seed) for seed in range(sets)]
        for name, truth in TRUTH.items():
            low, high = np.array([each[name] for each in drawn]).T
            inside, found = ((low <= truth) & (truth <= high)).mean(), ((low > 0) | (high < 0)).mean()
            print(
                f"| {songs} | {name} | {truth:g} | {inside:.2f} | {found:.2f} | {(high - low).mean():.3f} |", flush=True
            )


if __name__ == "__main__":
    main()
