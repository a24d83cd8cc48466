"""The losses that a method can be made of, a file each; a file put here is found, with nothing else to write.

    loss.py         what a loss is
    contrastive.py  translations' hidden states are drawn together (AFP, Eq. 2)
    instruction.py  instructions are answered (AFP, Eq. 3); causal LM

docs/contributing/loss.md: how to add one. No import of these needs torch.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from xling_bench.core.errors import DeclarationError
from xling_bench.training.losses.loss import NEEDS, Learn, Loss, Mode, Need

__all__ = ["LOSSES", "NEEDS", "Learn", "Loss", "Mode", "Need"]


def _found() -> tuple[type[Loss], ...]:
    """The loss of each file, by the files' names. Raises DeclarationError for a file without one, or with several."""
    found = []
    for name in sorted(module.name for module in iter_modules(__path__) if module.name != "loss"):
        try:
            module = import_module(f"{__name__}.{name}")
        except DeclarationError:
            raise
        except Exception as error:
            raise DeclarationError(f"xling_bench/training/losses/{name}.py cannot be imported: {error!r}") from error
        held = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Loss)]
        own = [each for each in held if each.__module__ == module.__name__]
        if len(own) != 1:
            raise DeclarationError(f"{module.__name__}: expected one subclass of Loss in the file, got {len(own)}.")
        if lacking := getattr(own[0], "__abstractmethods__", None):
            raise DeclarationError(f"{module.__name__}: {own[0].__name__} lacks {', '.join(sorted(lacking))}.")
        found += own
    return tuple(found)


LOSSES = _found()
