"""How a run ended, in lines for a person: after which update, at which losses, which checkpoint is the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.reading import parse_json, read_object
from xling_bench.results.lineage import FILE, read_lineage
from xling_bench.training.claim import LOG, RUN
from xling_bench.training.losses import Loss
from xling_bench.training.stopping import By, Score, percent, scores_in

MOST = 12  # measurements that are listed
SCORED = ("xnli", "xcopa", "pawsx", "xstorycloze", "sib200", "flores")  # what is offered to score a model by, in turn


def ending(output: Path, losses: Iterable[Loss]) -> list[str]:
    """Of the finished run in `output`, from what its files say."""
    facts, log = read_object(output / RUN), _lines(output / LOG)
    recipe: Any = facts.get("recipe")
    steps = int(recipe["run"]["steps"])
    lines = []
    units = {loss.name: loss.unit for loss in losses}
    if trained := [line for line in log if units.keys() & line.keys()]:
        last = trained[-1]
        told = ", ".join(f"{name} {last[name]:.3g} {unit}".rstrip() for name, unit in units.items() if name in last)
        lines.append(f"ended after update {last['step']} of {steps}, at {told}")
    chosen: Any = facts.get("chosen")
    by: By = chosen["by"] if chosen else "accuracy"
    scores = [(step, score) for step, score in scores_in(output, by) if step]
    if chosen:
        lines.append(
            f"model/ has the weights of update {chosen['step']}: {by} {percent(chosen['score'])}, the best of "
            f"{_listed(scores)}"
        )
    elif scores:
        lines.append(f"model/ has the weights of the last update; accuracy on development items: {_listed(scores)}")
    return lines


def _listed(scores: list[Score]) -> str:
    """`30.0 % (update 2), 50.0 % (update 4)`: the last ones."""
    told = ", ".join(f"{percent(score)} (update {step})" for step, score in scores[-MOST:])
    return f"{len(scores) - MOST} earlier, {told}" if len(scores) > MOST else told


def _lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [parse_json(line, path.name) for line in text.splitlines()]


def what_next(model: Path, languages: tuple[str, ...]) -> list[str]:
    """The command that scores the finished model, by a benchmark that it did not learn, and which ones it did."""
    lineage = read_lineage(model / FILE)
    learnt = {} if lineage is None else lineage.contaminated
    key, langs = _offered(languages, learnt)
    command = f"xling-bench run --model hf:{model} --tasks xling_{key} --langs {langs} -o runs/{model.parent.name}"
    if not learnt:
        return [f"score it: {command}"]
    found = "; ".join(f"{name} ({', '.join(sorted(texts))})" for name, texts in learnt.items())
    return [
        f"score it by what it did not learn: {command}" if key not in learnt else
        f"score it, though it learnt {key}'s items, as it did those of all that is offered here: {command}",
        f"  texts of these benchmarks were learnt: {found}. Their scores are marked, and the gate refuses them "
        "without --allow-contaminated (docs/provenance.md)",
    ]  # fmt: skip


def _offered(languages: tuple[str, ...], learnt: Mapping[str, object]) -> tuple[str, str]:
    """(a benchmark, languages of it that were trained): the first that was not learnt."""
    shared = {key: [each for each in languages if each in get_benchmark(key).units()] for key in SCORED[:-1]}
    shared = {key: langs for key, langs in shared.items() if langs} | {SCORED[-1]: list(languages)}
    key = next((key for key in shared if key not in learnt), next(iter(shared)))
    return key, ",".join(shared[key])
