"""Give a condition embedding the weights of another whose fields are not the same.

A field that both have keeps its weights; of genres, instruments and sections those of the names that both have. A field
that the new embedding alone has begins as it was made. What the old one alone has is left out: the network has met the
sum of all fields' embeddings, so that the constant that stood for such a field where it was unspecified is added to the
embedding of emotion, and the network goes on meeting it.

When not to use: for lyrics of another text embedder, whose numbers mean something else; ``same_text`` leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from affetti.models.generators.conditioning import EMOTION, PARTS_OF_FIELDS, ConditionEmbedding

NAMED = ("genre", "instruments", "section")
"""Fields whose weights belong to names."""


@dataclass(frozen=True)
class SharedFields:
    """What became of the fields of a condition; of a field with names, ``field: name|name`` where not all are meant."""

    taken: tuple[str, ...]
    """Fields whose weights were taken."""
    new: tuple[str, ...]
    """Fields and names that begin as usual."""
    left_out: tuple[str, ...]
    """Fields and names of the old embedding that the new one has not."""


@torch.no_grad()
def copy_fields(
    target: ConditionEmbedding, source: ConditionEmbedding, unspecified: Mapping[str, Tensor], *, same_text: bool = True
) -> SharedFields:
    """Give ``target`` the weights of the fields that ``source`` has too.

    Args:
        target: the new embedding; it is changed.
        source: the old one, of the same dimension.
        unspecified: by field of ``source``, the vector ``[dim]`` that the network has met where nothing was known of
            it; its learned null for fields that are not given.
        same_text: whether lyrics are embedded alike.
    """
    taken: list[str] = []
    new: list[str] = []
    left_out: list[str] = []
    for name in target.fields.columns:
        known, given = _names(target, name), _names(source, name)
        shared = [each for each in known if each in given]
        fits = name in source.fields.columns and (name not in NAMED or bool(shared))
        if name == "lyrics":
            fits = fits and same_text and target.fields.text == source.fields.text
        if not fits:
            new.append(name)
            continue
        taken.append(name)
        new += _part(name, [each for each in known if each not in given])
        left_out += _part(name, [each for each in given if each not in known])
        _copy(target, source, name, shared)
    dropped = [name for name in source.fields.columns if name not in taken]
    for name in dropped:
        constant = unspecified.get(name, source.nulls[name])
        target.encoders[EMOTION].net[-1].bias += constant  # type: ignore[index, operator, union-attr]
        target.nulls[EMOTION] += constant
    return SharedFields(tuple(taken), tuple(new), (*dropped, *left_out))


def _copy(target: ConditionEmbedding, source: ConditionEmbedding, name: str, shared: list[str]) -> None:
    target.nulls[name].copy_(source.nulls[name])
    new, old = target.encoders[name], source.encoders[name]
    if name not in NAMED:
        new.load_state_dict(old.state_dict())
        if name == "lyrics" and target.line is not None and source.line is not None:
            target.line.load_state_dict(source.line.state_dict())
        return
    known, given = _names(target, name), _names(source, name)
    if isinstance(new, nn.Linear) and isinstance(old, nn.Linear):  # instruments: a column each
        new.bias.copy_(old.bias)
        new_rows, old_rows = new.weight.T, old.weight.T
    else:
        new_rows, old_rows = new.table.weight, old.table.weight  # type: ignore[union-attr]
    for each in shared:
        new_rows[known.index(each)] = old_rows[given.index(each)]  # type: ignore[index]


def _names(embedding: ConditionEmbedding, field: str) -> tuple[str, ...]:
    """The names that a field knows; none of a field of numbers."""
    return getattr(embedding.fields, PARTS_OF_FIELDS[field][0]) if field in NAMED else ()


def _part(name: str, names: list[str]) -> list[str]:
    return [f"{name}: {'|'.join(names)}"] if names else []
