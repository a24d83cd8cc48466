"""Task names: every Benchmark x Language x Family there is, and how users select among them.

Names are made here and nowhere parsed; code that needs a task's language asks its `TaskSpec`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from xling_bench.catalog.benchmark import Benchmark, benchmarks, find_benchmark, get_benchmark
from xling_bench.catalog.prompt import Family, Form, families, get_family, has_form, resolve_form
from xling_bench.core import content, languages
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean
from xling_bench.core.languages import Language
from xling_bench.core.reading import read_toml
from xling_bench.core.unit import Unit

SUITE = {"tasks", "languages"}  # what suites.toml says of one


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task: a benchmark in one language (or pair), posed by one prompt family.

    `unit` names the data: `de`, or `de-zh` (source-target for FLORES, context-question for MLQA).
    `language` is the language answers are in, whose words the prompt uses: the target of a translation, the
    question's language where MLQA's differs (the answer then stands in the context's language, `source`).
    """

    benchmark: Benchmark
    family: Family
    unit: Unit
    language: Language
    source: Language | None = None

    @property
    def is_default(self) -> bool:
        """Whether the task belongs to the default suite `xling_*`."""
        return self.family.key == self.benchmark.family

    @property
    def prefix(self) -> str:
        """`xling` for the default suite, `xling-<family>` for the others."""
        return "xling" if self.is_default else f"xling-{self.family.key}"

    @property
    def tag(self) -> str:
        """The lm-eval tag of all languages: `xling_xnli`."""
        return f"{self.prefix}_{self.benchmark.key}"

    @property
    def name(self) -> str:
        """`xling_xnli_de`, `xling_mlqa_de_zh`, `xling_mlqa_de_de`, `xling_flores_en_de`."""
        parts = self.unit.languages
        pairs = self.benchmark.pairs
        if pairs is not None and pairs.alone and len(parts) == 1:
            parts *= 2
        return "_".join((self.tag, *parts))

    @property
    def code(self) -> str:
        """`deu_Latn`, or `eng_Latn-deu_Latn` for a pair."""
        return f"{self.source.code}-{self.language.code}" if self.source else self.language.code

    @property
    def kind(self) -> str:
        """`choose` or `generate`."""
        return self.family.forms[self.benchmark.key].kind

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics this task reports, headline first."""
        return self.benchmark.metrics_of(self.kind, self.unit)

    @property
    def answer_language(self) -> Language:
        """The language the gold answers are written in (MLQA: the context's)."""
        return languages.get(self.benchmark.answer_language(self.unit))

    def form(self) -> Form:
        """The prompt, with the language's words put in."""
        return resolve_form(self.family, self.benchmark, self.language, source=self.source)

    def describe(self) -> dict[str, object]:
        """The row of `tasks list --json`."""
        return {
            "name": self.name,
            "benchmark": self.benchmark.key,
            "language": self.unit,
            "source_language": self.source.key if self.source else None,
            "target_language": self.language.key if self.source else None,
            "family": self.family.key,
            "kind": self.kind,
            "metric": self.metrics[0],
            "default": self.is_default,
        }


def make_spec(benchmark: Benchmark, family: Family, unit: str) -> TaskSpec:
    """Build the spec of one unit; `unit` may use any code of a language."""
    parts = [languages.get(part) for part in Unit(unit).languages]
    if len(parts) == 1:
        return TaskSpec(benchmark, family, Unit(parts[0].key), parts[0])
    if len(parts) != 2 or benchmark.pairs is None:
        raise UsageError(
            f"{benchmark.key} has no unit {unit!r}: expected a language" + (" pair a-b" if benchmark.pairs else "")
        )
    source, target = parts
    return TaskSpec(benchmark, family, Unit.of(source.key, target.key), target, source)


@cache
def task_specs() -> dict[str, TaskSpec]:
    """Every declared task by name: default suite and other families, in benchmark order."""
    specs: dict[str, TaskSpec] = {}
    for benchmark in benchmarks().values():
        for family in families().values():
            for unit in benchmark.units():
                if has_form(family, benchmark, unit.target):
                    spec = make_spec(benchmark, family, unit)
                    specs[spec.name] = spec
        if not any(s.benchmark is benchmark and s.is_default for s in specs.values()):
            raise DeclarationError(f"{benchmark.key}: its default family {benchmark.family!r} has no form for it")
    return specs


def spelled_out() -> dict[str, TaskSpec]:
    """Tasks of default families by a name that says the family as others' names do: `xling-mcf_belebele_de`."""
    return {_spelled(spec, spec.name): spec for spec in task_specs().values() if spec.is_default}


def _spelled(spec: TaskSpec, name: str) -> str:
    return f"xling-{spec.family.key}{name.removeprefix('xling')}"


def find_task(name: str) -> TaskSpec | None:
    """The task of this name, or of one that spells its family out (`spelled_out`), or of one without `xling_`."""
    return task_specs().get(name) or spelled_out().get(name) or task_specs().get(f"xling_{name}")


def get_task(name: str) -> TaskSpec:
    """Return the task (see `find_task` for other names of some), or raise UsageError with the nearest names."""
    found = find_task(name)
    if found is None:
        raise UsageError(
            f"unknown task {name!r}.{_hint(name, task_specs())} `xling-bench tasks list` prints all of them."
        )
    return found


@cache
def suites() -> dict[str, dict[str, list[str]]]:
    """The suites of `tasks/suites.toml`: name -> {tasks, languages}."""
    path = content.file("tasks/suites.toml")
    found = read_toml(path)
    for name, suite in found.items():
        lists = suite.values() if isinstance(suite, dict) and "tasks" in suite and {*suite} <= SUITE else [None]
        if not all(isinstance(each, list) and all(isinstance(word, str) for word in each) for each in lists):
            raise DeclarationError(f"{path} [{name}]: expected tasks = [names] and, if not all, languages = [codes]")
    return found


def select(patterns: Sequence[str], *, langs: Sequence[str] = (), suite: str | None = None) -> list[TaskSpec]:
    """Return the tasks named by `patterns` (names, tags, groups, globs; benchmarks) and `suite`, limited to `langs`.

    A pair task is kept when both of its languages are in `langs`; where all pairs have one pivot (FLORES' English) it
    need not be named. Order is the catalog's; nothing comes twice. Names of `find_task` and `find_benchmark` work as
    the tasks' own and the tags do.
    Raises UsageError for a pattern or language that matches nothing.
    """
    wanted = list(patterns)
    keys = {languages.get(code).key for code in langs}
    if suite is not None:
        if suite not in suites():
            raise UsageError(f"unknown suite {suite!r}.{did_you_mean(suite, suites())} Known: {', '.join(suites())}.")
        wanted += suites()[suite]["tasks"]
        keys = keys or {languages.get(code).key for code in suites()[suite].get("languages", [])}
    if not wanted:
        raise UsageError("no task given: use --tasks NAME,... or --suite NAME (`xling-bench tasks list`).")
    chosen: dict[str, TaskSpec] = {}
    for pattern in wanted:
        for spec in _match(pattern):
            chosen[spec.name] = spec
    kept = {name: s for name, s in chosen.items() if not keys or _wanted(s, keys)}
    covered = {key for spec in kept.values() for key in _languages(spec)}
    for key in keys - covered:
        if langs:
            raise UsageError(f"no selected task has the language {key!r} ({languages.get(key).name}).")
    return [spec for name, spec in task_specs().items() if name in kept]


def languages_lacking(patterns: Sequence[str], langs: Sequence[str], suite: str | None = None) -> str:
    """Which of `langs` the selected benchmarks do not have, which `select` passes over: `XCOPA has no de; XNLI no hy,
    ka`, or empty. A family that lacks the language and is no benchmark's default is named: `XNLI (native) has no sw`.
    """
    specs = select(patterns, suite=suite) if langs and (patterns or suite) else []
    keys = dict.fromkeys(languages.get(code).key for code in langs)
    there: dict[str, set[str]] = {}
    for spec in task_specs().values():
        there.setdefault(spec.tag, set()).update(_languages(spec))
    said = {}
    for spec in specs:
        lacking = [key for key in keys if key not in there.get(spec.tag, keys)]
        if lacking:
            family = "" if spec.is_default else f" ({spec.family.key})"
            said[f"{spec.benchmark.title}{family}"] = ", ".join(lacking)
    first = iter(("has no",))
    return "; ".join(f"{title} {next(first, 'no')} {lacking}" for title, lacking in said.items())


def _languages(spec: TaskSpec) -> set[str]:
    return {spec.language.key, spec.source.key if spec.source else spec.language.key}


def _wanted(spec: TaskSpec, keys: set[str]) -> bool:
    pairs = spec.benchmark.pairs
    implied = {pairs.pivot} if pairs is not None and pairs.pivot else set()
    return _languages(spec) <= keys | implied and bool(_languages(spec) & keys)


def is_glob(pattern: str) -> bool:
    """Whether it stands for all names that look like it: `xling_*_de`."""
    return any(c in pattern for c in "*?[")


def _match(pattern: str) -> Iterator[TaskSpec]:
    specs = task_specs()
    names = {"xlingbench": [s for s in specs.values() if s.is_default]}
    for spec in specs.values():
        names.setdefault(spec.tag, []).append(spec)
        if spec.is_default:
            names.setdefault(f"xlingbench_{spec.benchmark.key}", []).append(spec)
            names.setdefault(_spelled(spec, spec.tag), []).append(spec)
    found: Iterable[TaskSpec]
    if task := find_task(pattern):
        found = [task]
    elif pattern in names:
        found = names[pattern]
    elif is_glob(pattern):
        # a glob that says its family finds the benchmarks whose default that is; `xling-*` stays all other families
        told = {n: s for n, s in spelled_out().items() if pattern.startswith(f"xling-{s.family.key}_")}
        wanted = (pattern, f"xling_{pattern}")
        found = [s for name, s in (specs | told).items() if any(fnmatch.fnmatchcase(name, each) for each in wanted)]
    elif not pattern.startswith("xling") and (benchmark := find_benchmark(pattern)):
        found = names[f"xling_{benchmark.key}"]
    else:
        found = []
    found = list(found)
    if not found:
        raise UsageError(
            f"no task matches {pattern!r}.{_hint(pattern, [*specs, *names])} See `xling-bench tasks list`."
        )
    return iter(found)


def _hint(word: str, known: Iterable[str]) -> str:
    if word in suites():
        return f" It is a suite: --suite {word}."
    members = [name for name, spec in task_specs().items() if spec.tag in (word, f"xling_{word}")]
    if members:
        return f" It is a tag: did you mean one of its tasks, such as {members[0]!r}?"
    return _in_other_codes(word) or did_you_mean(word, known)


def _in_other_codes(word: str) -> str:
    """A hint for a task's name with another code of its language than ours (`belebele_deu_Latn`, as in lm-eval), or
    with a language that the benchmark does not have; empty for other words."""
    prefix, _, name = word.partition("_") if word.startswith("xling") else ("xling", "", word)
    key = max((key for key in benchmarks() if name.startswith(f"{key}_")), key=len, default="")
    if not key:
        return ""
    code = name.removeprefix(f"{key}_")
    benchmark = benchmarks()[key]
    own = {theirs: ours for codes in (benchmark.codes, benchmark.hub.codes) for ours, theirs in codes.items()}
    language = languages.registry().get(own.get(code, "")) or languages.lookup(code)
    if language is None:
        return ""
    meant = f"{prefix}_{key}_{language.key}"
    if meant in task_specs() or meant in spelled_out():
        return f" Did you mean {meant!r}?"
    return "" if any(language.key in u.languages for u in benchmark.units()) else (
        f" {benchmark.title} has no {language.name}."
    )


def emit_spec(pair: str, family: str | None = None) -> TaskSpec:
    """The spec of any FLORES pair on request, `deu_Latn-fra_Latn`, declared or not."""
    benchmark = get_benchmark("flores")
    parts = Unit(pair).languages
    if len(parts) != 2 or parts[0] == parts[1]:
        raise UsageError(
            f"--pairs: expected two different languages as a-b, for example deu_Latn-fra_Latn; got {pair!r}"
        )
    for part in parts:
        if not languages.get(part).flores:
            raise UsageError(f"--pairs: FLORES-200 has no {languages.get(part).name}")
    return make_spec(benchmark, get_family(family or benchmark.family), pair)
