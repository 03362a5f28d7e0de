"""Whether synthetic clips go with the emotion they were asked for, as a whole and by quadrant and genre.

A regressor that was trained on real clips alone reads valence and arousal off the synthetic clips, and off real clips
it has not seen; the second reading says what the first can be at best. Where it needs no reader, the Fréchet joint
distance asks whether features and conditions go together as they do in real music.

By quadrant and genre sets are compared by the kernel distance: it has no bias in the number of songs, of which a
quadrant holds few, where Fréchet distances would be mostly bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti import metrics, presets
from affetti.corpus import Corpus, splits
from affetti.embedders.clip_set import ClipSet
from affetti.emotion import quadrant
from affetti.errors import InputError, MismatchError, UsageError
from affetti.execution.local import ranges
from affetti.metrics.conditioning import AXES
from affetti.random import child_seed
from affetti.rows import release_pages
from affetti.studies.scorecard.measures import refused, told
from affetti.training import evaluation
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig

BATCH_CLIPS = 128
"""Clips read at a time."""


@dataclass(frozen=True)
class EmotionPredictions:
    """What a reader says of synthetic clips and of real ones it has not seen."""

    reader: dict[str, Any]
    """Which reader that was."""
    fake: NDArray[np.float64]
    """Valence and arousal read off the synthetic clips ``[K, 2]``."""
    held: ClipSet
    """Real clips the reader has not seen."""
    real: NDArray[np.float64]
    """Valence and arousal read off these."""


def predict_emotions(
    real: ClipSet,
    reference: ClipSet,
    fake: ClipSet,
    fold: int | None,
    regressor: Path | None,
    seed: int,
    device: str = "cpu",
) -> EmotionPredictions | None:
    """Read the emotions of both sides; ``None`` where no condition varies, or there is nothing to train a reader on.

    Raises:
        UsageError: ``regressor`` reads no emotions.
        MismatchError: it reads log-mels of another front-end.
    """
    if not conditions_vary(fake):
        return None
    if regressor is not None:
        trained = runs.load(regressor)
        if trained.kind not in runs.REGRESSORS:
            raise UsageError(
                f"a {trained.kind} reads no emotions",
                where=regressor,
                hint=f"give a run of {' or '.join(runs.REGRESSORS)}",
            )
        known = fake.front_end or real.front_end
        if fake.mel.shape[1:] != trained.front_end.shape or (known and known.hash != trained.front_end.hash):
            raise MismatchError(
                f"reads log-mels of front-end {trained.front_end.hash} {trained.front_end.shape}, "
                f"these are {known.hash if known else 'unknown'} {fake.mel.shape[1:]}",
                where=regressor,
                hint="use one --preset",
            )
        held = reference
        unseen = ~np.isin(reference.songs, sorted(trained.songs))
        if not unseen.all():
            held = reference.subset(np.flatnonzero(unseen))
        model, reader = trained.model, {"run": str(regressor), "kind": trained.kind}
    else:
        corpus = real.corpus
        if corpus is None or real.labels is None:
            return None
        number = fold if fold is not None else splits.fold_numbers(corpus.clips)[0]
        part = corpus.fold(number)
        held = real.subset(part.test)
        model = train_regressor(corpus, part.train, seed)
        reader = {"run": None, "kind": "student", "trained_on": f"fold {number}'s training clips"}
    network = _On(model, device)
    fakes, reals = (_read(network, clips) for clips in (fake, held))
    return EmotionPredictions(reader, fakes, held, reals)


def _read(network: nn.Module, clips: ClipSet) -> NDArray[np.float64]:
    found = [np.zeros((0, 2))]
    for start, stop in ranges(len(clips), BATCH_CLIPS):
        found.append(evaluation.predict(network, clips.mel, np.arange(start, stop)))
        release_pages(clips.mel)
    return np.concatenate(found)


class _On(nn.Module):
    """A regressor on some device, asked from the CPU."""

    def __init__(self, model: nn.Module, device: str) -> None:
        super().__init__()
        self.model, self.device = model.to(device), device

    @torch.inference_mode()
    def forward(self, mel: Tensor) -> Tensor:
        return self.model(mel.to(self.device)).cpu()


def train_regressor(corpus: Corpus, rows: NDArray[np.intp], seed: int) -> Any:
    """A small regressor trained on the given real clips."""
    budget = presets.budget(corpus.meta["preset"], "student")
    batch = min(budget.batch_size, max(2, len(rows) // 2))
    splits.require_real(corpus.clips.iloc[rows])
    torch.manual_seed(child_seed("weights", seed))
    model = runs.make("student", corpus.front_end.shape, {})
    _, trained = fitting.fit(
        "student", model, Clips(corpus.mel, corpus.labels, rows), LoopConfig(budget.steps, batch, seed)
    )
    return trained


def conditions_vary(fake: ClipSet) -> bool:
    """Whether synthetic clips were asked for different emotions."""
    return fake.labels is not None and not (np.ptp(fake.labels, axis=0) == 0).all()


def conditioning(fake: ClipSet, readings: EmotionPredictions | None, seed: int) -> dict[str, Any] | None:
    """How the reading of fakes answers their condition, beside how that of real clips answers their labels."""
    if readings is None or fake.labels is None:
        return None
    response = metrics.label_response(fake.labels, readings.fake, fake.songs, seed)
    held = readings.held
    if held.labels is None or len(np.unique(held.songs)) < 2:
        return _response(response, None, None)
    real = metrics.label_response(held.labels, readings.real, held.songs, seed)
    return _response(response, real, metrics.relative_to_real(response, real))


def _response(response: Any, real: Any, relative: Any) -> dict[str, Any]:
    def plain(axis: Any) -> Any:
        return None if axis is None else {name: {"value": r.value, "ci": list(r.ci)} for name, r in axis.items()}

    return {
        axis: {
            **(plain(response[axis]) or {}),
            "real": None if real is None else plain(real[axis]),
            "relative": None if relative is None else relative[axis],
        }
        for axis in response
    }


def joint_distance(
    reference: ClipSet, fake: ClipSet, x: NDArray[np.float64], y: NDArray[np.float64], seed: int
) -> dict[str, Any]:
    """The Fréchet joint distance on features and emotion, with the null of permuted conditions."""
    if reference.labels is None or fake.labels is None or not conditions_vary(fake):
        return refused("needs labels of real clips, and synthetic clips asked for different emotions")
    labels, requests, songs = reference.labels, fake.labels, (reference.songs, fake.songs)
    middle = x.mean(axis=0)
    return told(lambda: metrics.frechet_joint_distance(x - middle, y - middle, (labels, requests), songs, seed=seed))


def strata(
    reference: ClipSet,
    fake: ClipSet,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    readings: EmotionPredictions | None,
    seed: int,
) -> dict[str, Any]:
    """By quadrant and by genre: kernel distance, and by quadrant how far readings lie from the request.

    Returns:
        ``{"quadrant": {"kernel": …, "valence_error": …, "arousal_error": …}, "genre": {"kernel": …}}``, each by
        stratum as :class:`affetti.metrics.Stratum` tells it; ``{"reason": …}`` in the place of what cannot be had.
    """
    songs = (reference.songs, fake.songs)

    def kernel(rows: Any, draw: int) -> metrics.Result:
        return metrics.kernel(x[rows[0]], y[rows[1]], (songs[0][rows[0]], songs[1][rows[1]]), draw)

    def by(kinds: tuple[NDArray[np.str_], NDArray[np.str_]]) -> dict[str, Any]:
        try:
            found = metrics.by_stratum(kernel, kinds, songs, seed=seed)
        except InputError as error:
            return {"reason": str(error)}
        return {name: stratum.to_dict() for name, stratum in found.items()}

    quadrants: dict[str, Any] = {"reason": "needs labels on both sides"}
    if reference.labels is not None and fake.labels is not None:
        kinds = quadrant(*reference.labels.T), quadrant(*fake.labels.T)
        quadrants = {"kernel": by(kinds), **_errors(fake, readings, seed)}
    genres: dict[str, Any] = {"reason": "needs genres on both sides"}
    if _named(reference) is not None and _named(fake) is not None:
        genres = {"kernel": by((_named(reference), _named(fake)))}  # type: ignore[arg-type]
    return {"quadrant": quadrants, "genre": genres}


def _named(clips: ClipSet) -> NDArray[np.str_] | None:
    return clips.genres if clips.genres is not None and (clips.genres != "").any() else None


def _errors(fake: ClipSet, readings: EmotionPredictions | None, seed: int) -> dict[str, Any]:
    """Mean distance of reading and request in each quadrant of requests; the floor is that of held-out real clips."""
    if readings is None or fake.labels is None or readings.held.labels is None:
        return {}
    held, requests, labels = readings.held, fake.labels, readings.held.labels
    kinds = quadrant(*labels.T), quadrant(*requests.T)
    found: dict[str, Any] = {}
    for axis in AXES:

        def error(rows: Any, draw: int, axis: str = axis) -> metrics.Result:
            a, b = rows
            made = metrics.label_error(requests[b], readings.fake[b], fake.songs[b], draw)[axis]
            real = metrics.label_error(labels[a], readings.real[a], held.songs[a], draw)[axis]
            return metrics.Result(made.value, made.ci, real.value, (len(a), len(b)), draw)

        try:
            by_kind = metrics.by_stratum(error, kinds, (held.songs, fake.songs), seed=seed)
        except InputError as refusal:
            found[f"{axis}_error"] = {"reason": str(refusal)}
            continue
        found[f"{axis}_error"] = {name: stratum.to_dict() for name, stratum in by_kind.items()}
    return found
