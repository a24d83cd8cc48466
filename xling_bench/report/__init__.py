"""Results as figures: drawn from tables of `results`, never from a model."""
