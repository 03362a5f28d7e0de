"""Valence and arousal read from log-mels, from harmony, and from both: ridge regression on five folds of a corpus.

    python bench/harmony.py CORPUS

CORPUS keeps its audio (`affetti prepare vgmidi:PATH --windows all --keep-audio --out CORPUS`). Test songs
of each fold are predicted by a ridge regression fitted to all other songs, its penalty chosen by generalised
cross-validation. Ridge regression shrinks its predictions, and CCC counts that against it, so that the mean and spread
of predictions are matched to the labels': by the ratio found on predictions of the training songs out of fold, never
on test songs. CCC over the clips of all folds; intervals resample songs. Differences from the first row resample the
same songs for both. Then what harmony adds to the variance explained from log-mels, without that matching.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from affetti import metrics
from affetti.corpus import Corpus
from affetti.embedders.cache import embed
from affetti.embedders.clip_set import open_clip_set
from affetti.embedders.registry import make_embedder
from affetti.signal.descriptors import HARMONY_NAMES
from affetti.studies.audit.answer import format_measurement
from affetti.studies.audit.probes.harmony_gain import nested_models

Floats = NDArray[np.float64]
SETS: dict[str, tuple[str, ...]] = {
    "mel statistics": ("statistics",),
    "harmony": ("harmony",),
    "handcrafted": ("handcrafted",),
    "mel statistics + harmony": ("statistics", "harmony"),
}
RESAMPLES = 1_000


def ridge() -> Pipeline:
    """As `affetti train baseline` fits it."""
    return make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(0, 5, 16)))


def out_of_fold(x: Floats, labels: Floats, songs: NDArray[np.str_], corpus: Corpus) -> Floats:
    """Predictions `[N, 2]` of every clip by a regression that was fitted to other songs."""
    predictions = np.full_like(labels, np.nan)
    for number in range(5):
        part = corpus.fold(number)
        train = np.concatenate([part.train, part.validation])
        inner = np.asarray(cross_val_predict(ridge(), x[train], labels[train], groups=songs[train], cv=GroupKFold(5)))
        spread = labels[train].std(axis=0) / inner.std(axis=0)
        predicted = ridge().fit(x[train], labels[train]).predict(x[part.test])
        predictions[part.test] = labels[train].mean(axis=0) + (predicted - inner.mean(axis=0)) * spread
    return predictions


def ccc(prediction: Floats, label: Floats) -> float:
    """Lin's concordance."""
    return float(metrics.concordance(prediction, label))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    path = parser.parse_args().corpus
    corpus, clips = Corpus.open(path), open_clip_set(path)
    vectors = {name: embed(clips, make_embedder(name)) for name in ("statistics", "handcrafted")}
    vectors["harmony"] = vectors["handcrafted"][:, : len(HARMONY_NAMES)]
    labels, songs = corpus.labels, corpus.songs
    print(f"{len(corpus)} clips of {np.unique(songs).size} songs\n")
    print("| ridge regression on | numbers | valence | from the first | arousal | from the first |")
    print("|---|---|---|---|---|---|")
    first: Floats | None = None
    for name, parts in SETS.items():
        x = np.concatenate([vectors[part] for part in parts], axis=1)
        predictions = out_of_fold(x, labels, songs, corpus)
        cells = [name, str(x.shape[1])]
        for axis in range(2):
            own, label = predictions[:, axis], labels[:, axis]
            low, high = metrics.bootstrap_ci(ccc, own, label, groups=songs, resamples=RESAMPLES, seed=0)
            cells.append(f"{ccc(own, label):.2f} [{low:.2f}, {high:.2f}]")
            if first is None:
                cells.append("")
                continue
            reference = first[:, axis]
            low, high = metrics.bootstrap_ci(
                lambda a, b, y: ccc(a, y) - ccc(b, y), own, reference, label, groups=songs, resamples=RESAMPLES, seed=0
            )
            cells.append(f"{ccc(own, label) - ccc(reference, label):+.2f} [{low:+.2f}, {high:+.2f}]")
        first = predictions if first is None else first
        print(f"| {' | '.join(cells)} |", flush=True)
    print("\nNested models, as the question `harmony` of `affetti audit` measures them:\n")
    for row in nested_models(vectors["statistics"], vectors["harmony"], labels, songs):
        print(f"- {row.label}: {format_measurement(row, 1)}{f' ({row.note})' if row.note else ''}")


if __name__ == "__main__":
    main()
