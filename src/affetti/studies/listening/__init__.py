"""Listening studies: people rate clips, and the ratings are analysed with clips and listeners as samples."""
