"""Metrics: item -> sufficient statistics -> score. Pure functions of strings; no model, no benchmark files.

One file holds the metrics of one kind and declares them in `METRICS`; `registry` finds them all.
"""
