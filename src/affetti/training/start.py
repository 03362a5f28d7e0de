"""Start the training of a regressor from the weights of another run, rather than from random ones."""

from __future__ import annotations

from pathlib import Path

from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, UsageError
from affetti.models.base import Generator, Regressor
from affetti.training import run as runs
from affetti.training.registry import FAMILIES, family

COMPOSED = "composed"
"""Source of corpora that affetti composed."""


def start_from(model: Generator | Regressor, kind: str, path: Path, corpus: Corpus, test_songs: list[str]) -> str:
    """Give ``model`` the weights of the run ``path``; its normaliser is fitted to the new clips when it is trained.

    Args:
        model: the untrained model; its weights are replaced.
        kind: its family.
        path: the run; ``shipped``: the network that ships with affetti.
        corpus: what the model is trained on.
        test_songs: songs that it will be tested on.

    Returns:
        The hash of the run's weights.

    Raises:
        UsageError: the model is no network that predicts emotion, or the run is of another family or other sizes.
        MismatchError: the run takes another front-end, was trained on test songs, or both were composed by affetti:
            then no song tests the model, for the run has been trained on the composer's rules.
    """
    if not family(kind).augmentable:
        others = " or ".join(name for name, other in FAMILIES.items() if other.augmentable)
        raise UsageError(
            f"a {kind} does not start from a run", where="--init", hint=f"leave it out, or train a {others}"
        )
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
    if trained.meta.corpus.source == COMPOSED and corpus.composed:
        raise MismatchError(
            "was trained on composed music, and this corpus is composed by the same rules: no test song is new to it",
            where=path,
            hint="leave out --init, or give a corpus of real music",
        )
    splits.require_held_out(test_songs, trained.songs, path)
    try:
        model.load_state_dict(trained.model.state_dict())
    except RuntimeError as error:
        raise UsageError(
            f"has other sizes than this {kind}", where=path, hint="leave out --set, or give a run of the same sizes"
        ) from error
    return trained.meta.weights_sha256
