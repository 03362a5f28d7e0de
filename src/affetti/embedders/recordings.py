"""A folder of recordings as log-mels: one clip from the middle of each file.

Log-mels go to an array on disk, by row ranges, so that a folder larger than memory can be scored and several processes
can decode it. A file that cannot be used is left out with its reason, as ``prepare`` does; the others are scored. The
array lies in a folder of the system's temporary space (on a cluster, TMPDIR must be a path that all nodes share), which
is removed when nothing refers to it any more.
"""

from __future__ import annotations

import json
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError, UsageError
from affetti.execution import Executor, LocalExecutor, ShardTask, ranges
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.scratch import ScratchFolder
from affetti.signal import audio
from affetti.signal.audio_files import list_audio
from affetti.signal.front_ends import spectrogram
from affetti.storage import atomic_write, require_space, write_json

FILES_PER_RANGE = 8
"""Files a range."""
SILENT = "silent in its middle, where its clip lies (nothing above -80 dBFS but a constant)"
"""Why a silent file is left out."""


@dataclass(frozen=True)
class Recordings:
    """What a folder holds."""

    mel: NDArray[np.float16]
    """dB ``[N, M, F]``, memory-mapped."""
    files: tuple[Path, ...]
    """File of each clip."""
    left_out: tuple[dict[str, str], ...]
    """``path`` and ``reason`` of each file that cannot be used, and of each folder that cannot be read."""
    silent: int = 0
    """Of these, files whose middle is silent."""
    sample_rates: NDArray[np.intp] | None = None
    """Sample rate of each file itself ``[N]``."""
    rms_db: NDArray[np.float64] | None = None
    """Root mean square of each clip ``[N]``, dBFS (full scale 1)."""


@dataclass(frozen=True)
class DecodeTask(ShardTask):
    """Decodes a range of files; saves the log-mels and levels of those that can be used, and why others cannot.

    Each range has files of its own: nodes of a cluster that wrote into one array would overwrite each other's rows.
    """

    files: tuple[Path, ...]
    front: FrontEnd
    folder: Path

    def __call__(self, start: int, stop: int) -> None:
        """Decode files ``start`` to ``stop``."""
        mels: list[NDArray[np.float16]] = []
        to_mel = spectrogram(self.front)
        reasons: dict[str, str] = {}
        sound: dict[str, tuple[int, float]] = {}
        for row in range(start, stop):
            try:
                waveform, rate = audio.load_with_rate(self.files[row], self.front.sample_rate)
                begin = (len(waveform) - self.front.samples) // 2
                if begin < 0:
                    raise too_short_error(self.files[row], len(waveform), self.front)
                waveform = waveform[begin : begin + self.front.samples]
                if audio.is_silent(waveform.numpy()):
                    raise InputError(SILENT)
            except InputError as error:
                reasons[str(row)] = error.what
                continue
            with torch.inference_mode():
                mels.append(to_mel(waveform).numpy().astype(np.float16))
            sound[str(row)] = rate, rms_db(waveform)
        with atomic_write(self.mel(start)) as temporary:
            np.save(temporary, np.stack(mels) if mels else np.zeros((0, *self.front.shape), np.float16))
        write_json(self.shard(start, stop), {"reasons": reasons, "sound": sound})

    def inputs(self) -> tuple[Path, ...]:
        """The folder of the results, and those of the first and last file."""
        return (self.folder, self.files[0].parent, self.files[-1].parent)

    def mel(self, start: int) -> Path:
        """The log-mels of the range that begins there."""
        return self.folder / f"{start}.npy"

    def shard(self, start: int, stop: int) -> Path:  # noqa: ARG002 - ranges begin at different files
        """The file of reasons, rates and levels of the range."""
        return self.folder / f"{start}.json"


def decode_folder(
    path: Path, front: FrontEnd | None, *, executor: Executor | None = None, progress: Progress = silent
) -> Recordings:
    """Decode the middle of every recording in a folder and the folders in it.

    Args:
        path: the folder.
        front: how sound becomes a log-mel.
        executor: runs the decoding; this process by default.
        progress: receives the number of files decoded.

    Raises:
        InputError: the folder holds no recordings, or none that can be used.
        UsageError: no front-end.
        StorageError: the folder cannot be read, or the temporary space is too small.
    """
    listing = list_audio(path)
    files = listing.files
    if not files:
        if listing.unreadable:
            raise listing.unreadable[0]
        raise InputError("neither a corpus nor a folder of audio", where=path, hint="give WAV, FLAC, Ogg or MP3 files")
    if front is None:
        hint = "name one: tiny compares the middle 5.9 s of each file, paper the middle 30 s"
        raise UsageError("a folder of audio needs a front-end", where="--front-end", hint=hint)
    require_space(Path(tempfile.gettempdir()), 2 * 2 * len(files) * front.n_bands * front.frames)
    scratch = ScratchFolder()
    folder = scratch.path
    try:
        mel = np.lib.format.open_memmap(folder / "mel.npy", "w+", np.float16, (len(files), *front.shape))
        weakref.finalize(mel, scratch.remove)
        task = DecodeTask(files, front, folder)
        executor = executor or LocalExecutor()
        executor.map_ranges(task, len(files), FILES_PER_RANGE, stage="decode", progress=progress)
        reasons: dict[int, str] = {}
        sound: dict[int, tuple[int, float]] = {}
        rows = 0
        for start, stop in ranges(len(files), FILES_PER_RANGE):
            saved = json.loads(task.shard(start, stop).read_text(encoding="utf-8"))
            reasons |= {int(row): reason for row, reason in saved["reasons"].items()}
            sound |= {int(row): tuple(its) for row, its in saved["sound"].items()}
            part = np.load(task.mel(start), allow_pickle=False)
            mel[rows : rows + len(part)] = part
            rows += len(part)
            task.mel(start).unlink()
    except BaseException:
        scratch.remove()
        raise
    good = [row for row in range(len(files)) if row not in reasons]
    if not good:
        one = len(files) == 1
        raise InputError(
            reasons[0] if one else f"none of {len(files)} files can be used, the first: {reasons[0]}",
            where=files[0] if one else path,
            hint="give recordings as long as a clip, or take another --front-end",
        )
    mel.flags.writeable = False
    left_out = [{"path": str(error.where), "reason": error.what} for error in listing.unreadable]
    left_out += [{"path": str(files[row]), "reason": reasons[row]} for row in sorted(reasons)]
    silent_files = sum(reason == SILENT for reason in reasons.values())
    return Recordings(
        mel[: len(good)],
        tuple(files[row] for row in good),
        tuple(left_out),
        silent_files,
        np.array([sound[row][0] for row in good]),
        np.array([sound[row][1] for row in good]),
    )


def rms_db(waveform: Tensor) -> float:
    """Root mean square of a waveform ``[T]``, dB of full scale 1."""
    return float(10 * torch.log10(waveform.double().square().mean().clamp_min(1e-20)))


def too_short_error(file: Path, samples: int, front: FrontEnd) -> InputError:
    """The error for a file of ``samples`` samples, fewer than a clip."""
    return InputError(
        f"{samples / front.sample_rate:.1f} s, shorter than a clip of {front.seconds:g} s",
        where=file,
        hint="remove it, or take another --front-end",
    )
