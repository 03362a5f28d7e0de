"""What words add to sound: late fusion on composed songs whose words carry emotion, and where they carry none.

    python bench/words.py --sets 60

Songs are composed and rendered once. For each set their lyrics are dealt anew among the songs, so that the words say
nothing of the music, and the valence of the words (by the composer's list), times an effect, is added to the label of
valence. A baseline on log-mel statistics is trained on one fold with `inputs=mel,lyrics`. Printed for each effect and
axis: the share of the variance that was planted, the mean gain in R² and the mean of its truth, the share of sets whose
interval lies above 0 (in arousal, and without effect, false alarms: at most 2.5 % where the interval is right), and the
share whose interval contains the truth; in brackets the same of a plain percentile bootstrap. The truth is the gain of
that very fit on songs that no set is drawn from, whose lyrics are dealt anew :data:`DEALS` times: one deal leaves as
much chance in the truth as a large test set has.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from affetti import api, compose
from affetti.corpus import Corpus
from affetti.embedders.statistics import embed_statistics
from affetti.emotion import AXES
from affetti.metrics import bootstrap_ci, r2
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.late_fusion import LateFusion
from affetti.training.late_fusion import Pairs, estimate_gain, fit_late_fusion, fuse
from affetti.training.side_inputs import input_values
from affetti.training.text_embedders import text_embedder

Floats = NDArray[np.float64]
EFFECTS = (0.0, 0.2, 0.4)
DEALS = 10
"""How often words are dealt among the songs that measure the truth."""
PARTS = (0.64, 0.16, 0.2)
"""Shares of the songs of a set that train, validate and test."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=120, help="songs of a set")
    parser.add_argument("--others", type=int, default=120, help="songs that measure the true gain of a fit")
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--clips", type=int, default=4, help="clips of a song")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        n = (arguments.songs + arguments.others) * 8
        api.prepare.run("composed", Path(folder) / "corpus", clips=n, seed=arguments.seed)
        corpus = Corpus.open(Path(folder) / "corpus")
        kept = corpus.clips.groupby("song_id").cumcount().to_numpy() < arguments.clips
        clips = corpus.clips[kept].reset_index(drop=True)
        features, labels = embed_statistics(corpus.mel[kept]), corpus.labels[kept]
    embedder = text_embedder()
    inputs = input_values(clips, Fields(lines=1, text=embedder.size), embedder)
    said = np.nan_to_num([compose.valence_of(text.splitlines()) for text in clips["lyrics"].to_numpy(dtype=str)])
    songs = clips["song_id"].to_numpy(dtype=str)
    rng = np.random.default_rng(arguments.seed)
    print("| effect | axis | planted, % | gain in R² | truth | above 0 (plain) | covers the truth (plain) |")
    print("|---|---|---|---|---|---|---|")
    for effect in EFFECTS:
        world = World(features, labels, songs, inputs, effect * said)
        sets = np.array([one_set(world, arguments.songs, rng) for _ in range(arguments.sets)])
        for axis, name in enumerate(AXES):
            gain, true, above, plainly_above, covered, plainly = sets[:, axis].mean(axis=0)
            planted = 0.0 if axis else 100 * world.planted()
            shares = f"{above:.2f} ({plainly_above:.2f}) | {covered:.2f} ({plainly:.2f})"
            print(
                f"| {effect:g} | {name} | {planted:.1f} | {gain:+.4f} | {true:+.4f} | {shares} |",
                flush=True,
            )


@dataclass(frozen=True)
class World:
    """Clips of composed songs, and what their words say and add to valence."""

    features: Floats
    labels: Floats
    songs: NDArray[np.str_]
    inputs: Floats
    """Embeddings of the words; NaN where there are none."""
    added: Floats
    """What they add to valence."""

    def rows(self, names: NDArray[np.str_]) -> NDArray[np.intp]:
        """The clips of some songs."""
        return np.flatnonzero(np.isin(self.songs, names))

    def dealt(self, names: NDArray[np.str_], rng: np.random.Generator) -> Pairs:
        """All clips, where each of the songs named has the words of another one of them, clip by clip."""
        source = np.arange(len(self.songs))
        for song, other in zip(names, rng.permutation(names), strict=True):
            source[self.songs == song] = np.resize(np.flatnonzero(self.songs == other), int((self.songs == song).sum()))
        labels = self.labels + np.column_stack([self.added[source], np.zeros(len(source))])
        return Pairs(self.inputs[source], labels, self.songs)

    def planted(self) -> float:
        """Share of the variance of valence that the words explain."""
        return float(self.added.var() / (self.labels[:, 0] + self.added).var())


def one_set(world: World, n: int, rng: np.random.Generator) -> list[tuple[float, ...]]:
    """For each axis gain and truth, whether the interval lies above 0 and contains the truth; also of the plain one."""
    names = rng.permutation(np.unique(world.songs))
    pairs, others = world.dealt(names, rng), names[n:]
    edges = np.cumsum([0, *(round(share * n) for share in PARTS[:2]), n - sum(round(s * n) for s in PARTS[:2])])
    train, held_out, test = (world.rows(names[low:high]) for low, high in itertools.pairwise(edges))
    scaler = StandardScaler().fit(world.features[train])
    ridge = RidgeCV(alphas=np.logspace(0, 5, 16)).fit(scaler.transform(world.features[train]), pairs.labels[train])
    sound = ridge.predict(scaler.transform(world.features)).clip(-1, 1)
    fusion, _ = fit_late_fusion(pairs[train], world.features[train], pairs[held_out], sound[held_out])
    fused = fuse(fusion, sound, pairs.inputs)
    truth = true_gain(world, fusion, sound, others, rng)
    rows = test[pairs.known[test]]
    fitted = np.concatenate([train, held_out])
    n_fitted = int(np.unique(world.songs[fitted[pairs.known[fitted]]]).size)
    seed = int(rng.integers(1 << 30))
    result: list[tuple[float, ...]] = []
    for axis in range(2):
        a, b, target = (array[rows, axis] for array in (fused, sound, pairs.labels))
        gain = estimate_gain(r2, a, b, target, world.songs[rows], n_fitted, seed)
        if gain is None:
            raise RuntimeError("labels that do not vary: give more songs")
        plain = (0.0, 0.0)
        if not np.array_equal(a, b):
            plain = bootstrap_ci(gain_in_r2, a, b, target, groups=world.songs[rows], seed=seed)
        pair = (gain.ci, plain)
        above, covers = ([low > 0 for low, _ in pair], [low <= truth[axis] <= high for low, high in pair])
        result.append((gain.value, float(truth[axis]), *map(float, above), *map(float, covers)))
    return result


def gain_in_r2(fused: Floats, sound: Floats, target: Floats) -> float:
    """R² of fused predictions less that of sound."""
    return r2(fused, target) - r2(sound, target)


def true_gain(
    world: World, fusion: LateFusion, sound: Floats, names: NDArray[np.str_], rng: np.random.Generator
) -> Floats:
    """Gain in R² of each axis ``[2]`` on other songs."""
    less, spread = np.zeros(2), np.zeros(2)
    rows = world.rows(names)
    for _ in range(DEALS):
        pairs = world.dealt(names, rng)[rows]
        known, target = pairs.known, pairs.labels[pairs.known]
        fused = fuse(fusion, sound[rows], pairs.inputs)[known]
        less += (np.square(target - sound[rows][known]) - np.square(target - fused)).sum(axis=0)
        spread += np.square(target - target.mean(axis=0)).sum(axis=0)
    return less / spread


if __name__ == "__main__":
    main()
