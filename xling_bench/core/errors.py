"""Every error a user can meet.

    XlingError                  something the user can mend; the command line prints it and exits with `exit_code`
    |- UsageError               unknown task, language, option value
    |- DeclarationError         a benchmark.toml, template or language file is wrong
    |- DataError                a data file or data source is wrong
    |  `- MissingDataError      the data is not there (another language may be)
    |     `- NotPublishedError    nor anywhere else: the benchmark has no such split in the language
    |- MissingMetricError       a task's headline metric cannot be computed here
    |- MissingPackageError      an optional package that the task's language needs is not installed
    |- ModelError               a model folder or name cannot be loaded
    |  `- UnsupportedModelError  it cannot be scored with shared prefixes (lm-eval's own scoring takes over), or trained
    |- TrainingError            a loss is not a number, or there is nothing to learn from
    `- OutputError              a result cannot be written, or belongs to another run

A message says what was expected, what was found, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class XlingError(Exception):
    """Base of all errors that are the input's or the environment's, not ours."""

    exit_code = 2


class UsageError(XlingError):
    """An argument names something that does not exist or makes no sense."""


class DeclarationError(XlingError):
    """A declaration in tasks/, templates/ or languages.toml is wrong."""


class DataError(XlingError):
    """A data file or data source does not hold what its format promises."""


class MissingDataError(DataError):
    """The data asked for is not there; other languages or benchmarks may be."""


class NotPublishedError(MissingDataError):
    """The benchmark's authors publish no such split in the language; no other file or source has it."""


class MissingMetricError(XlingError):
    """A task's headline metric needs a package or file that is not here; other tasks may not."""


class MissingPackageError(XlingError):
    """An optional package is not installed; other languages or metrics may do without it."""


class ModelError(XlingError):
    """A model cannot be loaded."""


class UnsupportedModelError(ModelError):
    """A model that cannot be scored with shared prefixes, or trained as asked; the message says why."""


class TrainingError(XlingError):
    """A training step has no loss, or one that is not a finite number; the weights are as before the step."""


class OutputError(XlingError):
    """Results cannot be written, or the folder belongs to another run."""


MOST = 1000  # characters of a reason: the cause often stands in a later line, but not in the hundredth


def reason_of(error: BaseException) -> str:
    """What an exception says, in one line; its type's name where it says nothing."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= MOST else f"{said[:MOST]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` (with a leading space) for the nearest known word, else an empty string."""
    lowered = {k.lower(): k for k in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)
    if not close:
        return ""
    return " Did you mean " + " or ".join(repr(lowered[c]) for c in close) + "?"
