"""What a metric is: one object that says what it means, how it is computed, and how its numbers are to be read.

A file of this folder declares its metrics in `METRICS`; `registry` finds them. Nothing else is needed for a new one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal, TypeVar

from xling_bench.core.errors import DeclarationError

Rule = Callable[[str], list[str]]  # a text to what is compared: tokens
Doc = Mapping[str, object]  # an item as lm-eval's samples hold it
Values = Sequence[float]  # log-probabilities of an item's candidates
Items = Sequence[Any]  # what the items of a task gave: scores, or statistics
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OfficialRule:
    """How a benchmark's own program compares short answers.

    `signature` names it for a language, without `|`; `normalize` gives the language's rule. `unanswerable`: there are
    questions without an answer, which an abstention meets (SQuAD v2); else an empty answer overlaps with nothing.
    """

    signature: Callable[[str], str]
    normalize: Callable[[str], Rule]
    unanswerable: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What a task's answers are held against: its benchmark's official rule (None: it has none) and their language."""

    official: OfficialRule | None
    language: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to be scored, its right answers, and whether it says that there is none (IndicQA)."""

    expected: Expected
    text: str
    golds: Sequence[str]
    abstained: bool = False
    _known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def language(self) -> str:
        """Key of the language the answer should be in."""
        return self.expected.language

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """What `compute` returns; computed once for all metrics that call it by this name."""
        if name not in self._known:
            self._known[name] = compute()
        known: T = self._known[name]
        return known


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. It ranks an item's candidates (`compared`), or says how likely the right one is (`likelihood`), or
    scores a generated answer (`statistics`), or another program scores kept answers (`given`).

    rule         how it is computed, in one word for signatures, without `|`; it may depend on what is expected. Raises
                 MissingPackageError or MissingDataError where a package or file for it is not there; imports nothing
                 heavy
    compared     what of the candidates is compared, from the item and the log-probabilities of their texts: the highest
                 is taken, so that guessing has a level, the benchmark's
    likelihood   a number made of the right candidate's log-probability, from the same; no candidate is taken
    statistics   an answer's score, or what `total` makes a score of; None where the metric does not exist for it
    given        its scores come from another program, when they are asked for by a command of their own: `rule` raises
                 MissingMetricError, which says how. A result that has them holds that program's rule, and keeps them
    label        what figures call it; the name, if empty
    share        it lies in [0, 1] and is printed in percent; else it is printed as it is
    times_100    no share, but printed times 100, as papers do
    unit         what a printed value is in, where it is neither percent nor points; digits: decimals that tables print
    over         `items`: a mean of item scores; `corpus`: made of the statistics of all items (an item's own score is
                 that of a corpus of this item alone); `relations`: a mean of means per relation
    total        the score of several items' statistics, where `over` is not `items`
    lower_is_better  as with error rates. A gap to English is positive where a language is behind, either way
    within_language  another language's value is of another scale (bytes of another script), so that no mean over
                 languages, no gap and no rank over them means anything
    descriptive  more of it is neither better nor worse (a language's share of an answer), so that no rank, no gap and
                 no worst language of it means anything
    among        (a field, its text): it exists for items whose row has this text in this field, and is `partial`
    partial      it exists for some items only, for instance the answerable ones; the others count for nothing
    conditional  for which items it exists depends on the model's answers, so that no mean over languages, no gap and no
                 difference of it means anything
    by_code_points  text in another Unicode normal form is other text to it
    needs_tokens the model's tokenizer must say how many tokens each candidate has (`doc["tokens"]`)
    needs_unconditional  `compared` is told each candidate's log-probability after the form's `unconditional` prompt,
                 too, behind those after the item's (`ranking.parts`); forms without such a prompt lack the metric
    tasks        kinds of task (`task` in benchmark.toml) it can be asked of, besides those whose declarations name it
    of_all       it can be asked of every benchmark, in forms of its kind
    """

    name: str
    meaning: str
    rule: str | Callable[[Expected], str]
    compared: Callable[[Doc, Values], Values] | None = None
    likelihood: Callable[[Doc, Values], float] | None = None
    statistics: Callable[[Answer], Any] | None = None
    given: bool = False
    label: str = ""
    share: bool = True
    times_100: bool = False
    unit: str = ""
    digits: int = 1
    over: Literal["items", "corpus", "relations"] = "items"
    total: Callable[[Items], float] | None = None
    lower_is_better: bool = False
    within_language: bool = False
    descriptive: bool = False
    among: tuple[str, str] | None = None
    partial: bool = False
    conditional: bool = False
    by_code_points: bool = False
    needs_tokens: bool = False
    needs_unconditional: bool = False
    tasks: tuple[str, ...] = ()
    of_all: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+", self.name, re.ASCII):
            raise DeclarationError(f"metric {self.name!r}: a name is letters, digits and _, for files and signatures")
        kinds = (self.compared, self.likelihood, self.statistics, self.given or None)
        if sum(kind is not None for kind in kinds) != 1:
            known = "`compared`, `likelihood`, `statistics` and `given`"
            raise DeclarationError(f"metric {self.name}: expected one of {known}")
        if self.ranks and self.lower_is_better:
            raise DeclarationError(f"metric {self.name}: one that ranks is 1 for right, so more is better")
        if self.among and not (self.ranks and self.partial):
            raise DeclarationError(f"metric {self.name}: `among` is for metrics that rank, and makes them `partial`")
        if (self.over == "items") != (self.total is None):
            raise DeclarationError(f"metric {self.name}: over = {self.over!r}, but `total` says how to aggregate")

    @property
    def ranks(self) -> bool:
        """Whether it chooses one of an item's candidates."""
        return self.compared is not None

    def exists_for(self, doc: Doc) -> bool:
        """Whether an item is one of those that the metric is about."""
        return self.among is None or doc.get(self.among[0]) == self.among[1]

    @property
    def of_candidates(self) -> bool:
        """Whether it is made of candidates' log-probabilities: one of `choose` forms, not of generated answers."""
        return self.compared is not None or self.likelihood is not None

    @property
    def is_mean(self) -> bool:
        """Whether a value is the mean of its items' scores, so that items can be resampled for it."""
        return self.over == "items"

    @property
    def scale(self) -> float:
        """What a value is multiplied by to be printed: 100 for shares and `times_100`, else 1."""
        return 100.0 if self.share or self.times_100 else 1.0

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: times this, more is always better."""
        return -1 if self.lower_is_better else 1

    def signature(self, expected: Expected) -> str:
        """`rule` for what is expected. Raises as `rule`."""
        found = self.rule if isinstance(self.rule, str) else self.rule(expected)
        if "|" in found:
            raise DeclarationError(f"metric {self.name}: its rule {found!r} has a `|`, which parts signatures")
        return found

    def aggregate(self, items: Items) -> float:
        """The score of a task from its items' scores or statistics, of at least one item."""
        return fmean(items) if self.total is None else self.total(items)

    def item_score(self, value: Any) -> float:
        """One item's own score: the value itself, or of statistics the score of a corpus of this item alone."""
        return float(value) if self.total is None else self.total([value])
