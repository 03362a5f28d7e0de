"""Sources of labelled music, one small file each, all of one outline: ``NAME``, licence, citation, ``load``."""

from __future__ import annotations

from pathlib import Path

from affetti.compose.render import soundfont as find_soundfont
from affetti.compose.soundfont import open_soundfont
from affetti.corpus.loaders import composed, emopia, folder, midi, vgmidi
from affetti.corpus.track import Source
from affetti.errors import UsageError

PATH_LOADERS = {"folder": folder.load, "midi": midi.load, "vgmidi": vgmidi.load, "emopia": emopia.load}


def load(
    source: str,
    *,
    scale: str | None = None,
    soundfont: Path | None = None,
    clips: int = composed.SONGS,
    clips_per_song: int = 1,
    keys: int = 1,
    seed: int = 0,
) -> Source:
    """Read the labels of ``composed``, ``folder:PATH``, ``midi:PATH``, ``vgmidi:PATH``, ``emopia:PATH``; no audio yet.

    Args:
        source: the name of a loader and, but for ``composed``, a path.
        scale: the scale of the labels of ``folder`` and ``midi``, a key of :data:`affetti.emotion.SCALES`.
        soundfont: what MIDI and composed songs are rendered with.
        clips: how many clips to compose.
        clips_per_song: how many clips to take of each composed song.
        keys: how many tonics composed songs may have.
        seed: of the composer.

    Raises:
        UsageError: the source is unknown or lacks its path.
        InputError: its labels, or the soundfont, cannot be used.
    """
    name, _, path = source.partition(":")
    if soundfont is not None:
        open_soundfont(find_soundfont(soundfont).resolve(), 22_050)
    if name == composed.NAME and not path:
        return composed.load(clips, clips_per_song, seed, soundfont, keys)
    if name not in PATH_LOADERS:
        offered = ", ".join(["composed", *(f"{other}:PATH" for other in PATH_LOADERS)])
        raise UsageError(f"unknown source {source!r}", where="SOURCE", hint=f"choose from {offered}")
    if not path:
        raise UsageError(f"{name} needs a path", where="SOURCE", hint=f"write {name}:PATH")
    return PATH_LOADERS[name](Path(path), scale=scale, soundfont=soundfont)
