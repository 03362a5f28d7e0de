"""What a data set says of a recording besides its emotion: words, sections, language, tempo.

Words with times and sections are cut like the sound: a clip has the lines that are sung in it and the section that it
lies in. Words without times are those of the whole recording, and each of its clips has all of them.

When not to use: to align words to sound. Times are as given; a line that ends long before the next one begins still
counts up to :data:`MAX_LINE_SECONDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_LINE_SECONDS = 15.0
"""A timed line lasts until the next one, at most as long as this."""


@dataclass(frozen=True)
class Lyrics:
    """The words of a recording, line by line."""

    lines: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    """When each line begins, seconds, in order; empty: not known. A line without words ends the one before it."""

    def within(self, start: float, stop: float) -> str:
        """The lines sung from ``start`` to ``stop`` seconds, one per line; all lines where their times are not known.

        Example:
            >>> Lyrics(("first", "second", ""), (0.0, 10.0, 12.0)).within(11.0, 20.0)
            'second'
        """
        if not self.times:
            return "\n".join(self.lines)
        ends = [*self.times[1:], float("inf")]
        sung = [
            line
            for line, begin, end in zip(self.lines, self.times, ends, strict=True)
            if line and begin < stop and min(end, begin + MAX_LINE_SECONDS) > start
        ]
        return "\n".join(sung)


@dataclass(frozen=True)
class Section:
    """A section of a recording, such as its first chorus."""

    start: float
    """Seconds."""
    end: float
    label: str


@dataclass(frozen=True)
class Annotations:
    """What is known of one recording; empty text, an empty tuple and None mean "unknown"."""

    lyrics: Lyrics = Lyrics()
    language: str = ""
    """Language of the words, as the data set writes it."""
    section: str = ""
    """The section that the whole recording lies in, where it is an excerpt."""
    sections: tuple[Section, ...] = ()
    """In order of time, without overlap; there may be gaps."""
    tempo: float | None = None
    """Beats per minute."""
    genre_original: str = ""
    """Genre as published."""

    def section_at(self, start: float, stop: float) -> str:
        """The section that covers most of the time from ``start`` to ``stop``; "" where a gap covers more.

        Example:
            >>> Annotations(sections=(Section(0, 10, "verse"), Section(10, 30, "chorus"))).section_at(8, 14)
            'chorus'
        """
        if not self.sections:
            return self.section
        covered: dict[str, float] = {}
        for it in self.sections:
            overlap = min(it.end, stop) - max(it.start, start)
            covered[it.label] = covered.get(it.label, 0.0) + max(0.0, overlap)
        label = max(covered, key=covered.__getitem__)
        return label if covered[label] >= (stop - start) - sum(covered.values()) else ""

    def describe(self, start: float, clip: float) -> dict[str, Any]:
        """The columns of the clip of ``clip`` seconds that begins at ``start``."""
        return {
            "section": self.section_at(start, start + clip),
            "lyrics": self.lyrics.within(start, start + clip),
            "language": self.language,
            "tempo": self.tempo,
            "genre_original": self.genre_original,
        }

    def tables(self, song_id: str) -> dict[str, list[dict[str, Any]]]:
        """Rows of ``sections.parquet`` and of ``lyrics.parquet``, where there are sections and timed lines."""
        sections = [
            {"song_id": song_id, "section": it.label, "start": it.start, "duration": it.end - it.start}
            for it in self.sections
        ]
        lines = [
            {"song_id": song_id, "time": time, "line": line}
            for time, line in zip(self.lyrics.times, self.lyrics.lines, strict=False)
        ]
        return {name: rows for name, rows in (("sections", sections), ("lyrics", lines)) if rows}

    def beyond(self, seconds: float) -> str | None:
        """What is said of times after the end of a recording of ``seconds``; None where nothing is.

        A second more is tolerated: encoders pad, and tables are rounded.
        """
        last = max((it.end for it in self.sections), default=0.0)
        if last > seconds + 1.0:
            return f"sections up to {last:.1f} s, but it ends at {seconds:.1f} s: they may be of another recording"
        timed = [time for time, line in zip(self.lyrics.times, self.lyrics.lines, strict=False) if line]
        if timed and timed[-1] > seconds + 1.0:
            return f"lyrics up to {timed[-1]:.1f} s, but it ends at {seconds:.1f} s: they may be of another recording"
        return None


UNKNOWN = Annotations()
"""Of a recording that nothing is known of."""
