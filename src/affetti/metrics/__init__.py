"""Metrics: arrays in, numbers out.

numpy and scipy alone; what needs a network to make the arrays lives in ``affetti.embedders``.
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
from affetti.metrics.conditioning import (
    PermutedResponse,
    ResponseDifference,
    label_error,
    label_response,
    permuted_response,
    relative_to_real,
    response_difference,
)
from affetti.metrics.conformal import Typicality, typicality
from affetti.metrics.copying_test import DataCopying, data_copying
from affetti.metrics.diversity import vendi_from_kernel, vendi_score
from affetti.metrics.frechet_distances import frechet, frechet_distance
from affetti.metrics.frechet_extrapolation import Extrapolation, frechet_infinity
from affetti.metrics.half_splits import by_halves
from affetti.metrics.joint import JointDistance, frechet_joint_distance
from affetti.metrics.kernel_distances import kernel, kernel_distance
from affetti.metrics.nearest_neighbours import clipped_density_coverage, precision_recall_density_coverage
from affetti.metrics.nearest_training import Memorisation, Pair, memorisation, nearest_pairs
from affetti.metrics.paired import PairedTest, paired_test
from affetti.metrics.published import PublishedQuality, published_quality
from affetti.metrics.quality import QualityDifference, QualityResult, quality_difference, quality_score
from affetti.metrics.quality_calibration import Component
from affetti.metrics.quality_features import clip_features
from affetti.metrics.result import Result
from affetti.metrics.sliced import sliced_wasserstein, sliced_wasserstein_distance
from affetti.metrics.smallest_distances import TailTest, tail_test
from affetti.metrics.spectrogram import SpectrogramDistances, spectrogram_distances
from affetti.metrics.strata import Stratum, by_stratum

__all__ = [
    "Component",
    "DataCopying",
    "Extrapolation",
    "JointDistance",
    "Memorisation",
    "Pair",
    "PairedTest",
    "PermutedResponse",
    "PublishedQuality",
    "QualityDifference",
    "QualityResult",
    "ResponseDifference",
    "Result",
    "SpectrogramDistances",
    "Stratum",
    "TailTest",
    "Typicality",
    "bootstrap_ci",
    "by_halves",
    "by_stratum",
    "clip_features",
    "clipped_density_coverage",
    "concordance",
    "data_copying",
    "frechet",
    "frechet_distance",
    "frechet_infinity",
    "frechet_joint_distance",
    "kernel",
    "kernel_distance",
    "label_error",
    "label_response",
    "mae",
    "memorisation",
    "nearest_pairs",
    "paired_difference",
    "paired_test",
    "pearson",
    "permuted_response",
    "precision_recall_density_coverage",
    "published_quality",
    "quality_difference",
    "quality_score",
    "r2",
    "relative_to_real",
    "response_difference",
    "rmse",
    "sliced_wasserstein",
    "sliced_wasserstein_distance",
    "slope",
    "spectrogram_distances",
    "tail_test",
    "typicality",
    "vendi_from_kernel",
    "vendi_score",
]
