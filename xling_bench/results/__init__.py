"""Results on disk -> cells -> tables. Never imports a model library."""

from xling_bench.results.tables.run_table import Cell, further_metrics, language_table, markdown, read_run, to_csv

__all__ = ["Cell", "further_metrics", "language_table", "markdown", "read_run", "to_csv"]
