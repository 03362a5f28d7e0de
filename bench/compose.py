"""How fast songs are composed and rendered on one core, in times real time."""

from __future__ import annotations

import time

from affetti.compose.renderer import render
from affetti.compose.score import compose
from affetti.compose.voice import sing

SONGS = 20

if __name__ == "__main__":
    render(compose(0, SONGS), 22_050, voice="formant")  # opens the soundfont
    began = time.process_time()
    songs = [compose(0, index) for index in range(SONGS)]
    composed = time.process_time() - began
    for song in songs:
        render(song, 22_050)
    total = time.process_time() - began
    length = sum(song.duration for song in songs)
    sung = [song for song in songs if any(section.lines for section in song.sections)]
    began = time.process_time()
    for song in sung:
        sing(song, [section.lines for section in song.sections], 22_050)
    voiced = time.process_time() - began
    length_sung = sum(song.duration for song in sung)
    print(f"compose {length / composed:8.0f} × real time")
    print(f"compose and render {length / total:8.0f} × real time")
    print(f"the voice alone, songs with words {length_sung / voiced:8.0f} × real time")
    print(f"compose, render and sing, all songs {length / (total + voiced):8.0f} × real time")
