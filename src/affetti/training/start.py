"""Start training from the weights of another run, rather than from random ones.

What is kept of that run, and what is fitted to the new clips:

- All weights of the network are that run's, and so are the bases that it has learnt in: the principal components of a
  flow's latent and of a GAN's patches, a flow's autoencoder (:attr:`affetti.models.base.Generator.learnt_bases`).
- The normaliser, the scale of a waveform, the bandwidth of vicinal training and the conditions that a GAN fills open
  fields from are fitted to the new clips: the network is given clips in their own standard deviations, as before.
- Condition fields may differ, see :mod:`affetti.models.generators.shared_fields`.
- The discriminators of a GAN begin as usual: a run does not hold them.

Settings of the model are that run's, where none are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from affetti.config import unstructure
from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, UsageError
from affetti.models.base import Generator, Regressor
from affetti.models.generators.completion import Completion
from affetti.models.generators.conditioning import ConditionEmbedding
from affetti.models.generators.shared_fields import SharedFields, copy_fields
from affetti.training import run as runs
from affetti.training.registry import FAMILIES, family, make
from affetti.training.result import InitialWeights
from affetti.weights import SHIPPED, is_shipped, shipped_kinds, shipped_weights

COMPOSED = "composed"
"""Source of corpora that affetti composed."""
APART = ("condition.", "completion.", "flow.condition.")
"""Weights that belong to the fields of a condition, and known conditions, which are fitted."""


@dataclass(frozen=True)
class Start:
    """A run whose weights a model has, and what was taken of it."""

    run: runs.TrainedModel
    weights: InitialWeights


def load_start(kind: str, path: Path, corpus: Corpus, part: splits.Fold) -> runs.TrainedModel:
    """The run ``path``, for a model of family ``kind`` to start from.

    Args:
        kind: the family.
        path: the run; ``shipped``: the weights of that family that ship with affetti.
        corpus: what the model is trained on.
        part: its fold.

    Raises:
        UsageError: such models are not trained step by step, the run is of another family, or none ships.
        MismatchError: the run takes another front-end, was trained on test songs, or both were composed by affetti and
            the run knows more of them than the fold's training songs: then no song tests the model, for it has learnt
            the composer's rules.
    """
    if family(kind).closed_form_name is not None:
        others = " or ".join(name for name, other in FAMILIES.items() if other.closed_form_name is None)
        raise UsageError(
            f"a {kind} does not start from a run", where="--init", hint=f"leave it out, or train a {others}"
        )
    if is_shipped(path):
        path = _shipped(kind)
    trained = runs.load(path, flag="--init")
    if trained.kind != kind:
        raise UsageError(f"a run of {trained.kind}, not of {kind}", where="--init", hint=f"give a run of {kind}")
    if trained.front_end.hash != corpus.front_end.hash:
        raise MismatchError(
            f"takes log-mels of front-end {trained.front_end.hash} (preset {trained.meta.preset}), "
            f"these are {corpus.front_end.hash}",
            where=path,
            hint=f"prepare the corpus with --front-end {trained.meta.preset}",
        )
    known = trained.songs
    knows_more = not known or not known <= set(corpus.songs[part.train].tolist())
    if corpus.composed and COMPOSED in trained.meta.sources and knows_more:
        raise MismatchError(
            "was trained on composed music, and this corpus is composed by the same rules: no test song is new to it",
            where=path,
            hint="leave out --init, or give a corpus of real music",
        )
    splits.require_held_out(corpus.songs[part.test].tolist(), known, path)
    return trained


def _shipped(kind: str) -> Path:
    folder = shipped_weights(kind)
    if folder is None:
        there = ", ".join(name for name in shipped_kinds() if name in FAMILIES)
        hint = f"there are weights of {there}: give a run of {kind}, or leave it out"
        raise UsageError(f"no weights of {kind} ship with affetti", where=f"--init {SHIPPED}", hint=hint)
    return folder


def take_weights(model: Generator | Regressor, trained: runs.TrainedModel, text: str) -> Start:
    """Give ``model`` the weights of the run ``trained``.

    Args:
        model: the untrained model, of the same family and shape; its weights are replaced.
        trained: the run, of :func:`load_start`.
        text: the embedder of lyrics of the model's conditions.

    Returns:
        The run, and what became of the fields of a condition.

    Raises:
        UsageError: their sizes differ; names the first setting that does.
    """
    _require_sizes(model, trained)
    state = {name: value for name, value in trained.model.state_dict().items() if not name.startswith(APART)}
    own = model.state_dict()
    model.load_state_dict({name: state.get(name, value) for name, value in own.items()})
    shared = _share_fields(model, trained, text)
    weights = InitialWeights(
        run=str(trained.path),
        weights_sha256=trained.meta.weights_sha256,
        sources=trained.meta.sources,
        fields=None if shared is None else shared.taken,
        new_fields=None if shared is None else shared.new,
        left_out_fields=None if shared is None else shared.left_out,
    )
    return Start(trained, weights)


def _share_fields(model: Generator | Regressor, trained: runs.TrainedModel, text: str) -> SharedFields | None:
    """Take the weights of condition fields that both have; None where neither has any."""
    target, source = getattr(model, "condition", None), getattr(trained.model, "condition", None)
    if not isinstance(target, ConditionEmbedding) or not isinstance(source, ConditionEmbedding):
        return None
    return copy_fields(target, source, _unspecified(trained, source), same_text=text == trained.meta.text)


@torch.no_grad()
def _unspecified(trained: runs.TrainedModel, source: ConditionEmbedding) -> Mapping[str, Tensor]:
    """What the network has met in place of a field of which nothing is known, where that is not a learned null.

    One that is trained on completed conditions has met those of its training clips: the mean of their embeddings.
    """
    generator = trained.generator
    if not isinstance(getattr(generator, "completion", None), Completion):
        return {}
    conditions = torch.from_numpy(trained.training_conditions).float()
    followed = [name for name in source.fields.columns if name in generator.followed_fields]
    return {name: source.embed_field(name, conditions).mean(dim=0) for name in followed}


def _require_sizes(model: Generator | Regressor, trained: runs.TrainedModel) -> None:
    """Refuse settings by which the network has other sizes than the run's.

    Raises:
        UsageError: names the first, with both values.
    """
    ours, theirs = unstructure(model.config), unstructure(trained.model.config)
    shape, fields = trained.front_end.shape, trained.fields if isinstance(model, Generator) else None
    expected = _sizes(trained.model)
    for name, value in ours.items():
        if value == theirs[name] or _sizes_with(trained.kind, shape, theirs | {name: value}, fields) == expected:
            continue
        raise UsageError(
            f"{name} is {_as_flag(value)} here and {_as_flag(theirs[name])} in the run",
            where=f"--init {trained.path}",
            hint=f"leave out --set {name}, or give a run of that size",
        )


def _sizes_with(kind: str, shape: tuple[int, int], settings: dict[str, Any], fields: Any) -> dict[str, Any] | None:
    """The sizes of the weights of a model with these settings; None where they do not go together."""
    try:
        return _sizes(make(kind, shape, settings, fields))
    except UsageError:
        return None


def _sizes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


def _as_flag(value: Any) -> str:
    """A value as ``--set`` takes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
