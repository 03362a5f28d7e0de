"""Malformed requests, bodies and recordings, drawn by a seeded generator."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Iterator

import av
import numpy as np
import soundfile

N_RAW, N_JSON, N_UPLOADS = 210, 150, 140
POINT = {"time": 0.0, "valence": 0.5, "arousal": 0.4}


def draw(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - of tests


def raw_requests(rng: random.Random, host: str) -> Iterator[bytes]:
    """Requests that are malformed, or ask for what is not there."""
    addresses = ["/", "/static/main.js", "/api/v1/plane", "/api/v1/compose", "/api/v1/predict", "/api/v1/jobs/x"]
    tricks = [
        "%2e%2e/",
        "..%2f",
        "../",
        "..%5c",
        "%00",
        "%c0%ae%c0%ae/",
        "//",
        "%252e%252e/",
        "/etc/passwd",
        "%0d%0aA:b",
    ]
    roots = ["/static/", "/api/v1/sounds/", "/api/v1/jobs/", "/api/v1/reports/", "/"]
    ends = ["", ".flac", ".mid", "/analysis", "/events", "app.py", "etc/passwd"]
    methods = ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "BREW", "get", "POST" * 50, "PRI"]
    good = f"Host: {host}\r\nConnection: close\r\n"

    def path_trick() -> bytes:
        path = rng.choice(roots) + "".join(rng.choices(tricks, k=rng.randint(1, 6))) + rng.choice(ends)
        return f"{rng.choice(['GET', 'POST'])} {path} HTTP/1.1\r\n{good}\r\n".encode()

    def wrong_method() -> bytes:
        return f"{rng.choice(methods)} {rng.choice(addresses)} HTTP/1.1\r\n{good}\r\n".encode()

    def huge_header() -> bytes:
        name = rng.choice(["Cookie", "Host", "X-A" * 500, "Content-Type", "Origin", "Range", "Accept"])
        return f"GET / HTTP/1.1\r\n{good}{name}: {'a' * rng.choice([9_000, 20_000, 400_000])}\r\n\r\n".encode()

    def many_headers() -> bytes:
        lines = "".join(f"X-{i}: {i}\r\n" for i in range(rng.choice([50, 5_000])))
        return f"GET / HTTP/1.1\r\n{good}{lines}\r\n".encode()

    def long_address() -> bytes:
        root = rng.choice(["/", "/api/v1/jobs/", "/static/", "/?token=", "/api/v1/sounds/"])
        return f"GET {root}{'a' * rng.choice([300, 5_000, 60_000])} HTTP/1.1\r\n{good}\r\n".encode()

    def wrong_length() -> bytes:
        length = rng.choice(["-1", "1e9", "99999999999999999999", "5, 6", "0x10", "", "4294967296", "3"])
        return f"POST {rng.choice(addresses)} HTTP/1.1\r\n{good}Content-Length: {length}\r\n\r\n{{}}".encode()

    def two_lengths() -> bytes:
        lengths = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"
        return f"POST /api/v1/compose HTTP/1.1\r\n{good}{lengths}\r\n0\r\n\r\n".encode()

    def chunked() -> bytes:
        size = rng.choice(["2", "FFFFFFFFFFFFFFFF", "-1", "zz", "2;ext=" + "a" * 5_000, "00000002"])
        head = f"{good}Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        return f"POST /api/v1/compose HTTP/1.1\r\n{head}\r\n{size}\r\n{{}}\r\n0\r\n\r\n".encode()

    def other_host() -> bytes:
        name = rng.choice(["evil.example", f"{host}.evil.example", "127.0.0.1@evil", "[::1", "", "a:b:c", "\xff"])
        return f"GET /api/v1/plane HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode("latin-1")

    def other_origin() -> bytes:
        line = rng.choice(
            ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Origin: [", "Origin: "]
        )
        return f"POST /api/v1/compose HTTP/1.1\r\n{good}{line}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    def odd_line() -> bytes:
        return rng.choice(
            [
                f"GET http://evil.example/api/v1/plane HTTP/1.1\r\n{good}\r\n".encode(),
                f"GET http://{host}/api/v1/plane HTTP/1.1\r\n{good}\r\n".encode(),
                b"GET / HTTP/1.0\r\n\r\n",
                b"GET / HTTP/0.9\r\n\r\n",
                b"GET /\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"GET / HTTP/2.0\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"* / HTTP/1.1\r\n\r\n",
                f"OPTIONS * HTTP/1.1\r\n{good}\r\n".encode(),
                f"CONNECT evil:443 HTTP/1.1\r\n{good}\r\n".encode(),
                f"GET / HTTP/1.1\r\n{good}Host: {host}\r\n\r\n".encode(),
                b"\r\n" * 500,
                b"\x16\x03\x01\x02\x00\x01\x00" * 20,
                rng.randbytes(rng.randint(1, 3_000)),
                b"GET / HTTP/1.1\nHost: x\n\n",
                b"GET  /  HTTP/1.1\r\n\r\n",
            ]
        )

    def upgrade() -> bytes:
        key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 13\r\n"
        return f"GET {rng.choice(addresses)} HTTP/1.1\r\nHost: {host}\r\n{key}\r\n".encode()

    def content_type() -> bytes:
        kind = rng.choice(
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "é"]
        )
        body = json.dumps({"curve": [POINT]})
        head = f"{good}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        return f"POST /api/v1/compose HTTP/1.1\r\n{head}\r\n{body}".encode()

    def range_header() -> bytes:
        ranges = rng.choice(["bytes=-1", "bytes=9-1", "bytes=" + "0-0," * 2_000, "bytes=0-1e9", "lines=1-2", "bytes=a"])
        return f"GET /static/main.js HTTP/1.1\r\n{good}Range: {ranges}\r\n\r\n".encode()

    kinds = [path_trick, wrong_method, huge_header, many_headers, long_address, wrong_length, two_lengths, chunked,
             other_host, other_origin, odd_line, upgrade, content_type, range_header]  # fmt: skip
    for i in range(N_RAW):
        yield kinds[i % len(kinds)]()


VALUES: list[str] = [
    "NaN", "Infinity", "-Infinity", "1e999", "-1e308", "1" + "0" * 400, "9" * 5_000, "true", "false", "null", "[]",
    "{}", '""', '"x"', '"' + "y" * 30_000 + '"', '"\\ud800"', '"\\u0000"', '"a\\nb\\u001b[31m"', '"../../etc/passwd"',
    '"m0"', "[" * 900 + "]" * 900, "[[[[1]]]]", '{"a": {"b": {"c": 1}}}', "-1", "0.5", "1e-320", "-0.0", "2147483648",
    "9223372036854775808", '["' + '","'.join("abc") + '"]', '{"__class__": "os.system"}', "1.5", "12", "181",
]  # fmt: skip
"""JSON texts that stand where another value is expected."""


def json_bodies(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Addresses and bodies in which one value, or one key, is not what it should be."""
    forms = {
        "/compose": '{"curve": [{"time": 0, "valence": 0.1, "arousal": @}], "seconds": 4}|{"curve": @}|'
        '{"curve": [@], "seconds": 4}|{"curve": [{"time": @, "valence": 0, "arousal": 0}], "seconds": 4}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": @}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "genre": @}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "seed": @}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "key": @}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "held": @}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "held": {"tempo": @}}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "held": {"mode": @}}|'
        '{"curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": 4, "seconds": @}|@',
        "/sample": '{"model": @, "valence": 0, "arousal": 0}|{"model": "m0", "valence": @, "arousal": 0}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "seed": @}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "sampling": @}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "sampling": {"guidance": @}}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "sampling": {"steps": @}}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "conditions": @}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "conditions": {"genre": @}}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "conditions": {"instruments": @}}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "conditions": {"lyrics": @}}|'
        '{"model": "m0", "valence": 0, "arousal": 0, "conditions": {"mode": @, "section": @}}',
        "/songs": '{"model": "m0", "curve": @, "seconds": 6}|{"model": "m0", "curve": [@], "seconds": 6}|'
        '{"model": "m0", "curve": [{"time": 0, "valence": 0, "arousal": 0}], "seconds": @, "sampling": {"steps": 1}}|'
        '{"model": @, "curve": [], "seconds": @}',
        "/rounds": '{"corpus": @}|{"corpus": "c0", "seed": @}|{"corpus": "c0", @: 1}|{@}',
    }
    pairs = [(address, form) for address, text in forms.items() for form in text.split("|")]
    for i in range(N_JSON):
        address, form = pairs[i % len(pairs)]
        yield address, form.replace("@", rng.choice(VALUES))


def encoded() -> dict[str, bytes]:
    """A second and a half of noise in each format."""
    sound = np.random.default_rng(1).normal(0, 0.1, 33_075).astype(np.float32)
    files: dict[str, bytes] = {}
    for kind, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")):
        file = io.BytesIO()
        soundfile.write(file, sound, 22_050, format=kind, subtype=subtype)
        files[kind] = file.getvalue()
    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=22_050, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate = 22_050
        container.mux([*stream.encode(frame), *stream.encode(None)])
    files["M4A"] = file.getvalue()
    return files


def malformed_files(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Each format cut, with bytes changed, with bytes put in, with a header that declares what is not there."""
    clean = encoded()
    for i in range(N_UPLOADS):
        kind = rng.choice(list(clean))
        content = bytearray(clean[kind])
        change = ("cut", "flipped", "inserted", "zeroed", "spliced", "lying")[i % 6]
        at = rng.randrange(len(content))
        if change == "cut":
            del content[at:]
        elif change == "flipped":
            for _ in range(rng.choice([1, 8, 64])):
                content[rng.randrange(min(len(content), rng.choice([60, len(content)])))] ^= 1 << rng.randrange(8)
        elif change == "inserted":
            content[at:at] = rng.randbytes(rng.choice([1, 40, 5_000]))
        elif change == "zeroed":
            content[at : at + 400] = bytes(400)
        elif change == "spliced":
            content[at:] = clean[rng.choice(list(clean))]
        elif kind == "WAV":
            position, value = rng.choice(
                [(4, 2**32 - 1), (40, 2**32 - 2), (24, 2**31 - 1), (22, 65_535), (28, 0), (34, 0)]
            )
            struct.pack_into("<I" if position not in (22, 34) else "<H", content, position, value)
        elif kind == "FLAC":
            content[18:26] = rng.choice([bytes(8), b"\xff" * 8, content[18:21] + b"\xf0\x7f\xff\xff\xff"])
        else:
            struct.pack_into(">I", content, rng.randrange(0, 200, 4), rng.choice([0, 2**31, 2**32 - 1]))
        yield f"{change} {kind}", bytes(content)


def silence(kind: str, subtype: str, hours: float, rate: int, channels: int = 1) -> bytes:
    """A file of a few kB or MB that decodes to hours of silence."""
    file = io.BytesIO()
    block = np.zeros((rate * 60, channels), np.int16 if kind == "FLAC" else np.float32)
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=kind) as sound:
        for _ in range(round(hours * 60)):
            sound.write(block)
    return file.getvalue()
