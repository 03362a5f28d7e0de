"""Composed songs that differ in one property only, such as the instrument or the words."""
