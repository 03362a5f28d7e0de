"""Reads words from a file: plain text, or LRC with the times of its lines.

In an LRC file a line begins with one or more times, ``[01:23.45]``; several times repeat the line. ``[offset:+500]``
moves all lines half a second earlier; other tags in letters (``[ar:…]``) and times of single words (``<01:23.45>``) are
ignored. A line without a time belongs to the line before it. In either format a line that is all in brackets, such as
``[Chorus]``, is a heading and no words. Text is UTF-8, or UTF-16 with a byte-order mark, and brought to Unicode's
composed form (NFC), so that equal words are equal.

When not to use: for karaoke. Times of words are dropped.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

from affetti.corpus.annotations import Lyrics
from affetti.errors import InputError
from affetti.folders import NO_FILE, why_unusable
from affetti.storage import read_error

MAX_BYTES = 1 << 20
"""Largest file that can be the words of one recording."""
MAX_OFFSET = 3600.0
"""Largest shift that ``[offset:…]`` can be, seconds."""
MAX_SHOWN = 40
"""Characters of a wrong value that a message shows."""
TIME = re.compile(r"\s*\[(\d{1,3}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
WORD_TIME = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
TAG = re.compile(r"\s*\[([A-Za-z#]+):(.*)\]\s*")
HEADING = re.compile(r"\s*[\[【].*[\]】]\s*")


def read_lyrics(path: Path) -> Lyrics:
    """The words of a text or LRC file.

    Raises:
        InputError: it is missing, cannot be read, is not text, holds no words, or its times are not times; names the
            line.
    """
    text = _text(path)
    lyrics = parse_lyrics(text, path)
    if not any(lyrics.lines):
        raise InputError("holds no words", where=path, hint="leave the cell empty for music without words")
    return lyrics


def parse_lyrics(text: str, where: str | Path = "lyrics") -> Lyrics:
    r"""The words of a text: LRC if any line begins with a time, else plain.

    Raises:
        InputError: a time is wrong; names the line.

    Example:
        >>> parse_lyrics("[00:12.50]first line\n[00:15.00]second line")
        Lyrics(lines=('first line', 'second line'), times=(12.5, 15.0))
    """
    lines = unicodedata.normalize("NFC", text).splitlines()
    if any(TIME.match(line) for line in lines):
        return _timed(lines, where)
    return Lyrics(tuple(line.strip() for line in lines if line.strip() and not HEADING.fullmatch(line)))


def excerpt_lyrics(lyrics: Lyrics, start: float, stop: float) -> Lyrics:
    """The lines of a song that are sung from ``start`` to ``stop`` seconds, in seconds of that excerpt.

    A line that has begun before has a negative time. Lyrics without times are returned unchanged.
    """
    if not lyrics.times:
        return lyrics
    ends = (*lyrics.times[1:], float("inf"))
    kept = [
        (line, round(begin - start, 3))
        for line, begin, end in zip(lyrics.lines, lyrics.times, ends, strict=True)
        if begin < stop and end > start
    ]
    return Lyrics(tuple(line for line, _ in kept), tuple(time for _, time in kept))


def _timed(lines: list[str], where: str | Path) -> Lyrics:
    sung: list[tuple[float, int, str]] = []
    offset = 0.0
    for number, line in enumerate(lines, 1):
        times, rest = _leading_times(line, number, where)
        tag = TAG.fullmatch(rest)
        if not times and tag is not None:
            offset = _offset(tag[2], number, where) if tag[1].casefold() == "offset" else offset
            continue
        words = "" if HEADING.fullmatch(rest) else " ".join(WORD_TIME.sub(" ", rest).split())
        if not times and words:
            times = [sung[-1][0] if sung else 0.0]
        sung += [(time, number, words) for time in times]
    worded = {time for time, _, words in sung if words}
    if len(worded) == 1 and sum(bool(words) for _, _, words in sung) > 1:
        raise InputError(f"all lines have the time {worded.pop():g} s", where=where, hint="give them times, or none")
    sung.sort()
    times = tuple(round(max(0.0, time - offset), 3) for time, _, _ in sung)
    return Lyrics(tuple(words for _, _, words in sung), times)


def _leading_times(line: str, number: int, where: str | Path) -> tuple[list[float], str]:
    """The times that a line begins with, in seconds, and the rest of it."""
    times: list[float] = []
    while match := TIME.match(line):
        minutes, seconds, fraction = match.groups()
        if int(seconds) >= 60:
            shown = match[0].strip()
            raise InputError(f"line {number}: {shown} is no time (seconds run to 59)", where=where, hint="correct it")
        times.append(60.0 * int(minutes) + float(f"{seconds}.{fraction or 0}"))
        line = line[match.end() :]
    return times, line


def _offset(text: str, number: int, where: str | Path) -> float:
    shown = text.strip() if len(text) <= MAX_SHOWN else f"{text.strip()[:MAX_SHOWN]}…"
    try:
        milliseconds = int(text)
    except ValueError as error:
        what = f"line {number}: the offset {shown!r} is no number of milliseconds"
        raise InputError(what, where=where, hint="correct it") from error
    if abs(milliseconds) > 1000 * MAX_OFFSET:
        what = f"line {number}: the offset {shown} is more than an hour (in milliseconds)"
        raise InputError(what, where=where, hint="correct it")
    return milliseconds / 1000.0


def _text(path: Path) -> str:
    reason = why_unusable(path)
    if reason is not None:
        hint = "correct the path" if reason == NO_FILE else "check the path and its permissions"
        raise InputError(reason, where=path, hint=hint)
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        refused = read_error(path, error)
        raise InputError(refused.what, where=path, hint=refused.hint) from error
    if size > MAX_BYTES:
        raise InputError(f"{size:,} bytes are more than the words of a song", where=path, hint="check the path")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"neither UTF-8 nor UTF-16 text (byte {error.start})"
        raise InputError(what, where=path, hint="save it as UTF-8") from error
    if "\0" in text:
        raise InputError("not a text file", where=path, hint="give a text or .lrc file")
    return text
