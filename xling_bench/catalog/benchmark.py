"""Benchmark declarations: `tasks/<benchmark>/benchmark.toml`, typed and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from xling_bench.core import content, languages
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean
from xling_bench.core.reading import read_toml
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import METRICS

Kind = Literal["choose", "generate"]
BY_ITEM: Literal["items"] = "items"  # a `chance` that is the mean of the items' own
# Of a declaration, what a score depends on besides rows and prompt.
DECIDING = ("fields", "labels", "choices", "gold", "clusters", "cluster_sizes", "telling", "test_split", "demo_split",
            "placeholder", "pairs")  # fmt: skip
FieldType = Literal["text", "texts", "index", "flag"]


class Hub(Strict):
    """Where the benchmark lives on the Hugging Face hub.

    `revision` is a commit hash somebody loaded; empty (with `verified = false`) until `data fetch` records one in
    `xling.lock` from the tip of `branch` (`refs/convert/parquet` holds the hub's own conversion of data sets whose
    loading scripts `datasets` no longer runs). `config` is the configuration name, with `{code}` for the
    language's code there, `{flores}` for its FLORES code, or one of that kind (`Language.code`), and for pairs
    `{source}` and `{target}`. `splits` maps our splits to theirs, `codes` our language keys to the hub's codes.
    """

    path: str
    revision: str = ""
    verified: bool = False
    branch: str = "main"
    config: str = ""
    splits: dict[str, str]
    codes: dict[str, str] = Field(default={})


class Pairs(Strict):
    """Which ordered language pairs become tasks of a pair benchmark.

    `pivot` is paired, both ways, with each of `spokes`; the languages of `all_pairs` are paired with each other.
    `one_way` leaves out the spokes' tasks into the pivot (WMT24++ is from English).
    `alone` adds one task per language that is its own partner (MLQA's context and question in one language).
    """

    alone: bool = False
    one_way: bool = False
    pivot: str = ""
    spokes: tuple[str, ...] = ()
    all_pairs: tuple[str, ...] = ()


class Benchmark(Strict):
    """One benchmark: what its rows hold and where they come from. It never says anything about prompts.

    `fields` are the canonical row's fields besides `id`. A classification benchmark has `labels` (class names in
    index order) or `choices` (fields holding the candidates, or one `texts` field); the gold is then the row's
    `label` index. A generation benchmark has `gold`, the field with the right answer(s).
    `solutions` are text fields that hold worked answers, which demonstrations show and no prompt; of an item that has
    none they are the gold.
    `demo_split` is empty where the benchmark has no development data: demonstrations then come from fixed ids of
    the test split, and an item is never its own demonstration.
    `codes` gives the benchmark's own code of a language where it differs from ours (XWinograd's `jp`).
    `chance` is what guessing gets, of candidates whose number is the same for every item; `items` where it is not: the
    mean over the items scored of 1 / their number. Items with another number of options are refused (`widths`).
    `metrics` names, by kind of prompt, what a task reports, headline first; `metrics_on_request` what it can report
    besides. `metrics_only` and `metrics_except` limit a metric to some languages (of the answer), or exclude some.
    `placeholder` stands where the source has no text (PAWS-X: `NS`, never translated): rows with it are dropped, unless
    a run keeps them (`--ns keep`).
    `without_gold` is how many rows of a split may have no right answer; `any` where there are unanswerable ones.
    `clusters` says what items share, whose outcomes are then no independent ones: items with equal texts or numbers
    in all fields of one of these lists, in any order, belong together (XNLI's premise). `cluster_sizes` says it by
    position, per split: so many rows after each other (FLORES' articles). `telling` says that an item's answer gives
    away that of the others in its cluster (XWinograd's twins): none is shown to another.
    `published_rows` counts rows per split, per language where they differ. Our splits are `test`, `dev`, `train`.
    """

    key: str
    title: str
    task: str
    kind: Kind
    languages: tuple[str, ...]
    codes: dict[str, str] = Field(default={})
    pairs: Pairs | None = None
    family: str
    fields: dict[str, FieldType]
    labels: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    gold: str = ""
    solutions: tuple[str, ...] = ()
    without_gold: int | Literal["any"] = 0
    chance: Annotated[float, Field(ge=0, lt=1)] | Literal["items"] | None = None
    metrics: dict[str, tuple[str, ...]]
    metrics_on_request: dict[str, tuple[str, ...]] = Field(default={})
    metrics_only: dict[str, tuple[str, ...]] = Field(default={})
    metrics_except: dict[str, tuple[str, ...]] = Field(default={})
    parallel: bool
    clusters: tuple[tuple[str, ...], ...] = ()
    cluster_sizes: dict[str, tuple[int, ...]] = Field(default={})
    telling: bool = False
    test_split: str = "test"
    demo_split: str = ""
    placeholder: str = ""
    published_rows: dict[str, int | dict[str, int]]
    files: tuple[str, ...]
    notes: str = ""
    licence: str
    citation: str
    url: str
    hub: Hub

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = languages.registry()
        for key in self.languages:
            if key not in known:
                raise ValueError(f"languages: {key!r} is not in languages.toml")
        if self.kind == "choose" and not (self.labels or self.choices):
            raise ValueError("a `choose` benchmark needs `labels` or `choices`")
        for field in (*self.choices, *([self.gold] if self.gold else []), *self.solutions):
            if field not in self.fields:
                raise ValueError(f"{field!r} is not one of `fields`")
        for field in (field for fields in self.clusters for field in fields):
            if self.fields.get(field) not in ("text", "index"):
                raise ValueError(f"clusters: {field!r} is not a text or index of `fields`")
        for split, sizes in self.cluster_sizes.items():
            if not sizes or min(sizes) < 1 or sum(sizes) != self.published_rows.get(split):
                raise ValueError(f"cluster_sizes.{split}: expected numbers that sum to the split's published rows")
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages: one stands twice")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("choices: a field stands twice")
        if self.demo_split and self.demo_split not in self.hub.splits:
            raise ValueError(f"demo_split: {self.demo_split!r} is not one of hub.splits")
        width = len(self.labels) or (len(self.choices) if len(self.choices) > 1 else 0)
        if self.chance is not None and width and (self.chance == "items" or abs(self.chance - 1 / width) > 0.005):
            raise ValueError(f"chance: of {width} candidates one is right by guessing in 1/{width}, not {self.chance}")
        if len(self.choices) == 1 and isinstance(chance := self.chance, float) and (
            not chance or abs(chance - 1 / round(1 / chance)) > 0.005
        ):
            raise ValueError(f"chance: expected 1 / the number of options in {self.choices[0]}, got {chance}")
        if self.kind not in self.metrics:
            raise ValueError(f"metrics: expected those of its own kind, {self.kind}")
        named = [*self.metrics.values(), *self.metrics_on_request.values(), self.metrics_only, self.metrics_except]
        for name in (name for names in named for name in names):
            if name not in METRICS:
                raise ValueError(f"{name!r} is not a metric; known: {', '.join(METRICS)}")
        for metrics in (self.metrics, self.metrics_on_request):
            for kind, names in metrics.items():
                self._check_metrics(kind, names)
        for limits in (self.metrics_only, self.metrics_except):
            for key in (key for keys in limits.values() for key in keys):
                if key not in known:
                    raise ValueError(f"metrics: {key!r} is not in languages.toml")
        return self

    def _check_metrics(self, kind: str, names: tuple[str, ...]) -> None:
        """Raise ValueError for metrics that a prompt of this kind cannot have."""
        if kind not in get_args(Kind):
            raise ValueError(f"metrics.{kind}: expected {' or '.join(get_args(Kind))}")
        for name in names:
            if METRICS[name].of_candidates != (kind == "choose"):
                raise ValueError(f"metrics.{kind}: {name} is no metric of {kind} prompts")
            if METRICS[name].over == "relations" and "relation" not in self.fields:
                raise ValueError(f"metrics.{kind}: {name} is a mean over relations; `fields` has no relation")
            if (among := METRICS[name].among) and self.fields.get(among[0]) != "text":
                raise ValueError(f"metrics.{kind}: {name} is over items by their {among[0]}, no text of `fields`")
        if kind in self.metrics and (not self.metrics[kind] or METRICS[self.metrics[kind][0]].partial):
            raise ValueError(f"metrics.{kind}: expected first a headline that exists for every item")

    def metrics_of(self, kind: str, unit: str, *, on_request: bool = False) -> tuple[str, ...]:
        """Metrics of a unit, headline first; with `on_request` also those one may ask for: the declaration names them,
        or they are for such tasks (`Metric.tasks`)."""
        language = self.answer_language(unit)
        names = self.metrics[kind]
        if on_request:
            fit = [m for m in METRICS.values() if m.of_candidates == (kind == "choose")]
            more = [m.name for m in fit if m.of_all or self.task in m.tasks]
            names = tuple(dict.fromkeys((*names, *self.metrics_on_request.get(kind, ()), *more)))
        return tuple(
            name
            for name in names
            if language in self.metrics_only.get(name, (language,))
            and language not in self.metrics_except.get(name, ())
        )

    def digest(self) -> str:
        """Twelve hex digits over what decides a score: which candidates or golds there are, and who may see which
        items."""
        deciding = self.model_dump(mode="json", include=set(DECIDING))
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def widths(self) -> range | None:
        """How many options an item may have: as many as `chance` says, 2 to 26 (as many as letters) where that is
        `items`; None where the benchmark has labels, or says nothing of chance (mLAMA's names, from 1 on)."""
        if self.chance is None or not self.choices:
            return None
        number = 0 if self.chance == BY_ITEM else round(1 / self.chance)
        return range(number, number + 1) if number else range(2, 27)

    def chance_of(self, metric: str) -> float | None:
        """What guessing gets by `metric`, in [0, 1): of every metric that chooses among candidates of a fixed number;
        None for the others."""
        return self.chance if isinstance(self.chance, float) and metric in METRICS and METRICS[metric].ranks else None

    def guessable(self, metric: str) -> bool:
        """Whether guessing gets something by `metric` that is known: beforehand, or once items are scored."""
        return self.chance is not None and metric in METRICS and METRICS[metric].ranks

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits evaluation uses: test, and the demonstrations' split where there is one."""
        return (self.test_split, self.demo_split) if self.demo_split else (self.test_split,)

    def answer_language(self, unit: str) -> str:
        """Key of the language a unit's answers are in: FLORES' target, MLQA's context."""
        return Unit(unit).source if self.pairs is not None and self.pairs.alone else Unit(unit).target

    def hub_config(self, language: str, parts: Sequence[str]) -> str:
        """The hub's configuration of one language of a unit, whose languages are `parts`; empty where it has none."""
        code = self.hub.codes.get(language) or self.codes.get(language, language)
        flores = self.hub.codes.get(language, languages.get(language).code)
        return self.hub.config.format(code=code, flores=flores, source=parts[0], target=parts[-1])

    def demos_from(self, split: str) -> str:
        """The split demonstrations come from when `split` is scored: the demonstration split, else `split` itself."""
        return self.demo_split if self.demo_split not in ("", split) else split

    def expected_rows(self, language: str, split: str) -> int | None:
        """Published number of rows, or None where the source does not state it."""
        rows = self.published_rows.get(split)
        return rows.get(language) if isinstance(rows, dict) else rows

    def units(self) -> tuple[Unit, ...]:
        """Everything that has data of its own: languages, or `source-target` pairs for pair benchmarks.

        MLQA's pairs are `context-question`; the same language twice is written once.
        """
        if self.pairs is None:
            return tuple(map(Unit, self.languages))
        spokes = [s for s in self.pairs.spokes if s != self.pairs.pivot]
        both = ((self.pairs.pivot, s) if out else (s, self.pairs.pivot) for s in spokes for out in (True, False))
        ordered = [pair for pair in both if pair[0] == self.pairs.pivot or not self.pairs.one_way]
        ordered += [(a, b) for a in self.pairs.all_pairs for b in self.pairs.all_pairs if a != b]
        alone = self.languages if self.pairs.alone else ()
        return (*map(Unit, alone), *dict.fromkeys(Unit.of(a, b) for a, b in ordered))


def load_benchmark(path: Path) -> Benchmark:
    """Read one `benchmark.toml`. Raises DeclarationError naming file and field."""
    try:
        return Benchmark(**read_toml(path))
    except ValidationError as error:
        errors = error.errors()  # a key that does not exist explains one that is missing
        first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
        where = ".".join(str(part) for part in first["loc"]) or "declaration"
        raise DeclarationError(f"{path}: {where}: {first['msg']}") from error


@cache
def benchmarks() -> dict[str, Benchmark]:
    """All declared benchmarks by key, in alphabetical order."""
    found = {}
    for path in content.files("tasks/*/benchmark.toml"):
        benchmark = load_benchmark(path)
        if benchmark.key != path.parent.name:
            raise DeclarationError(f"{path}: key is {benchmark.key!r}; expected the folder's name {path.parent.name!r}")
        found[benchmark.key] = benchmark
    return found


def own_declaration(key: str) -> str | None:
    """The digest of a user's own declaration of one of our benchmarks that decides scores otherwise than ours; None
    where it is ours, or says the same, or is of a benchmark that we do not have."""
    mine, ours = content.file(f"tasks/{key}/benchmark.toml"), content.folder("tasks") / key / "benchmark.toml"
    if mine == ours or not ours.is_file():
        return None
    digest = get_benchmark(key).digest()
    return None if digest == load_benchmark(ours).digest() else digest


def find_benchmark(name: str) -> Benchmark | None:
    """The benchmark of this key, tag (`xling_belebele`, of whatever family) or title (`Global-MMLU`; case and what is
    no letter or digit count for nothing); None where there is none."""
    known = benchmarks()
    if name in known:
        return known[name]
    plain = plain_name(name.partition("_")[2] if name.startswith(("xling_", "xling-")) else name)
    found = [each for key, each in known.items() if plain in (plain_name(key), plain_name(each.title))]
    return found[0] if len(found) == 1 else None


def plain_name(name: str) -> str:
    """`globalmmlu` of `Global-MMLU` and of `global_mmlu`."""
    return "".join(c for c in name.lower() if c.isalnum())


def get_benchmark(key: str) -> Benchmark:
    """Return the benchmark (see `find_benchmark`), or raise UsageError with the nearest known keys."""
    found = find_benchmark(key)
    if found is None:
        raise UsageError(
            f"unknown benchmark {key!r}.{did_you_mean(key, benchmarks())} Known: {', '.join(benchmarks())}."
        )
    return found
