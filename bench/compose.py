"""How fast songs are composed and rendered on one core, in times real time."""

from __future__ import annotations

import time

from affetti.compose.render import render
from affetti.compose.score import compose

SONGS = 20

if __name__ == "__main__":
    render(compose(0, SONGS), 22_050)  # opens the soundfont
    began = time.process_time()
    songs = [compose(0, index) for index in range(SONGS)]
    composed = time.process_time() - began
    for song in songs:
        render(song, 22_050)
    total = time.process_time() - began
    length = sum(song.duration for song in songs)
    print(f"compose {length / composed:8.0f} × real time")
    print(f"compose and render {length / total:8.0f} × real time")
