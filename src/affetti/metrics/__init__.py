"""Metrics: arrays in, numbers out.

numpy and scipy alone; what needs a network to make the arrays lives in ``affetti.features``.
"""

from affetti.metrics.agreement import (
    bootstrap_ci,
    concordance,
    mae,
    paired_difference,
    pearson,
    r2,
    rmse,
    slope,
)
from affetti.metrics.conditioning import label_response, relative_to_real
from affetti.metrics.distances import (
    frechet,
    frechet_distance,
    kernel_distance,
    precision_recall_density_coverage,
    vendi_from_kernel,
    vendi_score,
)
from affetti.metrics.mel_features import clip_features
from affetti.metrics.memorisation import memorisation
from affetti.metrics.published import PublishedQuality, published_quality
from affetti.metrics.quality import Component, QualityResult, quality_score
from affetti.metrics.result import Result

__all__ = [
    "Component",
    "PublishedQuality",
    "QualityResult",
    "Result",
    "bootstrap_ci",
    "clip_features",
    "concordance",
    "frechet",
    "frechet_distance",
    "kernel_distance",
    "label_response",
    "mae",
    "memorisation",
    "paired_difference",
    "pearson",
    "precision_recall_density_coverage",
    "published_quality",
    "quality_score",
    "r2",
    "relative_to_real",
    "rmse",
    "slope",
    "vendi_from_kernel",
    "vendi_score",
]
