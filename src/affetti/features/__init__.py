"""Features of clip sets: statistics, and what a regressor reads. What needs a network to make an array lives here."""
