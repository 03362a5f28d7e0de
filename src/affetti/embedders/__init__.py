"""Features of clip sets: statistics, a regressor's, taggers', encoders'. What needs a network to make an array."""
