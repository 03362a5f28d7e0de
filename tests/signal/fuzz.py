"""Cut, flip and overwrite small files and decode them: ``python fuzz.py FOLDER ROUNDS SEED``.

A process of its own, so that a decoder that crashes, hangs or takes all memory is seen. Prints how many were decoded
and how many refused, and the peak memory in MB.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from affetti.errors import InputError
from affetti.signal import audio


def spoil(whole: bytes, rng: np.random.Generator) -> bytes:
    """One of: cut, single bits flipped, bytes of the header replaced, a stretch replaced by one of another length."""
    spoilt, kind = bytearray(whole), rng.integers(4)
    if kind == 0:
        return whole[: rng.integers(len(whole))]
    for _ in range(rng.integers(1, 9)):
        if kind == 1:
            spoilt[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            spoilt[rng.integers(min(200, len(whole)))] = rng.integers(256)
    if kind == 3:
        at = int(rng.integers(len(whole)))
        spoilt[at : at + int(rng.integers(200))] = rng.bytes(int(rng.integers(200)))
    return bytes(spoilt)


def peak() -> int:
    """Most memory this process has held, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count what the process held before it became this program
        held = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(folder: Path, rounds: int, seed: int) -> None:
    """Decode ``rounds`` corrupted versions of every file in the folder."""
    rng = np.random.default_rng(seed)
    decoded = refused = 0
    for whole in sorted(folder.iterdir()):
        content = whole.read_bytes()
        for _ in range(rounds):
            whole.write_bytes(spoil(content, rng))
            try:
                samples, rate = audio.decode(whole)
            except InputError as error:
                refused += 1
                if str(whole) not in str(error) or "\n" in str(error) or not error.hint:
                    raise SystemExit(f"not a clear line: {error!r}") from error
                continue
            decoded += 1
            if not (len(samples) and np.isfinite(samples).all() and rate in audio.SAMPLE_RATES):
                raise SystemExit(f"not a sound: {samples} at {rate}")
    sys.stdout.write(f"{decoded} {refused} {peak()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
