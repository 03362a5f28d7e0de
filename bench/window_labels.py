"""Does a regressor gain from labels of windows? Ridge regression on labels of songs and of windows, on the same clips.

    python bench/window_labels.py CORPUS

CORPUS has ratings over time (`affetti prepare vgmidi:PATH --windows all --out CORPUS`). On each of five
folds `affetti train baseline` is fitted to the training clips, once with the labels of their songs and once with their
own, and predicts the test clips. Both are compared with the labels of windows, clip by clip, as means of songs, and as
deviations from these, and as curves, song by song. Intervals resample songs, those of differences the same songs for
both.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import Corpus
from affetti.embedders.cache import embed
from affetti.embedders.clip_set import corpus_clips
from affetti.embedders.statistics import STATISTICS
from affetti.models.regressors.baseline import Baseline, BaselineConfig
from affetti.training.curve_report import curve_agreement
from affetti.training.evaluation import predict
from affetti.training.regression_report import song_means

Floats = NDArray[np.float64]
FOLDS = 5
RESAMPLES = 1_000


def out_of_fold(corpus: Corpus, vectors: Floats, labels: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Test rows of all folds, and predictions of these by baselines that were fitted to `labels` of other songs."""
    rows: list[NDArray[np.intp]] = []
    parts: list[Floats] = []
    for number in range(FOLDS):
        part = corpus.fold(number)
        model = Baseline((1, 1), BaselineConfig(features="given", version="1", dimension=vectors.shape[1]))
        model.fit(torch.from_numpy(vectors[part.train]).float(), torch.from_numpy(labels[part.train]).float())
        rows.append(part.test)
        parts.append(predict(model.eval(), vectors, part.test))
    return np.concatenate(rows), np.concatenate(parts)


def compared(values: Floats, songs: NDArray[np.str_], how: str) -> tuple[Floats, NDArray[np.str_]]:
    """Rows `[N]` as they are, as means of songs, or less these; and the song of each row."""
    means, member = song_means(values, songs)
    return {"window": (values, songs), "song": (means, np.unique(songs)), "within": (values - means[member], songs)}[
        how
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?")
    path = parser.parse_args().corpus
    if path is None:
        print("not measured: give a corpus with ratings over time; composed songs have none")
        return
    corpus, plain = Corpus.open(path, labels="window"), Corpus.open(path)
    vectors = embed(corpus_clips(plain), STATISTICS)
    predictions: dict[str, Floats] = {}
    rows = np.zeros(0, dtype=np.intp)
    for name, labels in (("song", plain.labels), ("window", corpus.labels)):
        rows, predictions[name] = out_of_fold(corpus, vectors, labels)
    songs, truth = corpus.songs[rows], corpus.labels[rows]
    print(f"{len(rows)} clips of {np.unique(songs).size} songs\n")
    print("| axis | compared | measure | labels of songs | labels of windows | difference |")
    print("|---|---|---|---|---|---|")
    for axis, axis_name in enumerate(("valence", "arousal")):
        for how, measure in (
            ("window", metrics.concordance),
            ("song", metrics.concordance),
            ("within", metrics.pearson),
        ):
            target, groups = compared(truth[:, axis], songs, how)
            first, second = (compared(predictions[name][:, axis], songs, how)[0] for name in ("song", "window"))
            cells = [f"{'r' if how == 'within' else 'CCC'}"]
            for own in (first, second):
                low, high = metrics.bootstrap_ci(measure, own, target, groups=groups, resamples=RESAMPLES)
                cells.append(f"{float(measure(own, target)):.2f} [{low:.2f}, {high:.2f}]")

            def gain(a: Floats, b: Floats, y: Floats, measure=measure) -> float:
                return float(measure(b, y)) - float(measure(a, y))

            low, high = metrics.bootstrap_ci(gain, first, second, target, groups=groups, resamples=RESAMPLES)
            cells.append(f"{gain(first, second, target):+.2f} [{low:+.2f}, {high:+.2f}]")
            print(f"| {axis_name} | {how} | {' | '.join(cells)} |", flush=True)
    head = "songs | CCC | RMSE | at the mean rating | at the mean prediction | gain"
    print(f"\n| curves of songs | trained on labels of | {head} |")
    print("|---|---|---|---|---|---|---|---|")
    for name, predicted in predictions.items():
        for axis_name, curve in curve_agreement(predicted, truth, songs, 0).items():
            if curve is not None:
                each = [curve.ccc, curve.rmse, curve.rmse_song_mean, curve.rmse_flat, curve.gain]
                cells = ["" if it is None else f"{it.value:.2f} [{it.ci[0]:.2f}, {it.ci[1]:.2f}]" for it in each]
                print(f"| {axis_name} | {name}s | {curve.songs} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
