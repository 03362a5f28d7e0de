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
  the eight frames around it; chance is .5;
- the contrast of verse and chorus (intraclass correlation of two-second moments, the mean of level, rises and spectrum)
  and its share of the composed songs'; how much more alike choruses of one song are than those of two; repetition, and
  the share of songs whose strongest period is as strong as in 5 % of the composed songs. These are of songs of one
  emotion each; all songs are requested with the sections of the composed one.

At last songs of ascending length are made: processor time, and the peak memory of the process so far.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affetti.compose import Song, compose_along, render
from affetti.compose.curve import CurveSettings
from affetti.corpus.annotations import Annotations, Section
from affetti.emotion import EmotionCurve
from affetti.inference.long_form import cross_fade, fading_windows, joint_song
from affetti.inference.song_request import SongRequest
from affetti.inference.songs import SongLayout, window_conditions
from affetti.metrics.song_blocks import SongBlocks, song_blocks
from affetti.metrics.song_form import (
    distance_by_lag,
    distances,
    repetition,
    returns,
    section_contrast,
    strongest_period,
)
from affetti.metrics.song_means import share_as_high
from affetti.models.base import Regressor, VelocityGenerator
from affetti.presets import FrontEnd
from affetti.signal.front_ends import spectrogram
from affetti.training import run as runs

Floats = NDArray[np.float64]
POINTS = 6
"""Of a curve."""
REACH = 4
"""Frames to either side of an edge that the classifier sees."""
LENGTHS = (60.0, 120.0, 240.0, 480.0)
"""Seconds of the songs whose cost is measured."""
WAYS = ("joint denoising", "cross-fades", "composed")


def random_curve(seconds: float, seed: int) -> EmotionCurve:
    """A curve of a few random points."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0.0, seconds, POINTS)
    points = rng.uniform(-0.7, 0.7, (POINTS, 2))
    return EmotionCurve(tuple(times.tolist()), tuple((float(v), float(a)) for v, a in points))


def make(trained: runs.TrainedModel, way: str, curve: EmotionCurve, song: Song, seed: int, number: int) -> torch.Tensor:
    """The log-mel `[M, F]` of a song, without a floor: `song` itself, or one of its length and sections."""
    front, model, seconds = trained.front_end, trained.generator, song.duration
    if not isinstance(model, VelocityGenerator):
        raise SystemExit("FLOW must be a run of a flow: other generators only cross-fade")
    if way == "composed":
        return spectrogram(front)(torch.from_numpy(render(song, front.sample_rate)))
    layout = SongLayout.of(trained, seconds, sections_of(song).sections)
    request, common = SongRequest(curve, seconds, sections_of(song)), np.full(trained.fields.width, np.nan)
    fading = fading_windows(layout.frames, front.frames)
    starts = layout.window_starts
    if way == "cross-fades":
        starts = tuple(start * front.hop_length / front.sample_rate for start in fading.starts)
    conditions = window_conditions(request, starts, front.seconds, trained.fields, common)
    if way == "cross-fades":
        return cross_fade(model, conditions, fading, seed, number, {})
    return joint_song(model, conditions, layout.frames, front.frames, seed, number, {}, returns=layout.returns)


def sections_of(song: Song) -> Annotations:
    """The sections of a composed song."""
    return Annotations(sections=tuple(Section(it.start, it.start + it.duration, it.name) for it in song.sections))


def blocks_of(mel: torch.Tensor, song: Song, front: FrontEnd, name: str) -> SongBlocks:
    """A song in blocks, with the sections that were requested."""
    clips = mel[:, : mel.shape[1] // front.frames * front.frames].unflatten(1, (-1, front.frames)).transpose(0, 1)
    starts = np.arange(len(clips)) * front.frames * front.hop_length / front.sample_rate
    (blocks,) = song_blocks(clips.numpy(), [name] * len(clips), starts, front.sample_rate / front.hop_length)
    sections = np.full(len(blocks.levels), "", dtype="U16")
    times = (np.arange(len(sections)) + 0.5) * blocks.block_seconds
    for section in song.sections:
        sections[(times >= section.start) & (times < section.start + section.duration)] = section.name
    return replace(blocks, sections=sections)


def form(songs: list[SongBlocks], depths: Floats | None) -> tuple[dict[str, float], Floats]:
    """Means over songs of what is measured of their form, and the depth of each song's strongest period."""
    both = ("verse", "chorus")
    found = [(song, distances(song)) for song in songs]
    own = np.array([strongest_period(song, distance_by_lag(distance)).depth for song, distance in found])
    contrasts = [contrast["mean"] for song in songs if (contrast := section_contrast(song, both))]
    real = own if depths is None else depths
    looping = [
        share_as_high(np.delete(real, row) if depths is None else real, own[row]) <= 0.05 for row in range(len(own))
    ]
    return {
        "verse and chorus": float(np.mean(contrasts)),
        "choruses alike": float(np.nanmean(returns(songs, both[1:]))),
        "repetition": float(np.mean([repetition(song, distance) for song, distance in found])),
        "loops": float(np.mean(looping)),
    }, own


def cost(trained: runs.TrainedModel) -> None:
    """Print processor time and peak memory of songs of ascending length."""
    front, model = trained.front_end, trained.generator
    if not isinstance(model, VelocityGenerator):
        return
    for seconds in LENGTHS:
        layout = SongLayout.of(trained, seconds)
        request = SongRequest(random_curve(seconds, 0), seconds)
        common = np.full(trained.fields.width, np.nan)
        conditions = window_conditions(request, layout.window_starts, front.seconds, trained.fields, common)
        began = time.process_time()
        joint_song(model, conditions, layout.frames, front.frames, 0, 0, {})
        spent, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{seconds:g} s: {spent:.1f} s of processor time, peak memory so far {peak:.0f} MiB", flush=True)


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
        depths: Floats | None = None
        contrast = float("nan")
        for way in reversed(WAYS):
            followed: list[Floats] = []
            around: list[Floats] = []
            at: list[NDArray[np.bool_]] = []
            songs: list[SongBlocks] = []
            for number in range(given.songs):
                curve = random_curve(given.seconds, 1_000 * seed + number)
                song = compose_along(curve, given.seconds, CurveSettings(seed=1_000 * seed + number))
                mel = make(trained, way, curve, song, seed, number)
                followed.append(np.array([correlations(mel, curve, front, each) for each in regressors]))
                frames, is_border = edges(mel, per_column, borders.get(way, joint))
                around.append(frames)
                at.append(is_border)
                still = EmotionCurve((0.0,), curve.points[:1])
                song = compose_along(still, given.seconds, CurveSettings(seed=1_000 * seed + number))
                mel = make(trained, way, still, song, seed, number)
                songs.append(blocks_of(mel, song, front, str(number)))
            flux, onset, accuracy = seams(around, at)
            print(
                f"seed {seed}, {way}: flux {flux:.3f}, onsets {onset:.3f}, border classified {accuracy:.3f}", flush=True
            )
            numbers, own_depths = form(songs, depths)
            depths = own_depths if depths is None else depths
            contrast = numbers["verse and chorus"] if way == "composed" else contrast
            share = numbers["verse and chorus"] / contrast
            listed = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())
            print(f"    {listed}; contrast {share:.2f} of composed", flush=True)
            if regressors:
                mean: Floats = np.nanmean(followed, axis=0)
                best_possible: Floats = mean if reference is None else reference  # the composed songs come first
                reference = best_possible
                for path, own, real in zip(given.regressors, mean, best_possible, strict=True):
                    axes = zip(("valence", "arousal"), own, real, strict=True)
                    both = ", ".join(f"{axis} {r:.2f} ({r / best:.2f} of composed)" for axis, r, best in axes)
                    print(f"    r over time by {path.name}: {both}", flush=True)
    cost(trained)


if __name__ == "__main__":
    main()
