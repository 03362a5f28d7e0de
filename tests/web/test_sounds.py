"""The store of sounds and its limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from affetti.web import sounds
from affetti.web.sounds import Sound, SoundStore


def filed(store: SoundStore, size: int) -> Sound:
    sound = store.new("a sound")
    sound.path.write_bytes(bytes(size))
    sound.midi.write_bytes(b"MThd")
    return sound


def test_the_oldest_sounds_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "MAX_SOUNDS", 2)
    store = SoundStore(tmp_path)
    first, second = filed(store, 1), filed(store, 1)
    third = filed(store, 1)
    assert [store.get(sound.id) is None for sound in (first, second, third)] == [True, False, False]
    assert not first.path.exists()
    assert not first.midi.exists()


def test_the_oldest_sounds_go_when_they_take_too_much_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "MAX_SOUND_BYTES", 1_000)
    store = SoundStore(tmp_path)
    kept = [filed(store, 600) for _ in range(3)]
    assert [store.get(sound.id) is None for sound in kept] == [True, False, False]
    newest = store.new("one more")
    assert [store.get(sound.id) is None for sound in kept] == [True, True, False]
    assert store.get(newest.id) is None  # not filed yet
