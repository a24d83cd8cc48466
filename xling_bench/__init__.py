"""Cross-lingual benchmarks for language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xling_bench.core.version import VERSION

if TYPE_CHECKING:
    from xling_bench.api import evaluate
    from xling_bench.results.frame import load_results

__version__ = VERSION
__all__ = ["__version__", "evaluate", "load_results"]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import the Python interface on first use, so that `import xling_bench` stays light."""
    if name == "evaluate":
        from xling_bench import api

        return api.evaluate
    if name == "load_results":
        from xling_bench.results import frame

        return frame.load_results
    raise AttributeError(f"module 'xling_bench' has no attribute {name!r}")
