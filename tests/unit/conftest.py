"""Fixtures of several unit tests."""

import pytest
from parallel_files import parallel

from xling_bench.catalog.compile import compile_all

__all__ = ["compiled", "parallel"]


@pytest.fixture(scope="session")
def compiled() -> dict[str, str]:
    """Every compiled file by its path below `tasks/`, made once."""
    return compile_all()
