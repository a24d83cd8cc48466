"""Benchmark rows: official files, the hub, or the built-in sample, all read into the same canonical rows."""

from xling_bench.data.source import Loaded, Source, load, source_from_environment

__all__ = ["Loaded", "Source", "load", "source_from_environment"]
