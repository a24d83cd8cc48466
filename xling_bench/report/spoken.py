"""Tables of representations: a line a model and language, tokens, and answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xling_bench.core import languages
from xling_bench.core.text import line, visible
from xling_bench.core.unit import Unit
from xling_bench.report.printed import Cell, Column, Table
from xling_bench.results.represented import Answers, Number, Representation

SHOWN = 20  # instructions of a model
LONGEST = 2000  # characters of an answer
SUMMARY = ("Model", "Language", "Weak retrieval, best layer", "at layer", "Random weights", "MEXA mean", "MEXA max",
           "Gamma")  # fmt: skip


def summary_table(found: Sequence[Representation]) -> Table | None:
    """A line a model, intervention and language: what `represent` prints."""
    rows = []
    for each in found:
        for pair in dict.fromkeys(number.pair for number in each.of("alignment")):
            if pair is not None:
                rows += _lines(each, pair)
    return Table([Column(head, head not in SUMMARY[:2]) for head in SUMMARY], rows) if rows else None


def _lines(found: Representation, pair: Unit) -> list[list[Cell]]:
    rows = []
    weak = [number for number in found.of("retrieval_weak") if number.pair == pair]
    for model, change in dict.fromkeys((number.model, number.intervention) for number in weak):
        best = _best([number for number in weak if (number.model, number.intervention) == (model, change)])
        more = {name: _one(found, name, pair, model, change) for name in ("mexa_mean", "mexa_max", "gamma")}
        random = [number for number in found.of("retrieval_weak", weights="random")
                  if number.pair == pair and number.model == f"{model} (random)"]  # fmt: skip
        rows.append([
            Cell(line(model) + (f", {change}" if change else "")), Cell(_language(pair.target)), _bounded(best),
            Cell(str(best.layer), best.layer), _cell(_best(random) if random else None),
            _bounded(more["mexa_mean"]), _cell(more["mexa_max"]), _cell(more["gamma"]),
        ])  # fmt: skip
    return rows


def _best(numbers: Sequence[Number]) -> Number:
    return max(numbers, key=lambda number: number.value or 0.0)


def _one(found: Representation, measure: str, pair: Unit, model: str, change: str | None) -> Number | None:
    wanted = (pair, model, change)
    return next((each for each in found.of(measure) if (each.pair, each.model, each.intervention) == wanted), None)


def _cell(number: Number | None) -> Cell:
    return Cell("–", -1e9) if number is None or number.value is None else Cell(f"{number.value:.3f}", number.value)


def _bounded(number: Number | None) -> Cell:
    """The value with its interval behind it."""
    cell = _cell(number)
    return Cell(f"{cell.text} {_interval(number)}".strip(), cell.order)


def _interval(number: Number | None) -> str:
    if number is None or number.low is None or number.high is None:
        return ""
    return f"[{number.low:.3f}, {number.high:.3f}]"


def _language(key: str) -> str:
    return f"{key} {languages.get(key).name}"


def tokens_table(found: Sequence[Representation]) -> Table | None:
    """Tokens a sentence, and against the pivot's, a line a model and language; None where nobody counted."""
    rows = []
    for each in found:
        ratios = {(number.model, number.pair.target): number for number in each.of("tokens_ratio") if number.pair}
        for number in each.of("tokens"):
            ratio = ratios.get((number.model, str(number.pair)))
            words = "" if ratio is None else f"{ratio.value:.2f}"
            amount = -1e9 if ratio is None else ratio.value
            bounds = "" if ratio is None or ratio.low is None else f"[{ratio.low:.2f}, {ratio.high:.2f}]"
            rows.append([Cell(line(number.model)), Cell(_language(str(number.pair))),
                         Cell(f"{number.value:.1f}", number.value), Cell(words or "–", amount),
                         Cell(bounds)])  # fmt: skip
    heads = [Column("Model", number=False), Column("Language", number=False), Column("Tokens a sentence", number=True),
             Column("Against the pivot's", number=True), Column("95 %", number=False)]  # fmt: skip
    return Table(heads, rows) if rows else None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as the page shows it: in which language, from which side it is read."""

    language: str
    tag: str
    direction: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An instruction and its answers, side by side."""

    instruction: str
    answers: list[Said]


def asked(found: Answers) -> list[Asked]:
    """The first `SHOWN` instructions that all languages have, in the first language's words, with all answers."""
    first, *others = found.by_language.values()
    shared = [key for key in first if all(key in other for other in others)][:SHOWN]
    return [
        Asked(
            visible(first[key][0], LONGEST),
            [_said(language, rows[key][1]) for language, rows in found.by_language.items()],
        )
        for key in shared
    ]


def _said(key: str, text: str) -> Said:
    language = languages.get(key)
    tag = language.code.replace("_", "-")
    return Said(_language(key), tag, language.direction, visible(text, LONGEST) or "(nothing)")


ANSWERED = ("Model", "Languages", "Layer", "Same instruction, cosine", "95 %", "Other instructions",
            "Nearest is the same", "95 %", "In the last language")  # fmt: skip


def answers_table(found: Sequence[Representation]) -> Table | None:
    """How near answers to the same instruction are, beside answers to others, at the layer where the same one is the
    nearest most often; and how many answers are in the language asked. None without any."""
    rows = []
    for each in found:
        names = ("answers_cosine", "answers_cosine_other", "answers_retrieval_weak")
        same, other, nearest = ({(one.model, one.pair, one.layer): one for one in each.of(name)} for name in names)
        spoken = {(one.model, one.pair): one for one in each.of("answers_own_language")}
        for model, pair in dict.fromkeys((one.model, one.pair) for one in same.values()):
            best = _best([one for key, one in nearest.items() if key[:2] == (model, pair)])
            key = (model, pair, best.layer)
            rows.append([Cell(line(model)), Cell(str(pair)), Cell(str(best.layer), best.layer), _cell(same.get(key)),
                         Cell(_interval(same.get(key))), _cell(other.get(key)), _cell(best), Cell(_interval(best)),
                         _cell(spoken.get((model, pair and Unit(pair.target))))])  # fmt: skip
    numeric = {"Layer", "Same instruction, cosine", "Other instructions", "Nearest is the same", "In the last language"}
    return Table([Column(head, head in numeric) for head in ANSWERED], rows) if rows else None
