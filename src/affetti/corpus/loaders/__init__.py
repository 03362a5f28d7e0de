"""Sources of labelled music, one small file each, of one outline: ``DATASET``, a card, and ``load(path, options)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from affetti.compose.renderer import find_soundfont, require_renderer
from affetti.compose.score import composed_programs
from affetti.compose.soundfont import N_PROGRAMS, open_soundfont
from affetti.corpus.joining import union
from affetti.corpus.loaders import composed, deam, emomusic, emopia, folder, jamendo, listening, midi, pmemo, vgmidi
from affetti.corpus.metadata import join
from affetti.corpus.track import Dataset, Options, Source
from affetti.errors import InputError, UsageError
from affetti.storage import expand_home, is_folder

LOADERS: dict[str, tuple[Dataset, Callable[[Path, Options], Source]]] = {
    module.DATASET.name: (module.DATASET, module.load)
    for module in (folder, midi, deam, emomusic, pmemo, emopia, jamendo, vgmidi, listening)
}
"""Loaders that read a path, by the name of their source."""


def load(
    source: str | Sequence[str],
    options: Options | None = None,
    *,
    clips: int = composed.SONGS,
    clips_per_song: int = 1,
    keys: int = 1,
    seed: int = 0,
) -> Source:
    """Read the labels of ``composed`` or of ``NAME:PATH``, NAME a key of :data:`LOADERS`; no audio yet.

    Args:
        source: one source, or several to be joined (see :func:`affetti.corpus.joining.union`).
        options: how data sets are read.
        clips: how many clips to compose.
        clips_per_song: how many clips to take of each composed song.
        keys: how many tonics composed songs may have.
        seed: of the composer.

    Raises:
        UsageError: the source is unknown, lacks its path, or is named twice.
        InputError: its labels, or the soundfont, cannot be used.
        MissingDependencyError: the voice is not installed.
    """
    options = options or Options()
    names = [source] if isinstance(source, str) else list(source)
    if len(set(names)) < len(names) or not names:
        raise UsageError(f"sources {', '.join(names) or 'none'}", where="SOURCE", hint="name each source once")
    require_renderer(options.renderer)
    notes = _soundfont_notes(options, names)
    if composed.DATASET.name in names:
        if len(names) > 1:
            raise UsageError("composed music is a corpus of its own", where="SOURCE", hint="prepare it on its own")
        _chosen(options, names)
        music = composed.load(clips, clips_per_song, seed, options.soundfont, keys, options.voice)
        return replace(music, notes=(*music.notes, *notes))
    for name in names:
        _require_known(name)
    chosen = _chosen(options, [name.partition(":")[0] for name in names])
    emomusic = next((name.partition(":")[2] for name in names if name.startswith("emomusic:")), None)
    if emomusic is not None:
        options = replace(options, reference=expand_home(emomusic))
    joined = union([_read(name, options) for name in names])
    if options.metadata is not None:
        joined = join(joined, expand_home(options.metadata))
    return replace(joined, options=chosen, notes=(*joined.notes, *notes))


CONCERNS = {
    "scale": ("folder", "midi", "jamendo"),
    "voice": ("composed",),
    "renderer": ("midi", "vgmidi", "emopia"),
    "deam_labels": ("deam",),
    "full_songs": ("deam",),
    "lexicon": ("jamendo",),
    "metadata": tuple(LOADERS),
}
"""Which sources an option concerns."""


def _soundfont_notes(options: Options, names: Sequence[str]) -> list[str]:
    """Open the soundfont that was given; a note of the programs that it lacks.

    Raises:
        InputError: it cannot be used.
    """
    if options.soundfont is None:
        return []
    path = find_soundfont(options.soundfont).resolve()
    if options.renderer != "affetti":
        return []
    programs = composed_programs() if composed.DATASET.name in names else range(N_PROGRAMS)
    note = open_soundfont(path, 22_050).substitutes(programs, drums=True)
    return [note] if note else []


def _chosen(options: Options, names: Sequence[str]) -> dict[str, Any]:
    """The options that were given; one that concerns none of the sources is refused."""
    default = Options()
    given = {name: getattr(options, name) for name in CONCERNS if getattr(options, name) != getattr(default, name)}
    for name in given:
        if not set(CONCERNS[name]) & set(names):
            flag = f"--{name.replace('_', '-')}"
            whose = " and ".join(CONCERNS[name])
            raise UsageError(f"it concerns {whose}, not {', '.join(names)}", where=flag, hint="leave it out")
    return {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}


def _require_known(source: str) -> None:
    if source.partition(":")[0] not in LOADERS:
        if is_folder(Path(source)):
            raise UsageError(
                f"{source!r} is a folder, without the kind of data in it",
                where="SOURCE",
                hint=f"write folder:{source}, or the name of a data set in place of folder",
            )
        offered = ", ".join(["composed", *(f"{other}:PATH" for other in LOADERS)])
        raise UsageError(f"unknown source {source!r}", where="SOURCE", hint=f"choose from {offered}")


def _read(source: str, options: Options) -> Source:
    name, _, path = source.partition(":")
    if not path:
        raise UsageError(f"{name} needs a path", where="SOURCE", hint=f"write {name}:PATH")
    folder = expand_home(path)
    if not is_folder(folder):
        raise InputError("no such folder", where=path, hint="check the path")
    return LOADERS[name][1](folder, options)
