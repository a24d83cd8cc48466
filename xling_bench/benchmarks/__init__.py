"""One file per benchmark: `xnli.py` is all the Python that knows XNLI, and nothing outside this room names it.

A new benchmark is its declaration (`tasks/<key>/benchmark.toml`), its file here and a form in a prompt family.
Modules without an `IMPLEMENTATION` are what several benchmarks share.
"""

from xling_bench.benchmarks.implementation import Implementation, expected, implementation

__all__ = ["Implementation", "expected", "implementation"]
