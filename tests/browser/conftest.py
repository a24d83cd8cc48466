"""Fixtures of the browser tests."""

from watched import browser, hostile, page, runs, watched

__all__ = ["browser", "hostile", "page", "runs", "watched"]
