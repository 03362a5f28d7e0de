"""Encoders of ``transformers``, small and with weights of no meaning, as ``save_pretrained`` files them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

transformers: Any = pytest.importorskip("transformers", reason="needs the extra encoders")

RATE = 8_000
SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
CONVOLUTIONS: dict[str, Any] = {
    **SIZES,
    "conv_dim": (8, 8),
    "conv_stride": (5, 4),
    "conv_kernel": (10, 4),
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}


def clap(folder: Path, fusion: bool) -> Path:
    """A CLAP of one-second windows."""
    audio_config = {
        "spec_size": 64,
        "num_mel_bins": 16,
        "window_size": 2,
        "patch_stride": [4, 4],
        "depths": [1, 1],
        "num_attention_heads": [2, 2],
        "num_hidden_layers": 2,
        "hidden_size": 32,
        "patch_embeds_hidden_size": 16,
        "enable_fusion": fusion,
        "fusion_type": "aff_2d",
    }
    text_config = {**SIZES, "num_hidden_layers": 1, "vocab_size": 20}
    transformers.ClapModel(
        transformers.ClapConfig(text_config=text_config, audio_config=audio_config, projection_dim=12)
    ).save_pretrained(folder)
    transformers.ClapFeatureExtractor(
        feature_size=16,
        sampling_rate=RATE,
        hop_length=160,
        max_length_s=1,
        fft_window_size=256,
        frequency_max=4_000,
        truncation="fusion" if fusion else "rand_trunc",
    ).save_pretrained(folder)
    return folder


def make(kind: str, folder: Path, seed: int = 0) -> Path:
    """An encoder with weights of no meaning, as ``save_pretrained`` files it."""
    torch.manual_seed(seed)
    if kind in ("clap", "clap-fused"):
        return clap(folder, kind == "clap-fused")
    if kind == "ast":
        config = transformers.ASTConfig(
            **SIZES, patch_size=4, frequency_stride=4, time_stride=4, max_length=64, num_mel_bins=8
        )
        transformers.ASTModel(config).save_pretrained(folder)
        transformers.ASTFeatureExtractor(num_mel_bins=8, max_length=64).save_pretrained(folder)
        return folder
    if kind == "wav2vec2-bert":
        config = transformers.Wav2Vec2BertConfig(**SIZES, feature_projection_input_dim=160)
        transformers.Wav2Vec2BertModel(config).save_pretrained(folder)
        transformers.SeamlessM4TFeatureExtractor().save_pretrained(folder)
        return folder
    name, norm = {"hubert": ("Hubert", "group"), "wav2vec2": ("Wav2Vec2", "layer"), "wavlm": ("WavLM", "group")}[kind]
    config = getattr(transformers, f"{name}Config")(**CONVOLUTIONS, feat_extract_norm=norm)
    getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE).save_pretrained(folder)
    return folder
