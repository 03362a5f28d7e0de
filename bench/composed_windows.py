"""Composed songs played in many ways, as log-mels and descriptors: what `shipped_regressor.py` trains on.

Songs are composed by rules in all keys (half of them with cues that hold throughout), four sections of each, and played
in ways that the labels do not depend on: four of ten by a piano alone, the others by their own or other instruments,
with and without drums and bass; by each of four soundfonts in turn; with uneven timing, velocities and balance; through
random filters, rooms, saturation and noise, at random levels. Labels are the emotion that the cues of a window have,
without simulated raters.

Soundfonts: TimGM6mb (timgm6mb-soundfont), FluidR3_GM (fluid-soundfont-gm), MuseScore_General_Full
(musescore-general-soundfont-lossless) and OPL-3_FM_128M (opl3-soundfont), of Debian.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.compose import Note, Part, Song, compose, draw_cues, render, valence_arousal
from affetti.compose.arrangement import decision_rng
from affetti.embedders.descriptors import embed_handcrafted
from affetti.presets import mel_front_end
from affetti.signal.mel import MelSpectrogram

Floats = NDArray[np.float64]
FOLDER = Path("/usr/share/sounds/sf2")
FONTS = tuple(FOLDER / f"{name}.sf2" for name in ("TimGM6mb", "FluidR3_GM", "MuseScore_General_Full", "OPL-3_FM_128M"))
CHORD_PROGRAMS = (0, 0, 0, 1, 4, 5, 6, 11, 16, 19, 24, 25, 26, 27, 29, 46, 48, 49, 50, 52, 61, 81, 88, 89, 90)
BASS_PROGRAMS = (32, 33, 34, 35, 38, 39, 42, 43, 58)
FRONT = mel_front_end("tiny")
LONG = replace(FRONT, seconds=15.0)
"""Windows of descriptors: on composed songs of other styles, instruments and soundfonts than those of the training
songs, valence was predicted better from 15 s than from 5.9 s."""
RATE = FRONT.sample_rate
SEED, SONGS, SONGS_PER_FILE, SECTIONS = 1, 1_200, 100, 4


def draw_song(index: int) -> tuple[Song, np.random.Generator]:
    """Four sections of a composed song as they are played, and the generator that its sound is drawn from."""
    rng = np.random.default_rng([SEED, index, 0x5A1D])
    piano = rng.random() < 0.4
    change = {"timbre": "piano"} if piano else {}
    if rng.random() < 0.5:  # the cues of a song hold throughout
        change = asdict(draw_cues(decision_rng(SEED, index, "cues"))) | change
    song = compose(SEED, index, change, keys=12)
    first = int(rng.integers(len(song.sections) - SECTIONS + 1))
    sections = song.sections[first : first + SECTIONS]
    start, end = sections[0].start, sections[-1].start + sections[-1].duration
    grand = int(rng.choice([0, 0, 1]))
    has_drums, has_bass, other = rng.random() < 0.6, rng.random() < 0.85, rng.random() < 0.5
    programs = {"chords": int(rng.choice(CHORD_PROGRAMS)), "bass": int(rng.choice(BASS_PROGRAMS))}
    jitter, unevenness = rng.uniform(0, 0.02), rng.uniform(0, 0.12)
    parts: list[Part] = []
    for part in song.parts:
        if part.is_drum and (piano or not has_drums):
            continue
        if part.name == "bass" and not has_bass and not piano:
            continue
        program = grand if piano else programs.get(part.name, part.program) if other else part.program
        balance = 10 ** (rng.normal(0, 2) / 40)
        notes: list[Note] = []
        for note in part.notes:
            if start - 1e-6 <= note.start < end - 1e-6:
                velocity = int(np.clip(round(note.velocity * balance * np.exp(rng.normal(0, unevenness))), 1, 127))
                at = max(0.0, note.start - start + rng.normal(0, jitter))
                notes.append(Note(at, note.duration, note.pitch, velocity))
        if notes:
            parts.append(replace(part, program=program, notes=tuple(notes)))
    moved = tuple(replace(section, start=section.start - start) for section in sections)
    return replace(song, sections=moved, parts=tuple(parts)), rng


def randomise_sound(waveform: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A waveform through a random filter, room, saturation, noise and level."""
    size = 1 << (len(waveform) + 2 * RATE - 1).bit_length()
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / RATE), 30) / 30)
    spectrum = np.fft.rfft(waveform, size)
    rng.random()  # of no use: the sounds that the shipped weights were fitted to were drawn after it
    if rng.random() < 0.6:
        spectrum = spectrum * 10 ** (np.interp(octaves, np.linspace(0, 8.6, 6), rng.normal(0, 4, 6)) / 20)
    if rng.random() < 0.4:
        seconds = rng.uniform(0.2, 1.6)
        length = int(seconds * RATE)
        room = rng.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
        room /= np.sqrt(np.square(room).sum())
        spectrum = spectrum * (1 + 10 ** (rng.uniform(-14, -4) / 20) * np.fft.rfft(room, size))
    sound = np.fft.irfft(spectrum, size)[: len(waveform)]
    rms = np.sqrt(np.square(sound).mean()) + 1e-9
    if rng.random() < 0.3:
        drive = rng.uniform(0.5, 3) / (3 * rms)
        sound = np.tanh(sound * drive) / drive
    if rng.random() < 0.3:
        sound = sound + rng.normal(size=len(sound)) * rms * 10 ** (-rng.uniform(25, 50) / 20)
    return (sound * 10 ** (rng.normal(0, 5) / 20)).astype(np.float32)


def emotion_of(song: Song, start: float, seconds: float) -> Floats:
    """Mean emotion of the cues of the window of ``seconds`` that begins at ``start``."""
    end = start + seconds
    inside = np.array([min(s.start + s.duration, end) - max(s.start, start) for s in song.sections]).clip(0)
    return inside @ np.array([valence_arousal(section.cues) for section in song.sections]) / inside.sum()


@dataclass(frozen=True)
class Windows:
    """Windows of composed songs."""

    mel: NDArray[np.float16]
    mel_labels: Floats
    mel_songs: NDArray[np.intp]
    descriptors: Floats
    labels: Floats
    songs: NDArray[np.intp]

    @classmethod
    def join(cls, parts: list[Windows]) -> Windows:
        """All of them."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def compose_windows(first: int, count: int) -> Windows:
    """Log-mels of eight windows and descriptors of two longer ones of each of ``count`` songs."""
    to_mel = MelSpectrogram(FRONT)
    mels: list[NDArray[np.float16]] = []
    sounds: list[torch.Tensor] = []
    rows: dict[str, list[tuple[int, Floats]]] = {"mel": [], "sound": []}
    for index in range(first, first + count):
        song, rng = draw_song(index)
        font = FONTS[index // SONGS_PER_FILE % len(FONTS)]
        sound = torch.from_numpy(randomise_sound(render(song, RATE, font), rng))
        own = [section.start for section in song.sections]
        drawn = rng.uniform(0, len(sound) / RATE - FRONT.seconds - 0.05, 4)
        for start in np.sort([*own, *drawn]):
            part = sound[round(start * RATE) : round(start * RATE) + FRONT.samples]
            with torch.inference_mode():
                mels.append(to_mel(part).numpy().astype(np.float16))
            rows["mel"].append((index, emotion_of(song, float(start), FRONT.seconds)))
        for start in (0.0, len(sound) / RATE - LONG.seconds - 0.05):
            sounds.append(sound[round(start * RATE) : round(start * RATE) + LONG.samples])
            rows["sound"].append((index, emotion_of(song, start, LONG.seconds)))
    labels = {name: np.array([label for _, label in rows[name]]) for name in rows}
    songs = {name: np.array([index for index, _ in rows[name]]) for name in rows}
    vectors = embed_handcrafted(torch.stack(sounds)).double().numpy()
    return Windows(np.stack(mels), labels["mel"], songs["mel"], vectors, labels["sound"], songs["sound"])


def composed_windows(work: Path, songs: int) -> Windows:
    """Windows of the first ``songs`` songs; what ``work`` holds is not composed again."""
    parts: list[Windows] = []
    for first in range(0, songs, SONGS_PER_FILE):
        file = work / f"{first:05d}.npz"
        if not file.is_file():
            made = compose_windows(first, min(SONGS_PER_FILE, songs - first))
            np.savez(file, **{name: getattr(made, name) for name in Windows.__dataclass_fields__})
            print(f"composed {first + SONGS_PER_FILE} songs", flush=True)
        with np.load(file) as saved:
            parts.append(Windows(**{name: saved[name] for name in Windows.__dataclass_fields__}))
    return Windows.join(parts)
