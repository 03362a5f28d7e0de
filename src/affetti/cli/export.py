"""``affetti export``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from affetti.cli.flags import CommonFlags, parse, resolve
from affetti.cli.output import print_result


@dataclass(frozen=True)
class Flags(CommonFlags):
    """Write a trained student or vit as one ONNX file: waveform in, valence and arousal out, the front-end inside."""

    model: str
    """Run of a student or vit, or USER/NAME on the Hugging Face Hub."""
    out: Path
    """The file, FILE.onnx."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "export")
    settings = resolve(flags, {}, flags.config)
    settings.pop("seed", None)
    from affetti import api

    result = api.export.run(**settings)
    text = (
        f"{result.out}: {result.bytes / 1e6:.1f} MB, ONNX opset {result.opset}; differs from PyTorch by "
        f"{result.difference:.1e} at most\nnext: affetti predict --runtime onnx --model {result.out} song.mp3"
    )
    print_result(result.to_dict(), flags.json, text)
    return 0
