"""Compare the length that a container declares with the bytes of the file. Decodes nothing.

A file is ``truncated`` when bytes that its container declares are missing, and ``wrong-length`` when nothing is missing
but a header declares another length. libsndfile ignores the first without a message and believes the second. Every
other file is ``complete``; containers that libsndfile does not read (MP4, Matroska, ASF) are not inspected here.

- WAV names its length twice (RIFF and data), AIFF once. It is cut when every declared length reaches beyond the end,
  and its data size lies when what follows the data is no chunk. Writers to a pipe cannot know the size: they put 0 or
  2³²-1 which declare nothing. Beyond 4 GB the sizes are known modulo 2³² only.
- Ogg marks its last page. Streams may follow one another in a file (chained), and so may MP3s with tags between: each
  decoder stops after the first, so :func:`streams` gives their places.
- MP3 is a chain of frames that name their own length: it is cut when the chain ends inside a frame. The first frame may
  name (Xing, Info) their number; where it does not, libsndfile guesses the length from the first bit rate. Layer II is
  the same without that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import FileIO
from typing import Literal

Verdict = Literal["complete", "truncated", "wrong-length"]

MAX_CHUNKS = 1_000
"""Chunks or tags inspected before the sound."""


def inspect(file: FileIO) -> Verdict:
    """Inspect an open file; its position afterwards is undefined.

    Returns:
        ``complete``, ``truncated`` or ``wrong-length``, see the module.
    """
    size = file.seek(0, 2)
    head = _at(file, 0, 12)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:] == b"WAVE":
        return _wav(file, head, size)
    if head[:4] == b"FORM":
        return "truncated" if int.from_bytes(head[4:8], "big") + 8 > size + 1 else "complete"
    if head[:4] == b"OggS":
        return _ogg(file, size)
    return _mp3(file, size)


def is_mpeg(file: FileIO) -> bool:
    """Whether a file is a chain of frames of MPEG audio, layer II or III, without another container."""
    size = file.seek(0, 2)
    return _mpeg_chain(file, _after_tags(file, 0), size)[0] > 0


def streams(file: FileIO) -> list[tuple[int, int]]:
    """Begin and end, in bytes, of the streams that follow one another in a file; one range for all other files."""
    size = file.seek(0, 2)
    starts = _ogg_streams(file, size) if _at(file, 0, 4) == b"OggS" else _mpeg_streams(file, size)
    return list(zip(starts, [*starts[1:], size], strict=True))


def _ogg_streams(file: FileIO, size: int) -> list[int]:
    """Where streams begin: at pages that begin one (bit 1) after a page that does not."""
    starts, at, is_first = [0], 0, True
    while at + 27 <= size:
        page = _at(file, at, 27 + 255)
        if page[:4] != b"OggS" or len(page) < 27:
            break  # not a page: what is wrong there is for the decoder to find
        begins = bool(page[5] & 2)
        if begins and not is_first:
            starts.append(at)
        is_first = begins
        at += 27 + page[26] + sum(page[27 : 27 + page[26]])
    return starts


def _mpeg_streams(file: FileIO, size: int) -> list[int]:
    """Where streams of MPEG audio begin: the first at 0, further ones after tags at the end of a chain of frames."""
    starts, at = [0], 0
    for _ in range(MAX_CHUNKS):
        _, end = _mpeg_chain(file, _after_tags(file, at), size)
        following = _after_tags(file, end)
        if not end < following < size or _mpeg_chain(file, following, size)[0] < MIN_FRAMES:
            break
        starts.append(following)
        at = following
    return starts


def _after_tags(file: FileIO, at: int) -> int:
    """The first byte from ``at`` on that is not part of an ID3 (1 or 2) or APE tag."""
    for _ in range(MAX_CHUNKS):
        head = _at(file, at, 16)
        if head[:3] == b"ID3" and len(head) >= 10:
            at += 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        elif head[:3] == b"TAG":
            at += 128
        elif head[:8] == b"APETAGEX" and len(head) == 16:
            at += 32 + int.from_bytes(head[12:16], "little")
        else:
            break
    return at


def _mpeg_chain(file: FileIO, at: int, size: int) -> tuple[int, int]:
    """The number of frames of layer II or III in the chain that begins at ``at``, and its end."""
    head = _at(file, at, 4)
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or (layer := 4 - (head[1] >> 1 & 3)) not in (2, 3):
        return 0, at
    return _frames(file, at, size, head[1] | 1, _lengths(head[1] >> 3 & 3, layer))


def _at(file: FileIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _wav(file: FileIO, head: bytes, size: int) -> Verdict:
    order = "big" if head[:4] == b"RIFX" else "little"
    riff, at = int.from_bytes(head[4:8], order), 12
    long: list[int] = []  # RF64: the sizes of RIFF and of data in 64 bits
    for _ in range(MAX_CHUNKS):
        chunk = _at(file, at, 8)
        if chunk[:4] == b"data" and len(chunk) == 8:
            break
        if not _has_chunk_name(chunk):
            return "complete"  # without data: for the decoder to refuse
        if chunk[:4] == b"ds64":
            sizes = _at(file, at + 8, 16)
            long = [int.from_bytes(sizes[:8], order), int.from_bytes(sizes[8:], order)]
        length = int.from_bytes(chunk[4:], order)
        at += 8 + length + length % 2
    else:
        return "complete"
    start = at + 8
    data = int.from_bytes(chunk[4:], order)
    if long:
        riff, data = long
    ends = [end for size_field, end in ((riff, riff + 8), (data, start + data)) if not _is_unset(size_field)]
    if ends and min(ends) > size + 1:
        return "truncated"
    # How far the file is said to go: to its end where RIFF says nothing, or has lost a multiple of 2³², and where a
    # writer that was ended has filled in neither. What lies between the sound and there must be chunks.
    wrapped = (size - riff - 8) % 2**32 == 0
    declared = size if data == 0 or wrapped or _is_unset(riff) else min(riff + 8, size)
    return (
        "wrong-length" if start + data + 8 < declared and not _chunk_follows(file, start + data, size) else "complete"
    )


def _is_unset(size: int) -> bool:
    """Whether a 32-bit size is a placeholder; the middle range is what sox writes for RIFF and for data."""
    return size == 0 or 0x7FFFF000 <= size < 0x7FFFF040 or 0xFFFFFFF0 <= size < 2**32


def _chunk_follows(file: FileIO, at: int, size: int) -> bool:
    """Whether a chunk begins at ``at``, or a byte later: some writers forget the padding, some do not."""
    for begin in (at, at + 1):
        chunk = _at(file, begin, 8)
        length = min(int.from_bytes(chunk[4:], order) for order in ("little", "big"))
        if _has_chunk_name(chunk) and begin + 8 + length <= size + 1:
            return True
    return False


def _has_chunk_name(chunk: bytes) -> bool:
    """Whether eight bytes begin with four letters, as a chunk does."""
    return len(chunk) == 8 and all(32 <= byte < 127 for byte in chunk[:4])


def _ogg(file: FileIO, size: int) -> Verdict:
    tail = _at(file, max(0, size - 65_536 - 282), 65_536 + 282)  # the last page is at most that long
    last = tail[max(0, tail.rfind(b"OggS")) :]
    if len(last) < 27 or not last[5] & 4:  # bit 2: end of stream
        return "truncated"
    return "truncated" if len(last) < 27 + last[26] + sum(last[27 : 27 + last[26]]) else "complete"


BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
"""Layer III, in kbit/s, by the four bits in the header: MPEG 1 (true) and 2, 2.5. 0 is free or forbidden."""
LAYER_2_BIT_RATES = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0)
"""Layer II of MPEG 1, in kbit/s; of MPEG 2 it has those of layer III."""
MIN_FRAMES = 4
"""Frames in a row that are taken for a further stream: tags may hold the two bytes that one begins with."""
SAMPLE_RATES = {3: (44_100, 48_000, 32_000, 0), 2: (22_050, 24_000, 16_000, 0), 0: (11_025, 12_000, 8_000, 0)}
"""Sample rates by version (3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5) and the two bits in the header."""


def _mp3(file: FileIO, size: int) -> Verdict:
    at = _after_tags(file, 0)
    frames, end = _mpeg_chain(file, at, size)
    if frames == 0:
        return "complete"
    if end > size:
        return "truncated"
    first = _at(file, at, 64)
    if first[1] & 6 == 4:  # layer II has no count of frames; decoders read it to its end
        return "complete"
    # Flag 1: the number of frames follows.
    mark = re.search(rb"(?:Xing|Info)\0\0\0[\1\3\5\7\11\13\15\17](.{4})", first, re.DOTALL)
    return "complete" if mark and int.from_bytes(mark[1], "big") == frames - 1 else "wrong-length"


def _lengths(version: int, layer: int) -> list[int]:
    """Bytes of a frame by the third byte of its header (bit rate, sample rate, padding); 0: no such frame."""
    rates, slots = SAMPLE_RATES.get(version, (0,) * 4), 144_000 if version == 3 or layer == 2 else 72_000
    bit_rates = LAYER_2_BIT_RATES if version == 3 and layer == 2 else BIT_RATES[version == 3]
    return [
        slots * bits // rate + (byte >> 1 & 1) if (bits := bit_rates[byte >> 4]) and rate else 0
        for byte in range(256)
        for rate in (rates[byte >> 2 & 3],)
    ]


def _frames(file: FileIO, at: int, size: int, sync: int, lengths: Sequence[int]) -> tuple[int, int]:
    """The number of frames in the chain from ``at`` on, and its end; ``sync`` is their second byte, last bit set."""
    count, base, held = 0, at, b""
    while at + 4 <= size:
        if at + 4 > base + len(held):
            base, held = at, _at(file, at, 1 << 20)
            if len(held) < 4:
                break
        here = at - base
        if held[here] != 0xFF or held[here + 1] | 1 != sync or not (length := lengths[held[here + 2]]):
            break
        count += 1
        at += length
    return count, at
