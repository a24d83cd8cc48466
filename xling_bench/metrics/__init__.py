"""Metrics: item -> sufficient statistics -> score. Pure functions of strings; no model, no benchmark files.

`scores` says which rule a metric of a task follows and computes an answer's values; `corpus` aggregates statistics.
"""
