"""What a result depends on: one fact a field, and what follows from them: its key, its signature, how two differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from xling_bench.core.errors import DataError
from xling_bench.results.lineage import Standing

# Facts that say where rows came from or what follows from other facts; what the rows are is in their hash, and who
# computed log-likelihoods (`scoring`), how many items were too long, tied or had twins, follows from the engine asked
# for, the model and its requests.
INCIDENTAL = ("origin", "demo_origin", "items", "ids", "dropped", "unavailable", "headline", "scoring", "truncated",
              "ties", "twins", "chance")  # fmt: skip
SHOWN = ("task", "language", "split", "form", "data", "ns", "source", "template", "declaration", "shots", "demos",
         "demo_data", "demo_template", "demo_ids", "demo_encoder", "seed", "limit", "joiner", "scoring", "scored_by",
         "gguf")  # fmt: skip
# Engines that no signature names: those of versions that knew no other, whose numbers agree.
UNNAMED = (None, "shared-prefix", "lm-eval", "hf")
LARGEST = 2**63  # of whole numbers, what tables hold
ALWAYS = ("limit",)  # written even where it is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The facts that are known before the model is: which items, prompts and demonstrations, which metrics.

    task, language (codes), split, form (of the data, where there are several), data (hash of the rows), source (files,
    hub, sample), origin (where they were read), items (to be scored) with a hash of their ids in order, dropped (rows
    left out, by reason), ns (`keep`: untranslated rows), template (hash of the prompt),
    declaration (hash of a benchmark.toml of one's own that decides otherwise than ours), limit (items, if not all),
    metrics {name: rule}, of them the headline, unavailable {metric: why}, decoding (of generated answers), chance (what
    guessing gets of these items, where their numbers of candidates differ).
    Of the demonstrations, None at 0 shots: seed, hashes of their data, template, ids and encoder, the aligner's
    sentence, where their rows were read.
    """

    task: str
    language: str
    split: str
    form: str
    data: str
    source: str
    origin: str | None = None
    items: int
    ids: str
    dropped: dict[str, int] | None = None
    ns: str | None = None
    template: str
    declaration: str | None = None
    shots: int
    demos: str
    seed: int | None = None
    demo_data: str | None = None
    demo_template: str | None = None
    demo_ids: str | None = None
    demo_encoder: str | None = None
    aligner: str | None = None
    demo_origin: str | None = None
    limit: int | None = None
    metrics: dict[str, str]
    headline: str = ""
    unavailable: dict[str, str] | None = None
    decoding: str | None = None
    chance: float | None = None

    def __post_init__(self) -> None:
        if not self.headline:  # results of versions that told it by the metrics' order
            object.__setattr__(self, "headline", next(iter(self.metrics)))

    def with_model(self, **more: Any) -> Facts:
        """All facts: these, and those of `Facts`."""
        return Facts(**{each.name: getattr(self, each.name) for each in fields(Planned)}, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(Planned):
    """Everything a result depends on, and what was counted while it was made.

    model (fingerprint of its content), settings (of the model that change results), versions of lm_eval and
    xling_bench, code (hash of ours), gguf and gguf_tensors (quantisation), engine (asked for, of ranking or of
    generation) and scoring (who did rank), joiner (end token between demonstrations). Of the items: how many had twins
    among the demonstrations, how many lost their beginning (truncated), ties by metric; None where nobody counted.
    scored_by: other code that scored the answers again. provenance: how the items stand to what the model learnt
    (`results.lineage.Standing`); None: unknown.
    `other` are facts that this version does not know, of a newer one.
    """

    model: str
    settings: dict[str, object]
    lm_eval: str
    xling_bench: str
    code: str
    gguf: str | None = None
    gguf_tensors: str | None = None
    engine: str | None = None
    scoring: str | None = None
    joiner: str | None = None
    twins: int | None = None
    truncated: int | None = None
    ties: dict[str, int] | None = None
    scored_by: str | None = None
    provenance: dict[str, object] | None = None
    other: dict[str, object] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, object]) -> Self:
        """Facts as a results file holds them. Raises DataError naming the field that lacks or is of another kind."""
        known = {each.name: _kinds(str(each.type)) for each in fields(cls) if each.name != "other"}
        required = {each.name for each in fields(cls) if each.default is each.default_factory}  # both missing
        for name, kinds in known.items():
            if name not in data:
                if name in required:
                    raise DataError(f"missing or unexpected field {name!r}")
            elif not _fits(data[name], kinds):
                raise DataError(f"facts.{name} is {data[name]!r:.80}; expected {' or '.join(kinds)}")
        Standing.read(data.get("provenance"))  # type: ignore[arg-type] # a table or None, as was checked
        if not data["metrics"]:
            raise DataError("facts.metrics is empty; expected the metrics and their rules")
        other = {name: value for name, value in data.items() if name not in known}
        checked: dict[str, Any] = {name: data[name] for name in known if name in data}
        return cls(**checked, other=other)

    def written(self) -> dict[str, object]:
        """As a results file holds them: what does not apply is not there."""
        held = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "other"}
        return {name: value for name, value in held.items() if value is not None or name in ALWAYS} | self.other

    @property
    def standing(self) -> Standing:
        """How the items stand to what the model learnt."""
        return Standing.read(self.provenance)

    @property
    def key(self) -> str:
        """A hash over everything the result depends on."""
        decisive = {name: value for name, value in self.written().items() if name not in INCIDENTAL}
        text = json.dumps(decisive, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def signature(self) -> str:
        """One line that travels with the number: `xling|task:...|data:...|template:...|...`."""
        facts = self.written()
        shown = [f"{n}:{facts[n]!r}" if n == "joiner" else f"{n}:{facts[n]}" for n in SHOWN if facts.get(n) is not None]
        shown += [f"engine:{self.engine}"] if self.engine not in UNNAMED else []
        shown = [text.replace("|", "%7C") for text in shown]  # end tokens are fond of bars: <|endoftext|>
        settings = {name: value for name, value in self.settings.items() if value not in (None, False, "auto")}
        shown += [f"{name}:{value}" for name, value in settings.items()]
        versions = [f"lm_eval:{self.lm_eval}", f"v:{self.xling_bench}", f"code:{self.code}"]
        return "|".join(["xling", *shown, f"model:{self.model}", *versions])

    def differs_from(self, finished: Facts) -> list[str]:
        """The facts, with both values, in which a finished result differs from these; empty when it is the same.

        `another limit (was 3, now 2)`, `other metrics (was acc, bpb; now acc)`.
        """
        if finished.key == self.key:
            return []
        theirs, mine = finished.written(), json.loads(json.dumps(self.written()))
        names = [n for n in {**theirs, **mine} if n not in INCIDENTAL and theirs.get(n) != mine.get(n)]
        return [_change(n, theirs.get(n), mine.get(n)) for n in names] or ["another set of facts"]

    def metrics_to_add(self, finished: Facts) -> list[str] | None:
        """The metrics that a finished result lacks, or has by another rule; None where other facts differ, or where the
        answers were ranked, not kept."""
        theirs, mine = finished.written(), json.loads(json.dumps(self.written()))
        names = [n for n in {**theirs, **mine} if n not in (*INCIDENTAL, "metrics") and theirs.get(n) != mine.get(n)]
        if names or self.decoding is None:
            return None
        return [name for name, rule in self.metrics.items() if finished.metrics.get(name) != rule]


def _change(name: str, was: Any, now: Any) -> str:
    """Of tables the names, or where both have the same ones, what differs under them."""
    if not (isinstance(was, dict) and isinstance(now, dict)):
        values = ("none" if value is None else value for value in (was, now))
        return "another {} (was {}, now {})".format(name, *values)
    if was.keys() != now.keys():
        sides = [", ".join(map(str, value)) or "none" for value in (was, now)]
    else:
        sides = [", ".join(f"{key} {value[key]}" for key in was if was[key] != now[key]) for value in (was, now)]
    return f"other {name} (was {sides[0]}; now {sides[1]})"


KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "dict": (dict,),
                                      "None": (type(None),)}  # fmt: skip


def _kinds(annotation: str) -> list[str]:
    """`dict[str, int] | None` -> dict, None."""
    return [part.strip().partition("[")[0] for part in annotation.split(" | ")]


def _fits(value: Any, kinds: Sequence[str]) -> bool:
    allowed = tuple(kind for name in kinds for kind in KINDS[name])
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) >= LARGEST):
        return False
    return isinstance(value, allowed)


def item_ids(ids: Sequence[str]) -> str:
    """A hash over the ids of the items scored, in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
