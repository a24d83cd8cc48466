"""Cross-lingual benchmarks for language models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xling_bench.core.version import VERSION

if TYPE_CHECKING:
    from xling_bench.api import evaluate, gate_sequentially, train
    from xling_bench.regress.gate import run_gate
    from xling_bench.report.build import write_report
    from xling_bench.results.frame import load_results
    from xling_bench.results.tables.compare import compare_models
    from xling_bench.results.tables.ranks import rank_models

__version__ = VERSION
__all__ = [
    "__version__",
    "compare_models",
    "evaluate",
    "gate_sequentially",
    "load_results",
    "rank_models",
    "run_gate",
    "train",
    "write_report",
]
# Where each is; imported on first use, so that `import xling_bench` stays light.
PLACES = {
    "compare_models": "results.tables.compare",
    "evaluate": "api",
    "gate_sequentially": "api",
    "load_results": "results.frame",
    "rank_models": "results.tables.ranks",
    "run_gate": "regress.gate",
    "train": "api",
    "write_report": "report.build",
}


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'xling_bench' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
