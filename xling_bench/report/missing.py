"""What counts as nothing in a table: pandas has four ways of saying it."""

from __future__ import annotations


def missing(value: object) -> bool:
    """Whether a table's cell is empty: None, NA, NaN or no text."""
    import pandas as pd

    return value is None or value is pd.NA or value != value or value == ""
