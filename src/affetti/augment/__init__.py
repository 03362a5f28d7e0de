"""Augmentation of real clips."""
