"""Fitting and filing: one explicit loop, atomic checkpoints, run folders, generation and prediction from them."""
