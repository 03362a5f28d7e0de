"""Do generated songs follow their curve, and do they show where their windows end?

    python bench/long_form.py FLOW --regressors STUDENT RIDGE [--songs 24] [--seconds 120] [--seeds 3]

FLOW is a run on a composed corpus; each of the regressors is a run on the same corpus and fold, such as `train student`
and `train baseline --features statistics`. Every song has a curve of its own. Each is made three times: by joint
denoising, by cross-fades of the flow's clips, and by the composer, whose music is the reference.

Printed a seed, for each of the three:

- correlation over time of the requested emotion and that which each regressor predicts in windows that follow one
  another, the mean of songs, and its share of the composed songs';
- spectral flux and onset strength (its positive part) at the borders of windows over those elsewhere. Log-mels of a
  flow jump between patches, so that both are taken at edges of patches alone;
- balanced accuracy of a classifier, by cross-validation over songs, of whether an edge is the border of a window, from
  the eight frames around it; chance is .5.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affetti.compose import compose_along, render
from affetti.compose.curve import CurveSettings
from affetti.emotion import EmotionCurve
from affetti.inference.long_form import cross_fade, fading_windows, joint_song
from affetti.inference.song_request import SongRequest
from affetti.inference.songs import SongLayout, window_conditions
from affetti.models.base import Regressor, VelocityGenerator
from affetti.presets import FrontEnd
from affetti.signal.front_ends import spectrogram
from affetti.training import run as runs

Floats = NDArray[np.float64]
POINTS = 6
"""Of a curve."""
REACH = 4
"""Frames to either side of an edge that the classifier sees."""
WAYS = ("joint denoising", "cross-fades", "composed")


def random_curve(seconds: float, seed: int) -> EmotionCurve:
    """A curve of a few random points."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0.0, seconds, POINTS)
    points = rng.uniform(-0.7, 0.7, (POINTS, 2))
    return EmotionCurve(tuple(times.tolist()), tuple((float(v), float(a)) for v, a in points))


def make(
    trained: runs.TrainedModel, way: str, curve: EmotionCurve, seconds: float, seed: int, number: int
) -> torch.Tensor:
    """The log-mel `[M, F]` of a song, without a floor."""
    front, model = trained.front_end, trained.generator
    if not isinstance(model, VelocityGenerator):
        raise SystemExit("FLOW must be a run of a flow: other generators only cross-fade")
    if way == "composed":
        song = compose_along(curve, seconds, CurveSettings(seed=1_000 * seed + number))
        return spectrogram(front)(torch.from_numpy(render(song, front.sample_rate)))
    layout = SongLayout.of(trained, seconds)
    request, common = SongRequest(curve, seconds), np.full(trained.fields.width, np.nan)
    fading = fading_windows(layout.frames, front.frames)
    starts = layout.window_starts
    if way == "cross-fades":
        starts = tuple(start * front.hop_length / front.sample_rate for start in fading.starts)
    conditions = window_conditions(request, starts, front.seconds, trained.fields, common)
    if way == "cross-fades":
        return cross_fade(model, conditions, fading, seed, number, {})
    return joint_song(model, conditions, layout.frames, front.frames, seed, number, {})


def correlations(mel: torch.Tensor, curve: EmotionCurve, front: FrontEnd, regressor: Regressor) -> Floats:
    """Correlation over time `[2]` of requested and predicted valence and arousal."""
    starts = range(0, mel.shape[1] - front.frames + 1, front.frames)
    clips = torch.stack([mel[:, start : start + front.frames] for start in starts])
    clips = torch.maximum(clips, clips.amax(dim=(1, 2), keepdim=True) - front.top_db)
    predicted = regressor.predict(clips)[0].double().numpy()
    step = front.hop_length / front.sample_rate
    requested = [curve.mean(start * step, start * step + front.seconds) for start in starts]
    pairs = np.array([[point.valence, point.arousal] for point in requested])
    return np.array([np.corrcoef(pairs[:, axis], predicted[:, axis])[0, 1] for axis in (0, 1)])


def edges(mel: torch.Tensor, per_column: int, borders: set[int]) -> tuple[Floats, NDArray[np.bool_]]:
    """Frames around each edge of a patch `[E, 2 REACH, M]`, and which edges `[E]` are borders of windows."""
    places = [edge for edge in range(per_column, mel.shape[1] - REACH, per_column) if edge >= REACH]
    around = np.stack([mel[:, edge - REACH : edge + REACH].T.double().numpy() for edge in places])
    return around, np.array([edge in borders for edge in places])


def seams(around: list[Floats], at: list[NDArray[np.bool_]]) -> tuple[float, float, float]:
    """Flux and onset strength at borders over elsewhere, and the classifier's balanced accuracy."""
    frames, border = np.concatenate(around), np.concatenate(at)
    song = np.concatenate([np.full(len(own), number) for number, own in enumerate(at)])
    step = frames[:, REACH] - frames[:, REACH - 1]
    flux, onset = np.abs(step).mean(axis=1), np.maximum(step, 0).mean(axis=1)
    features = np.abs(np.diff(frames, axis=1)).mean(axis=2)
    levels = frames.mean(axis=2) - frames.mean(axis=(1, 2))[:, None]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1_000))
    folds = GroupKFold(min(5, len(at)))
    guess = cross_val_predict(classifier, np.hstack([features, levels]), border, groups=song, cv=folds)
    return (
        float(flux[border].mean() / flux[~border].mean()),
        float(onset[border].mean() / onset[~border].mean()),
        float(balanced_accuracy_score(border, guess)),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flow", nargs="?", type=Path)
    parser.add_argument("--regressors", nargs="*", type=Path, default=[])
    parser.add_argument("--songs", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    if given.flow is None:
        print("not measured: give a run of a flow")
        return
    trained = runs.load(given.flow)
    regressors = [runs.load(path).regressor for path in given.regressors]
    front, model = trained.front_end, trained.generator
    per_column = model.frames_per_column if isinstance(model, VelocityGenerator) else 1
    layout = SongLayout.of(trained, given.seconds)
    joint = {round(start * front.sample_rate / front.hop_length) for start in layout.window_starts[1:]}
    fading = fading_windows(layout.frames, front.frames).starts[1:]
    # The nearest edge of a patch: cross-fades begin anywhere, and the level changes over the whole of each.
    borders = {"joint denoising": joint, "cross-fades": {round(it / per_column) * per_column for it in fading}}
    for seed in range(given.seeds):
        reference: Floats | None = None
        for way in reversed(WAYS):
            followed: list[Floats] = []
            around: list[Floats] = []
            at: list[NDArray[np.bool_]] = []
            for number in range(given.songs):
                curve = random_curve(given.seconds, 1_000 * seed + number)
                mel = make(trained, way, curve, given.seconds, seed, number)
                followed.append(np.array([correlations(mel, curve, front, each) for each in regressors]))
                frames, is_border = edges(mel, per_column, borders.get(way, joint))
                around.append(frames)
                at.append(is_border)
            flux, onset, accuracy = seams(around, at)
            print(f"seed {seed}, {way}: flux {flux:.3f}, onsets {onset:.3f}, border classified {accuracy:.3f}")
            if regressors:
                mean: Floats = np.nanmean(followed, axis=0)
                best_possible: Floats = mean if reference is None else reference  # the composed songs come first
                reference = best_possible
                for path, own, real in zip(given.regressors, mean, best_possible, strict=True):
                    axes = zip(("valence", "arousal"), own, real, strict=True)
                    both = ", ".join(f"{axis} {r:.2f} ({r / best:.2f} of composed)" for axis, r, best in axes)
                    print(f"    r over time by {path.name}: {both}")


if __name__ == "__main__":
    main()
