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

    @property
    def size(self) -> int:
        """Bytes of the sound; 0 until it has been filed."""
        return self.path.stat().st_size if self.path.is_file() else 0


class SoundStore:
    """The sounds of one server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sounds: OrderedDict[str, Sound] = OrderedDict()

    def new(self, title: str) -> Sound:
        """A place for a sound that a task will file; the oldest beyond the limit are removed."""
        name = new_id()
        sound = Sound(name, self.folder / f"{name}.flac", title)
        self._sounds[name] = sound
        sizes = {name: sound.size for name, sound in self._sounds.items()}
        total = sum(sizes.values())
        while len(self._sounds) > MAX_SOUNDS or (total > MAX_SOUND_BYTES and len(self._sounds) > 1):
            name, oldest = self._sounds.popitem(last=False)
            total -= sizes[name]
            oldest.path.unlink(missing_ok=True)
            oldest.midi.unlink(missing_ok=True)
        return sound

    def get(self, name: str) -> Sound | None:
        """The sound of this id, if it is there."""
        sound = self._sounds.get(name)
        return sound if sound is not None and sound.path.is_file() else None
