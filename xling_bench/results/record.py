"""One result, ours or plain lm-eval's, in one shape: the reader of results files, and what ours are written from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xling_bench.core.errors import DataError
from xling_bench.core.reading import read_object
from xling_bench.core.unit import Unit
from xling_bench.results.facts import Facts
from xling_bench.results.lineage import Standing
from xling_bench.results.naming import OURS, name_in
from xling_bench.results.seal import SAMPLES, Result, Sums, check_result

OWN = ("name", "key", "signature", "facts", "warnings", "benchmark", "unit", "family", "checksums")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All numbers of one task in one setting, as one results file (plain lm-eval's: a task of one) has them.

    model: its name; identity tells models of one name apart, fingerprint is of its content (empty for plain lm-eval).
    values {metric: its value, in its own range, as the file has it}, a metric that exists for some items only may lack;
    rules {metric: how it was computed}, the headline among them. items were scored, of which so many lost their
    beginning (`truncated`) or are ties by a metric; None where nobody counted. `chance` as of facts. signature is that
    of all metrics.
    samples is the file of the items' texts, whether it is there or not.
    Ours besides: facts, key, warnings, checksums (None in those of older versions), and `more`, how it was computed.
    """

    path: Path
    samples: Path
    harness: str
    model: str
    identity: str
    fingerprint: str = ""
    benchmark: str
    unit: Unit
    family: str
    task: str
    split: str
    shots: int
    demos: str
    seed: int
    source: str
    items: int
    values: dict[str, object]
    rules: dict[str, str]
    headline: str
    signature: str
    truncated: int | None = None
    ties: dict[str, int] = field(default_factory=dict)
    chance: float | None = None
    facts: Facts | None = None
    key: str = ""
    warnings: tuple[str, ...] = ()
    checksums: Sums | None = None
    more: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(
        cls, facts: Facts, *, path: Path, name: str, identity: str, benchmark: str, unit: str, family: str,
        values: Mapping[str, object], **more: Any,
    ) -> Record:  # fmt: skip
        """Our record of these facts; `more` are further fields."""
        derived = {"key": facts.key, "signature": facts.signature, **more}
        return cls(
            path=path, samples=path.with_name(SAMPLES), harness=OURS, model=name, identity=identity,
            fingerprint=facts.model, benchmark=benchmark, unit=Unit(unit), family=family, task=facts.task,
            split=facts.split, shots=facts.shots, demos=facts.demos, seed=facts.seed or 0, source=facts.source,
            items=facts.items, values={name: values[name] for name in facts.metrics if name in values},
            rules=facts.metrics, headline=facts.headline, truncated=facts.truncated, ties=facts.ties or {},
            chance=facts.chance, facts=facts, **derived,
        )  # fmt: skip

    @property
    def standing(self) -> Standing:
        """How the items stand to what the model learnt; unknown for plain lm-eval."""
        return Standing() if self.facts is None else self.facts.standing

    def signature_of(self, metric: str) -> str:
        """The line that travels with one number."""
        return f"{self.signature}|metric:{metric}|rule:{self.rules[metric]}"

    def own(self) -> dict[str, object]:
        """What our results file holds beside lm-eval's numbers, without checksums."""
        if self.facts is None:
            raise TypeError("a result of plain lm-eval is not written")
        return {
            "name": self.model,
            "key": self.facts.key,
            "signature": self.facts.signature,
            "facts": self.facts.written(),
            "warnings": list(self.warnings),
            "benchmark": self.benchmark,
            "unit": str(self.unit),
            "family": self.family,
            **self.more,
        }


@contextmanager
def in_shape(path: Path) -> Iterator[None]:
    """Turn what a file of another shape raises, where its parts are taken for what they should be, into DataError."""
    try:
        yield
    except KeyError as error:
        raise DataError(f"{path}: missing or unexpected field {error}") from error
    except DataError as error:
        raise error if str(path) in str(error) else DataError(f"{path}: {error}") from error
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        raise DataError(f"{path}: not in the shape of results: {error}") from error


def is_ours(result: Mapping[str, object]) -> bool:
    """Whether a results file is one of `xling-bench run`."""
    return "xling" in result


def record_of(result: Result, path: Path) -> Record:
    """The record in one of our results files, its checksums not compared.

    Raises DataError naming the file and what is not as it should be.
    """
    with in_shape(path):
        own = result["xling"]
        facts = Facts.read(own["facts"])
        numbers = result["results"][facts.task]
        texts = {name: own[name] for name in ("key", "signature", "benchmark", "unit", "family")}
        warnings = own.get("warnings", [])
        if not isinstance(numbers, dict) or not isinstance(warnings, list):
            raise DataError("results and warnings should be a table and a list")
        if wrong := [text for text in (*texts.values(), *warnings) if not isinstance(text, str)]:
            raise DataError(f"expected a text, got {wrong[0]!r:.40}")
        values = {name.removesuffix(",none"): value for name, value in numbers.items() if name.endswith(",none")}
        return Record.of(
            facts, path=path, name=name_in(result), identity=facts.model, values=values, warnings=tuple(warnings),
            checksums=own.get("checksums"), more={name: own[name] for name in own if name not in OWN}, **texts,
        )  # fmt: skip


def read_record(path: Path, *, samples: bool = True) -> Record | None:
    """The record in a file that `xling-bench run` wrote, compared with its checksums; None for another's results.

    Raises DataError for a file that is damaged or was changed, and, with `samples`, where its samples are gone or have
    another length.
    """
    result = read_object(path)
    if not is_ours(result):
        return None
    with in_shape(path):
        check_result(result, path, samples=samples)
    return record_of(result, path)
