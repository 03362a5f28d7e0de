"""Audits of single recordings and of pairs of them: no labels, no corpus."""
