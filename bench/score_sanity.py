"""Whether the Quality Score can be fooled: held-out, spoilt and degraded real music under four scores.

    python bench/score_sanity.py CORPUS...            (made by ``affetti prepare … --front-end paper --keep-audio``)

One clip a song, cut from the middle of its sound; half of the songs are the reference, the other half is scored:
unchanged, changed harmlessly, as raw material for cheats, and degraded step by step. The cheats are scored at 6 and at
17 seconds, where the sound is that long. The Quality Score is compared with the study's published formula and, on the
default features, the Fréchet distance as a multiple of what held-out music scores (FAD) and the kernel distance (KAD).
Families marked as seen were used while the score was designed, the others in this table alone.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from affetti.corpus import Corpus
from affetti.embedders.base import Standardiser
from affetti.embedders.statistics import embed_statistics
from affetti.metrics import clip_features, frechet, kernel_distance, quality_score
from affetti.metrics.quality_calibration import Calibration, columns_of, standardised
from affetti.metrics.sample import Codes, Floats, Sample
from affetti.presets import MEL_FRONT_ENDS
from affetti.signal.mel import MelSpectrogram
from score_cheats import CHEATS
from score_degradations import DEGRADATIONS, HARMLESS
from score_material import Family, Mels, Real, Waves

SHORT, LONG = 5.9, 17.0
"""Seconds."""
LENIENT = {"blocks in random order, of 1 s": 75, "halves of two songs spliced": 75}
"""What a cheat must stay under at 6 s, where that is not 50."""
EXEMPT = ("two songs at once, in power",)
SONGS = (8, 16, 24, 40)
"""Songs a side for which halves of real music are scored."""
DRAWS = 200


@dataclass(frozen=True)
class Scorer:
    """The reference and what held-out music scores against it."""

    reference: Mels
    held_out: Mels

    def __call__(self, mels: Mels) -> tuple[float, tuple[float, float], float, float, float]:
        """Our score and its interval, the published one, and the distances over those of held-out music."""
        ours = quality_score(self.reference, mels)
        x, real = embed_statistics(self.reference), embed_statistics(self.held_out)
        scale = Standardiser.fit(x)
        made = scale(embed_statistics(mels))
        distance = frechet(scale(x), made).value / abs(frechet(scale(x), scale(real)).value)
        kernel = kernel_distance(scale(x), made)
        return ours.score, ours.ci, ours.published.score, distance, kernel


def read(paths: Sequence[Path], limit: int, seed: int) -> Waves:
    """Sound of one clip a song, in random order; cut to the shortest."""
    rng = np.random.default_rng(seed)
    sounds: list[Waves] = []
    for path in paths:
        corpus = Corpus.open(path)
        rows = rng.permutation(len(corpus))
        _, first = np.unique(corpus.songs[rows], return_index=True)
        names = corpus.clips["clip_id"].to_numpy(dtype=str)[np.sort(rows[first])]
        files = [corpus.path / "audio" / f"{name}.flac" for name in names]
        sounds += [np.asarray(soundfile.read(file, dtype="float32")[0], np.float32) for file in files]
    length = min(map(len, sounds))
    waves = np.stack([sound[(len(sound) - length) // 2 :][:length] for sound in sounds])
    return waves[rng.permutation(len(waves))[: 2 * limit]]


def cut(waves: Waves, seconds: float) -> Real | None:
    """The middle of each clip and its log-mel at ``tiny``; ``None`` where the sound is shorter."""
    front = replace(MEL_FRONT_ENDS["tiny"], seconds=seconds)
    if waves.shape[1] < front.samples:
        return None
    start = (waves.shape[1] - front.samples) // 2
    empty = Real(waves[:, start : start + front.samples], np.zeros((0, 0, 0), np.float32), MelSpectrogram(front))
    return replace(empty, mels=empty.log_mels(empty.waves).astype(np.float16).astype(np.float32))


def halves(real: Real) -> tuple[Mels, Real]:
    """The reference, and what is to be spoilt."""
    half = len(real.mels) // 2
    return real.mels[:half], Real(real.waves[half : 2 * half], real.mels[half : 2 * half], real.to_mel)


class Table:
    """Rows as they are made, and the conditions that do not hold."""

    def __init__(self, short: Real, long: Real | None, distances: bool) -> None:
        reference, self.short = halves(short)
        self.score, self.distances = Scorer(reference, self.short.mels), distances
        self.long = None if long is None else halves(long)
        self.failures: list[str] = []

    def header(self) -> None:
        """Names of the columns."""
        print("| what | seen | strength | 6 s [95 %] | published | Fréchet × real | kernel | 17 s |")
        print("|---|---|---|---|---|---|---|---|")

    def row(self, family: Family | None, strength: float, long: bool) -> tuple[float, float | None]:
        """Score a family (held-out music where there is none) at 6 s and, if wished, at 17 s."""

        def spoilt(real: Real) -> Mels:
            return real.mels if family is None else family.spoil(real, strength, np.random.default_rng(1))

        if self.distances:
            ours, ci, published, distance, kernel = self.score(spoilt(self.short))
            beside = f"{published:.0f} | {distance:.1f} | {kernel:.3f}"
        else:
            result = quality_score(self.score.reference, spoilt(self.short))
            ours, ci, beside = result.score, result.ci, f"{result.published.score:.0f} | | "
        longer = None
        if long and self.long is not None:
            longer = quality_score(self.long[0], spoilt(self.long[1])).score
        name = "held-out real music" if family is None else family.name
        known = "" if family is None else "yes" if family.seen else "no"
        shown = f"{strength:g}" if family is not None and len(family.strengths) > 1 else ""
        last = "" if longer is None else f"{longer:.1f}"
        print(f"| {name} | {known} | {shown} | {ours:.1f} [{ci[0]:.0f}, {ci[1]:.0f}] | {beside} | {last} |", flush=True)
        return ours, longer

    def at_least(self, family: Family | None, least: float) -> None:
        """Score what must not fall."""
        for score, seconds in zip(self.row(family, 1.0, long=True), (6, 17), strict=True):
            if score is not None and score < least:
                name = "held-out real music" if family is None else family.name
                self.failures.append(f"{name} scores under {least:g} at {seconds} s")

    def at_most(self, family: Family) -> None:
        """Score a cheat; one that passes unseen is no failure of the design but of the score, and is named too."""
        for score, seconds in zip(self.row(family, 1.0, long=True), (6, 17), strict=True):
            most = LENIENT.get(family.name, 50) if seconds == 6 else 50
            if score is not None and score >= most and family.name not in EXEMPT:
                self.failures.append(f"{family.name} scores {most} or more at {seconds} s")

    def ladder(self, family: Family) -> None:
        """Score a degradation at all its strengths; it must not rise but by chance."""
        scores = [self.row(family, strength, long=False)[0] for strength in family.strengths]
        rises = [b - a for a, b in itertools.pairwise(scores) if a > 5]
        if rises and max(rises) > 2:
            self.failures.append(f"{family.name} rises by {max(rises):.1f}")


def score_of(features: dict[str, Floats], real: Codes, fake: Codes, seed: int) -> float:
    """What ``quality_score`` gives for these clips, of which the features are known already."""
    reference, other = ({part: rows[clips] for part, rows in features.items()} for clips in (real, fake))
    first, second = (Sample.of(standardised(side, reference), None, "songs") for side in (reference, other))
    rng = np.random.default_rng(seed)
    return Calibration.of(first, second, len(real) // 2, columns_of(features), (rng, rng)).total


def real_halves(real: Real, name: str) -> list[str]:
    """Scores of real songs against other real songs, by number; what fails."""
    print(f"\n| {name}: songs a side | 5 % | median | share ≥ 90 |")
    print("|---|---|---|---|")
    failures: list[str] = []
    features = clip_features(real.mels)
    for count in SONGS:
        if 2 * count > len(real.mels):
            continue
        scores: list[float] = []
        for draw in range(DRAWS):
            rows = np.random.default_rng([draw, count]).permutation(len(real.mels))
            scores.append(score_of(features, rows[:count], rows[count : 2 * count], draw))
        share = float(np.mean(np.array(scores) >= 90))
        print(f"| {count} | {np.quantile(scores, 0.05):.1f} | {np.median(scores):.1f} | {share:.3f} |", flush=True)
        if count >= 40 and share < 0.95:
            failures.append(f"real halves of {count} songs reach 90 in {share:.0%} only")
    return failures


def main() -> None:
    """Print the tables and the conditions that do not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--songs", type=int, default=10_000, help="songs a side, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=("all", "halves", "cheats", "degradations"), default="all")
    parser.add_argument("--no-distances", action="store_true", help="leave out FAD and KAD, which are slow")
    flags = parser.parse_args()
    torch.set_num_threads(1)
    waves = read(flags.corpus, flags.songs, flags.seed)
    short, long = cut(waves, SHORT), cut(waves, LONG)
    if short is None:
        parser.error(f"the kept sound is {waves.shape[1]} samples long, shorter than {SHORT:g} s")
    print(f"{', '.join(map(str, flags.corpus))}: {len(waves) // 2} songs a side\n")
    table = Table(short, long, not flags.no_distances)
    if flags.part in ("all", "cheats", "degradations"):
        table.header()
    if flags.part in ("all", "cheats"):
        table.at_least(None, 90)
        for family in HARMLESS:
            table.at_least(family, 85)
        for family in CHEATS:
            table.at_most(family)
    if flags.part in ("all", "degradations"):
        for family in DEGRADATIONS:
            table.ladder(family)
    if flags.part in ("all", "halves"):
        table.failures += real_halves(short, "6 s")
        if long is not None:
            table.failures += real_halves(long, "17 s")
    print("\n" + ("; ".join(table.failures) if table.failures else "Every condition holds."))


if __name__ == "__main__":
    main()
