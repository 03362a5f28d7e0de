"""``--features NAME[:PATH]``: which embedder is meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from affetti.embedders import encoders, music_encoders, taggers
from affetti.embedders.base import Embedder
from affetti.embedders.descriptors import HANDCRAFTED, HARMONY
from affetti.embedders.regressor import regressor_embedder
from affetti.embedders.statistics import STATISTICS
from affetti.errors import UsageError
from affetti.storage import expand_home

FACTORIES: dict[str, tuple[str, Callable[[str, str], Embedder]]] = {
    "regressor": ("RUN", regressor_embedder),
    "musicnn": ("WEIGHTS", lambda path, device: taggers.tagger_embedder("musicnn", path, device)),
    "fcn": ("WEIGHTS", lambda path, device: taggers.tagger_embedder("fcn", path, device)),
    "hf": ("NAME_OR_FOLDER", encoders.encoder_embedder),
    music_encoders.MUQ: ("NAME_OR_FOLDER", music_encoders.muq_embedder),
    music_encoders.OMAR_RQ: ("NAME_OR_FOLDER", music_encoders.omar_rq_embedder),
}
"""Embedders with weights: what follows the name, and what makes the embedder of that."""
LAYERED = ("hf", music_encoders.MUQ, music_encoders.OMAR_RQ)
"""Those that offer several layers, by ``#K`` or ``#all`` behind the name."""
JOINT = "+"
"""Joins names of embedders without weights whose vectors are put one after the other."""
AUTO = "auto"
"""Features of a baseline that are chosen on validation songs, see :func:`affetti.api.train.run`."""
WITHOUT_WEIGHTS: dict[str, Embedder] = {embedder.name: embedder for embedder in (STATISTICS, HARMONY, HANDCRAFTED)}


def make_embedder(text: str, device: str = "cpu") -> Embedder:
    """The embedder that ``text`` names: ``statistics``, ``harmony``, ``regressor:RUN``, ``musicnn:WEIGHTS`` and so on.

    Networks run on ``device``; what has no weights is computed where the clips are.

    Raises:
        UsageError: there is none of that name, or what should follow the name does not.
        InputError, StorageError, MismatchError: the weights cannot be used.
        MissingDependencyError: a package that they need is not installed.
    """
    name, _, rest = text.partition(":")
    if name in WITHOUT_WEIGHTS and not rest:
        return WITHOUT_WEIGHTS[name]
    forms = [*WITHOUT_WEIGHTS, *(f"{other}:{needs}" for other, (needs, _) in FACTORIES.items())]
    if name not in FACTORIES or not rest:
        near = difflib.get_close_matches(name, [form.partition(":")[0] for form in forms], n=1)
        meant = [form for form in forms if near and form.partition(":")[0] == near[0]]
        hint = f"write {meant[0]}" if meant else f"choose from {', '.join(forms)}"
        raise UsageError(f"no features {text!r}", where="--features", hint=hint)
    # As a path, ./folder would become the name of a model of the Hub.
    return FACTORIES[name][1](str(expand_home(rest)) if rest.startswith("~") else rest, device)


def make_embedders(text: str, device: str = "cpu") -> tuple[Embedder, ...]:
    """The embedders that ``text`` names: one, or several without weights joined by ``+``; raises as above.

    Example:
        >>> [embedder.name for embedder in make_embedders("statistics+harmony")]
        ['statistics', 'harmony']
    """
    names = text.split(JOINT)
    if len(names) > 1 and ":" not in text:
        return tuple(make_embedder(name, device) for name in names)
    return (make_embedder(text, device),)
