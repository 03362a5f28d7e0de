"""What words add to sound: late fusion on composed songs whose words carry emotion, and where they carry none.

    python bench/words.py --songs 120 --sets 20

Songs are composed and rendered once. For each set their lyrics are dealt anew among the songs, so that the words say
nothing of the music, and the valence of the words (by the composer's list), times an effect, is added to the label of
valence. A baseline on log-mel statistics is trained on one fold with `inputs=mel,lyrics`. Printed for each effect: the
mean gain in R² of valence and arousal, the share of sets whose interval lies above 0 (in arousal, and without effect,
false alarms: 2.5 % where the interval is right), the share whose interval contains the gain of that very fit, as
measured on songs that no set is drawn from, and the share of the variance that was planted.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from affetti import api, compose
from affetti.corpus import Corpus
from affetti.embedders.statistics import embed_statistics
from affetti.metrics import bootstrap_ci, r2
from affetti.models.generators.conditioning import Fields
from affetti.training.late_fusion import Pairs, fit_late_fusion, fuse
from affetti.training.side_inputs import input_values
from affetti.training.text_embedders import text_embedder

Floats = NDArray[np.float64]
EFFECTS = (0.0, 0.1, 0.2, 0.4)
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
    rng = np.random.default_rng(arguments.seed)
    fields = Fields(lines=1, text=text_embedder().size)
    songs = clips["song_id"].to_numpy(dtype=str)
    names = np.unique(songs)
    print("| effect | planted, % | gain in R², valence | found | covered | gain in R², arousal | false alarms |")
    print("|---|---|---|---|---|---|---|")
    said = np.zeros(len(clips))
    for effect in EFFECTS:
        rows: list[tuple[float, ...]] = []
        for _ in range(arguments.sets):
            words = deal(clips["lyrics"].to_numpy(dtype=str), songs, names, rng)
            inputs = input_values(clips.assign(lyrics=words), fields, text_embedder())
            said = np.nan_to_num([compose.valence_of(text.splitlines()) for text in words])
            target = labels + effect * np.column_stack([said, np.zeros_like(said)])
            ours = rng.permutation(names)
            set_of = {song: part for part, song in enumerate(ours.tolist())}
            place = np.array([set_of[song] for song in songs.tolist()])
            rows.append(one_set(features, Pairs(inputs, target, songs), place, arguments.songs, rng))
        table = np.array(rows)
        mean = table.mean(axis=0)
        share = 100 * planted(labels, said, effect)
        print(
            f"| {effect:g} | {share:.1f} | {mean[0]:.3f} | {mean[1]:.2f} | {mean[2]:.2f} | "
            f"{mean[3]:.4f} | {mean[4]:.2f} |",
            flush=True,
        )


def deal(
    words: NDArray[np.str_], songs: NDArray[np.str_], names: NDArray[np.str_], rng: np.random.Generator
) -> NDArray[np.str_]:
    """The words of another song for each song, clip by clip."""
    dealt = words.copy()
    for song, other in zip(names, rng.permutation(names), strict=True):
        dealt[songs == song] = np.resize(words[songs == other], int((songs == song).sum()))
    return dealt


def planted(labels: Floats, said: Floats, effect: float) -> float:
    """Share of the variance of valence that the words explain."""
    added = effect * said
    return float(added.var() / (labels[:, 0] + added).var())


def one_set(
    features: Floats, pairs: Pairs, place: NDArray[np.intp], n: int, rng: np.random.Generator
) -> tuple[float, ...]:
    """Gain, whether its interval lies above 0 and whether it contains the true gain; for arousal the first two."""
    edges = np.cumsum([0, *(round(share * n) for share in PARTS[:2]), n - sum(round(s * n) for s in PARTS[:2])])
    train, held_out, test = (np.flatnonzero((place >= low) & (place < high)) for low, high in itertools.pairwise(edges))
    others = np.flatnonzero(place >= n)
    scaler = StandardScaler().fit(features[train])
    ridge = RidgeCV(alphas=np.logspace(0, 5, 16)).fit(scaler.transform(features[train]), pairs.labels[train])
    sound = ridge.predict(scaler.transform(features)).clip(-1, 1)
    fusion, _ = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out])
    fused = fuse(fusion, sound, pairs.inputs)
    seed = int(rng.integers(1 << 30))

    def gain(a: Floats, b: Floats, t: Floats) -> float:
        return r2(a, t) - r2(b, t)

    result: list[float] = []
    for axis in range(2):
        rows = test[pairs.known[test]]
        arrays = (fused[:, axis], sound[:, axis], pairs.labels[:, axis])
        sample = [array[rows] for array in arrays]
        low, high = (
            (0.0, 0.0)
            if np.array_equal(sample[0], sample[1])
            else bootstrap_ci(gain, *sample, groups=pairs.songs[rows], seed=seed)
        )
        true = gain(*(array[others[pairs.known[others]]] for array in arrays))
        result += [gain(*sample), float(low > 0), float(low <= true <= high)][: 3 - axis]
    return tuple(result)


if __name__ == "__main__":
    main()
