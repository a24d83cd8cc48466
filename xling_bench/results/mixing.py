"""Numbers measured differently are not compared: which fields of two signatures must agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError
from xling_bench.results.naming import told_apart
from xling_bench.results.schema import FOLDERS, PATH

if TYPE_CHECKING:
    import pandas as pd


def signature_fields(signature: str) -> dict[str, str]:
    """{field: value} of a signature."""
    try:
        found = dict(part.split(":", 1) for part in signature.split("|")[1:])
        int(found.get("limit", 0))
        return found
    except ValueError as error:
        raise DataError(f"{signature!r} is not a signature of ours") from error


# Fields in which two numbers may differ and still be compared: who was measured, not how. The two ways of `scoring`
# make the same decisions, which tests hold them to.
WHO = {"model", "gguf", "task", "language", "revision", "trust_remote_code", "scoring"}
# Fields in which languages and seeds of one model may differ besides: the items and their words.
WHAT = {"data", "demo_data", "template", "demo_template", "seed", "metric", "rule"}
ACCEPTED = "accepted"  # of a table: fields in which its rows may differ
ENGINE, USUAL = "engine", "transformers"  # who computed: named where it is not the usual one
ENGINES_DIFFER = (
    "Texts of one are not to the letter those of the other; --allow-engines takes both."
)
CELL = ["benchmark", "language", "family", "shots", "demos", "seed", "metric"]


def limits(frame: pd.DataFrame) -> str:
    """`limited` of a table's rows."""
    return limited(zip(map(str, frame["benchmark"]), map(str, frame["signature"]), strict=True))


def limited(signatures: Iterable[tuple[str, str]]) -> str:
    """Which benchmarks were scored on their first items only, from (benchmark, signature) of their numbers:
    `XNLI: first 1000 items; SIB-200: first 6 items, which cannot hold its 7 classes`, or empty."""
    found: dict[str, set[int]] = {}
    classes: dict[str, int] = {}
    for benchmark, signature in signatures:
        limit = signature_fields(signature).get("limit")
        if limit is not None:
            declared = get_benchmark(benchmark)
            found.setdefault(declared.title, set()).add(int(limit))
            classes[declared.title] = len(declared.labels)
    return "; ".join(
        f"{title}: first {' or '.join(map(str, sorted(n)))} items"
        + (f", which cannot hold its {classes[title]} classes" if min(n) < classes[title] else "")
        for title, n in sorted(found.items())
    )


def accept_engines(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """(the same rows, among which a difference of engines is no reason to refuse, a note where there is one)."""
    engines = frame["signature"].map(lambda text: signature_fields(text).get(ENGINE, USUAL))
    keyed = frame.assign(**{ENGINE: engines})
    differ = keyed.groupby(["benchmark", "family", "shots", "demos", "metric"])[ENGINE].transform("nunique") > 1
    found: dict[str, set[str]] = {}
    for model, engine in zip(keyed.loc[differ, "model"], engines[differ], strict=True):
        found.setdefault(str(engine), set()).add(str(model))
    said = "; ".join(f"{engine}: {', '.join(sorted(models))}" for engine, models in sorted(found.items()))
    note = f"Engines differ, which was accepted ({said}); texts of one are not to the letter those of the other."
    accepting = frame.copy(deep=False)
    accepting.attrs = {**frame.attrs, ACCEPTED: (ENGINE,)}  # which pandas hands on to parts of it
    return accepting, [note] if len(found) > 1 else []


def refuse_mixed(frame: pd.DataFrame) -> None:
    """Raise DataError when numbers of one cell (same benchmark, language, shots, ...) were not measured alike.

    The error names the field that differs, both values and both models. Between our runs and plain lm_eval the fields
    both record are compared, and the number of items. A number that stands twice is an error, too.
    """
    accepted = frozenset(frame.attrs.get(ACCEPTED, ()))
    folders: list[str] = frame.attrs.get(FOLDERS, [])
    _refuse_mixed_languages(frame, accepted, folders)
    for key, part in frame.groupby(CELL, sort=True):
        where = " ".join(map(str, key))
        twice = part[part["model"].duplicated()]
        if not twice.empty:
            raise DataError(
                f"{where} of {twice['model'].iloc[0]} stands twice: the same results were given in two "
                "places, or one model was measured twice (`xling-bench compare A B` takes two such runs)."
            )
        firsts = []
        for _, same in part.groupby("harness", sort=True):
            rows = [row for _, row in same.iterrows()]
            firsts.append(rows[0])
            for other in rows[1:]:
                _compare(where, rows[0], other, shared_only=False, may_differ=WHO | accepted, folders=folders)
        for other in firsts[1:]:
            _compare(where, firsts[0], other, shared_only=True, may_differ=WHO | accepted, folders=folders)


def _refuse_mixed_languages(frame: pd.DataFrame, accepted: frozenset[str], folders: Sequence[str]) -> None:
    """Within one model's results of a benchmark, languages and seeds must have been measured in the same way."""
    group = ["model", "benchmark", "family", "shots", "demos", "harness"]
    for key, part in frame.drop_duplicates("signature").groupby(group, sort=True):
        rows = [row for _, row in part.iterrows()]
        for other in rows[1:]:
            units = dict.fromkeys((str(rows[0]["language"]), str(other["language"])))
            where = f"{' '.join(map(str, key[1:]))}, {' and '.join(units)}"
            may = WHO | WHAT | accepted | _same_limit(rows[0], other)
            _compare(where, rows[0], other, shared_only=False, may_differ=may, folders=folders)


def _same_limit(first: Any, other: Any) -> set[str]:
    """{"limit"} where one limit explains both: a language with fewer items than it is scored whole."""
    limits = [signature_fields(row["signature"]).get("limit") for row in (first, other)]
    whole = [row["n"] for row, limit in zip((first, other), limits, strict=True) if limit is None]
    given = [int(limit) for limit in limits if limit is not None]
    return {"limit"} if len(given) == 1 and whole[0] <= given[0] else set()


def _models(first: Any, other: Any, folders: Sequence[str]) -> list[str]:
    """The two rows' models, by folder as well where one model's numbers stand in two, else by language."""
    models = [str(row["model"]) for row in (first, other)]
    if models[0] != models[1]:
        return models
    paths = [Path(folders[int(row[PATH])]) for row in (first, other)] if folders and PATH in first else []
    marks = told_apart(paths) if len(set(paths)) == 2 else [str(row["language"]) for row in (first, other)]
    return models if marks[0] == marks[1] else [f"{model} ({mark})" for model, mark in zip(models, marks, strict=True)]


def _compare(
    where: str,
    first: Any,
    other: Any,
    *,
    shared_only: bool,
    may_differ: set[str] | frozenset[str],
    folders: Sequence[str],
) -> None:
    mine, theirs = signature_fields(first["signature"]), signature_fields(other["signature"])
    if shared_only:
        names = [name for name in mine if name in theirs or name == ENGINE]
        names += [ENGINE] if ENGINE in theirs and ENGINE not in mine else []
        mine["items"], theirs["items"] = str(first["n"]), str(other["n"])
        names.append("items")
    else:
        names = list({**mine, **theirs})
    for name in names:
        unknown = "unknown" in (mine.get(name), theirs.get(name))
        if name not in may_differ and (unknown or mine.get(name) != theirs.get(name)):
            why = " (no samples were logged, so nobody knows the data)" if unknown else ""
            unsaid = USUAL if name == ENGINE else "none given"
            models = _models(first, other, folders)
            remedy = ENGINES_DIFFER if name == ENGINE else "Numbers measured differently are not compared."
            raise DataError(
                f"{where}: {name} differs: {mine.get(name, unsaid)} for {models[0]}, "
                f"{theirs.get(name, unsaid)} for {models[1]}{why}. {remedy}"
            )


def refuse_unequal_seeds(frame: pd.DataFrame) -> None:
    """Raise DataError where languages or models of one benchmark were measured with different seeds.

    Their means hold other demonstrations, and more or less of their noise. The error names both.
    """
    for key, part in frame.groupby(["benchmark", "family", "shots", "demos", "metric"], sort=True):
        first: tuple[str, str, list[int]] | None = None
        for (model, language), rows in part.groupby(["model", "language"], sort=True):
            mine = (str(language), str(model), sorted({int(seed) for seed in rows["seed"]}))
            first = first or mine
            if mine[2] != first[2]:
                raise DataError(
                    f"{' '.join(map(str, key))}: seeds {first[2]} for {first[0]} of {first[1]}, "
                    f"{mine[2]} for {mine[0]} of {mine[1]}. Give --seeds with those that all have, or run the others."
                )
