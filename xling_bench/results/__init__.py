"""Results on disk -> cells -> tables. Never imports a model library."""

from xling_bench.results.tables.run_table import Cell, language_table, markdown, read_run, to_csv

__all__ = ["Cell", "language_table", "markdown", "read_run", "to_csv"]
