"""Where the record of a model's trainings lies (`results.lineage`), whatever the model is: folder, hub, file, adapter.

No part of what a score depends on: a fingerprint is the same with the record, with another one and without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.core.errors import UsageError
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import hub_commit
from xling_bench.results.lineage import FILE, Lineage, read_lineage
from xling_bench.results.naming import name_here


def lineage_of(config: ModelConfig) -> Lineage | None:
    """What is on record of a model and its adapter; None where there is nothing: provenance unknown.

    An adapter's record begins with its base's. Where one of the two has a record and the other none, the model has
    an unknown part, unless that is the base, of which the record of the adapter says what is known.
    Raises ModelError for a record that cannot be read, UsageError for an adapter that is merged in the model: added
    again it would count twice.
    """
    base = _of(config.name, config.revision, file=config.gguf is not None)
    if config.peft is None:
        return base
    adapter = _of(config.peft, None, file=False)
    if base is not None and adapter is not None and adapter.trainings and adapter.trainings[-1] in base.trainings:
        last = adapter.trainings[-1]
        raise UsageError(
            f"--peft {config.peft}: the model has learnt it already, by its record ({last.title}; the adapter is merged"
            f" in it). Give the model alone, or the base, {last.base.name}, as --model."
        )
    if base is None or adapter is None:
        return adapter if base is None else base.joined(Lineage(unknown=(name_here(config.peft),)))
    return base.joined(adapter)


def _of(name: str, revision: str | None, *, file: bool) -> Lineage | None:
    """A GGUF file has the record that lies beside it, a folder its own, a hub name the one at its revision."""
    if file or Path(name).is_dir():
        return read_lineage((Path(name).parent if file else Path(name)) / FILE)
    from transformers.utils import cached_file

    hub_commit(name, revision)  # first: what asks for files tries each of them six times
    absent = ("gated_repo", "missing_entries", "connection_errors")  # loading will say so
    settings: dict[str, Any] = {f"_raise_exceptions_for_{what}": False for what in absent}
    found = cached_file(name, FILE, revision=revision, **settings)
    return None if found is None else read_lineage(Path(found))
