"""Sounds that the page can play, by id: files in the server's own temporary folder, the oldest removed first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from affetti.web.jobs import new_id
from affetti.web.limits import MAX_SOUND_BYTES, MAX_SOUNDS


@dataclass(frozen=True)
class Sound:
    """A sound that was made or uploaded here."""

    id: str
    path: Path
    """FLAC."""
    title: str
    """Offered as the name of a download."""

    @property
    def midi(self) -> Path:
        """The same as MIDI, where it was composed."""
        return self.path.with_suffix(".mid")


class SoundStore:
    """The sounds of one server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sounds: OrderedDict[str, Sound] = OrderedDict()
        self._sizes: dict[str, int] = {}
        """Bytes of the sounds that are known to have been filed."""

    def new(self, title: str) -> Sound:
        """A place for a sound that a task will file; the oldest beyond the limit are removed."""
        name = new_id()
        sound = Sound(name, self.folder / f"{name}.flac", title)
        self._sounds[name] = sound
        for other in self._sounds.values():
            if other.id not in self._sizes and other.path.is_file():
                self._sizes[other.id] = other.path.stat().st_size
        while len(self._sounds) > MAX_SOUNDS or (sum(self._sizes.values()) > MAX_SOUND_BYTES and len(self._sounds) > 1):
            name, oldest = self._sounds.popitem(last=False)
            self._sizes.pop(name, None)
            oldest.path.unlink(missing_ok=True)
            oldest.midi.unlink(missing_ok=True)
        return sound

    def get(self, name: str) -> Sound | None:
        """The sound of this id, if it is there."""
        sound = self._sounds.get(name)
        return sound if sound is not None and sound.path.is_file() else None
