"""`python -m xling_bench`."""

from xling_bench.cli.main import script

script()
