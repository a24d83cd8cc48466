"""Optional packages: whether they are installed, without importing them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from xling_bench.core.errors import MissingPackageError
from xling_bench.core.extras import installing

Requirement = tuple[str, str]  # (module to import, distribution to install)


def require(requirements: Sequence[Requirement], extra: str, purpose: str) -> None:
    """Raise MissingPackageError, naming the purpose, the packages and the extra, unless all can be imported."""
    missing = [distribution for module, distribution in requirements if find_spec(module) is None]
    if missing:
        raise MissingPackageError(f"{purpose} needs {', '.join(missing)}, not installed: {installing(extra)}")
