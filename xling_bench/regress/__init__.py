"""Baseline against candidate: a verdict per cell, and one for a build to pass or fail on."""
