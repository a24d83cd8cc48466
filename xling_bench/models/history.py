"""Where the record of a model's trainings lies (`results.lineage`), whatever the model is: folder, hub, file, adapter.

No part of what a score depends on: a fingerprint is the same with the record, with another one and without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.core.errors import UsageError
from xling_bench.models.config import ModelConfig
from xling_bench.models.contents import weights_hash
from xling_bench.models.fingerprint import fingerprint, hub_commit
from xling_bench.results.lineage import FILE, Lineage, read_lineage
from xling_bench.results.naming import name_here


def lineage_of(config: ModelConfig) -> Lineage | None:
    """What is on record of a model and its adapter; None where there is nothing: provenance unknown.

    An adapter's record begins with its base's. Where one of the two has a record and the other none, the model has
    an unknown part, unless that is the base, of which the record of the adapter says what is known.
    A record that lies in a folder beside other weights than it was written of says nothing of them, and that is said;
    on the hub a revision holds both, and nobody has asked for the weights yet.
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
    if adapter is None:
        return base and base.joined(Lineage(unknown=(name_here(config.peft),)))
    return (base or Lineage()).joined(adapter).joined(_of_another(config, adapter))


def _of_another(config: ModelConfig, adapter: Lineage) -> Lineage:
    """An unknown part where the adapter, by its record, was trained on another base than the one it stands on: what the
    two say together nobody has trained. A name on the hub and a folder of it have different fingerprints, as have
    copies with another tokenizer, so that this is said, not refused."""
    if not adapter.trainings or config.gguf is not None:
        return Lineage()
    asked, base = adapter.trainings[-1].base, fingerprint(ModelConfig(f"hf:{config.name}", revision=config.revision))
    if base == asked.fingerprint:
        return Lineage()
    told = f"{name_here(str(config.peft))} on {name_here(config.name)} ({base}): it was trained on another base, "
    return Lineage(unknown=(f"{told}{asked.name} ({asked.fingerprint})",))


def _of(name: str, revision: str | None, *, file: bool) -> Lineage | None:
    """A GGUF file has the record that lies beside it, a folder its own, a hub name the one at its revision."""
    if file or Path(name).is_dir():
        found = read_lineage((Path(name).parent if file else Path(name)) / FILE)
        if file or found is None or found.weights is None or found.weights == weights_hash(Path(name)):
            return found
        return Lineage(unknown=(f"{name_here(name)}, for {FILE} beside it is a record of other weights",))
    from transformers.utils import cached_file

    hub_commit(name, revision)  # first: what asks for files tries each of them six times
    absent = ("gated_repo", "missing_entries", "connection_errors")  # loading will say so
    settings: dict[str, Any] = {f"_raise_exceptions_for_{what}": False for what in absent}
    fetched = cached_file(name, FILE, revision=revision, **settings)
    return None if fetched is None else read_lineage(Path(fetched))
