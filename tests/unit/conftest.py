"""Fixtures of several unit tests."""

from parallel_files import parallel

__all__ = ["parallel"]
