"""Benchmark rows: official files, the hub, or the built-in sample, all read into the same canonical rows."""

from xling_bench.data.source import Loaded, Source, current_source, load

__all__ = ["Loaded", "Source", "current_source", "load"]
