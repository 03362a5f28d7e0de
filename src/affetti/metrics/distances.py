"""The distances between two sets, by one name: each has a module of its own."""

from affetti.metrics.frechet import frechet, frechet_distance
from affetti.metrics.kernel import kernel, kernel_distance

__all__ = ["frechet", "frechet_distance", "kernel", "kernel_distance"]
