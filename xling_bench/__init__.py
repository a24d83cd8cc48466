"""Cross-lingual benchmarks for language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xling_bench.api import evaluate

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate"]


def __getattr__(name: str) -> Any:
    """Import the Python interface on first use, so that `import xling_bench` stays light."""
    if name == "evaluate":
        from xling_bench import api

        return api.evaluate
    raise AttributeError(f"module 'xling_bench' has no attribute {name!r}")
