"""Names of generators of one kind whose conditions have different fields.

``flow`` is the run with all fields that runs of its kind have; ``flow_without_genre`` lacks one of them; where it lacks
more than it has, ``flow_with_genre`` is conditioned on emotion and genre alone, ``flow_with_emotion`` on emotion alone.

When not to use: to distinguish runs that differ in other settings. Their names are the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from affetti.models.generators.conditioning import EMOTION, PARTS_OF_FIELDS
from affetti.training import run as runs
from affetti.training.conditions import ALL_FIELDS, FieldChoice

VARIANT = rf"_(?:without|with)(?:_(?:{'|'.join((EMOTION, *PARTS_OF_FIELDS))}))+"
"""Pattern of what a name has after the kind of a generator."""


def variant_name(kind: str, choice: FieldChoice) -> str:
    """The name of generators of ``kind`` with the chosen fields.

    Example:
        >>> variant_name("flow", FieldChoice(without=("genre", "section"))), variant_name("gan", FieldChoice(only=()))
        ('flow_without_genre_section', 'gan_with_emotion')
    """
    if choice.only is not None:
        return "_".join([kind, "with", *(choice.only or (EMOTION,))])
    return "_".join([kind, *(["without", *choice.without] if choice.without else [])])


def parse_variant(ending: str) -> FieldChoice:
    """The fields that a name says after the kind of the generator.

    Raises:
        UsageError: emotion is left out.

    Example:
        >>> parse_variant("_without_genre"), parse_variant("") == ALL_FIELDS
        (FieldChoice(only=None, without=('genre',)), True)
    """
    if not ending:
        return ALL_FIELDS
    _, which, *names = ending.split("_")
    return FieldChoice.parse(names, None) if which == "with" else FieldChoice.parse(None, names)


def is_variant(name: str, kinds: Sequence[str]) -> bool:
    """Whether ``name`` is that of a generator of one of ``kinds`` with some fields.

    Example:
        >>> is_variant("flow_with_genre", ["flow"]), is_variant("flow", ["flow"])
        (True, False)
    """
    return re.fullmatch(f"(?:{'|'.join(map(re.escape, kinds))}){VARIANT}", name) is not None


def field_variants(models: Sequence[runs.TrainedModel]) -> tuple[str, ...]:
    """The name of each generator, by the fields that its clips depend on beside those of others of its kind."""
    known: dict[str, set[str]] = {}
    for trained in models:
        known.setdefault(trained.kind, set()).update(trained.generator.followed_fields)
    names: list[str] = []
    for trained in models:
        own = trained.generator.followed_fields
        has = tuple(name for name in PARTS_OF_FIELDS if name in own)
        lacks = tuple(name for name in PARTS_OF_FIELDS if name in known[trained.kind] and name not in own)
        few = len(lacks) <= max(1, len(has))
        names.append(variant_name(trained.kind, FieldChoice(without=lacks) if few else FieldChoice(only=has)))
    return tuple(names)
