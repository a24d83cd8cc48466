"""Cross-lingual consistency of factual knowledge (RankC, Qi et al. 2023): the same candidates in the same order?"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError
from xling_bench.core.reading import parse_json
from xling_bench.metrics.knowledge import mean_rankc, per_token, ranking
from xling_bench.results.given import Run, given
from xling_bench.results.items import finished_units
from xling_bench.results.matrix import counted
from xling_bench.results.naming import DIGITS, run_names
from xling_bench.results.record import Record
from xling_bench.results.schema import Row

if TYPE_CHECKING:
    import pandas as pd

FORMS = ("bmlama17", "bmlama53")  # of mLAMA: candidates mean the same at the same place in every language
HEAD = ["model", "form", "limit", "shots", "demos", "seed"]
COLUMNS = [*HEAD, "language", "other", "items", "rankc"]
Rankings = dict[str, list[int]]


def rankc_table(runs: Iterable[Run], seeds: Collection[int] = ()) -> pd.DataFrame:
    """RankC in percent of every pair of languages measured, by runs of `xling-bench run` of mLAMA's ranking tasks.

    `runs` are as for `load_results`. One row per model, form of the data, limit, shots, demonstrations, seed and
    unordered pair; `other` is `(mean)` for a language's mean over its pairs. Candidates are ranked by mean
    log-probability per token, as for p1. Items with one candidate say nothing and are left out. `seeds` limits few-shot
    results to these. Raises DataError when a language stands twice or its samples are damaged, and when there is no
    pair: no ranking task, another source than BMLAMA (in mLAMA's own files each language has its own candidates), or
    one language only.
    """
    import pandas as pd

    found: dict[tuple[Any, ...], dict[str, Rankings]] = {}
    for run in map(given, runs):
        named = run_names(run.path)
        for record in finished_units(run.path):
            if "p1" in record.rules:
                _add(found, record, seeds, run.name or named.get(record.fingerprint) or record.model)
    rows = []
    for key, languages in sorted(found.items()):
        head = dict(zip(COLUMNS[: len(HEAD)], key, strict=False))
        rows += [{**head, **row} for row in _pairs(languages)]
    if not rows:
        raise DataError(
            "no two languages of BMLAMA ranked: run `xling-bench run --tasks 'xling-xglm_mlama_*'` on BMLAMA17 or 53 "
            "(XLING_MLAMA=bmlama17)."
        )
    return counted(pd.DataFrame(rows, columns=COLUMNS))


def _add(found: dict[tuple[Any, ...], dict[str, Rankings]], record: Record, seeds: Collection[int], name: str) -> None:
    facts = record.facts
    if facts is None or facts.form not in FORMS or (seeds and record.shots and record.seed not in seeds):
        return
    same = (facts.model, record.family, record.split, facts.code, json.dumps(facts.settings, sort_keys=True))
    model, limit = f"{name} ({facts.model[:DIGITS]})", str(facts.limit or "all")
    key = (model, facts.form, limit, record.shots, record.demos, record.seed, *same)
    if record.unit in found.setdefault(key, {}):
        raise DataError(f"{record.unit} of {name} stands twice: the same results were given in two places.")
    found[key][record.unit] = _rankings(record.samples, record.items)


def _rankings(samples: Path, items: int) -> Rankings:
    """{item: candidate indices, best first}, of items with more than one candidate."""
    found = {}
    number = 0
    if not samples.is_file():
        raise DataError(f"{samples} is gone: RankC compares the rankings in it, which no other file has.")
    with samples.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                sample = parse_json(line, str(samples), line=number)
                doc = sample["doc"]
                values = [float(response[0]) for response in sample["filtered_resps"]]
                if len(values) > 1:
                    found[str(doc["id"])] = ranking(per_token(values, doc["tokens"]))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise DataError(f"{samples}, line {number}: not a sample of a ranking task ({error!r})") from error
    if number != items:
        raise DataError(f"{samples}: {number} samples, {items} items were scored; is it cut off?")
    return found


def _pairs(languages: dict[str, Rankings]) -> list[Row]:
    rows: list[Row] = []
    values: dict[str, list[float]] = {}
    for a, b in combinations(sorted(languages), 2):
        shared = sorted(languages[a].keys() & languages[b].keys())
        if not shared:
            continue
        try:
            value = 100 * mean_rankc((languages[a][item], languages[b][item]) for item in shared)
        except ValueError as error:
            raise DataError(f"the candidates of {a} and {b} are not parallel: {error}") from error
        rows.append({"language": a, "other": b, "items": len(shared), "rankc": value})
        for language in (a, b):
            values.setdefault(language, []).append(value)
    return rows + [
        {"language": language, "other": "(mean)", "items": None, "rankc": sum(found) / len(found)}
        for language, found in sorted(values.items())
    ]
