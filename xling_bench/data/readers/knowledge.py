"""Factual knowledge: mLAMA, as the original archive or as its balanced versions BMLAMA53 / BMLAMA17."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.files import find, find_any, read_json, read_jsonl, read_lines
from xling_bench.data.rows import Row
from xling_bench.errors import DataError, MissingDataError

Read = tuple[list[Row], str, dict[str, int]]
MASK = "<mask>"


def mlama(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """mLAMA: `mlama1.1/<lang>/` when present, else BMLAMA53, else BMLAMA17 (candidate lists in the file)."""
    for folder in ("mlama/mlama1.1", "mlama1.1"):
        if find_any(root / folder / unit, ["templates.jsonl"]):
            return _original(root, root / folder / unit)
    for name in ("BMLAMA53", "BMLAMA17"):
        if path := find_any(root, [f"mlama/{name}/{unit}.tsv", f"{name}/{unit}.tsv"]):
            return _balanced(path, root, name.lower())
    raise MissingDataError(f"no mlama1.1/{unit}/ nor BMLAMA53/{unit}.tsv nor BMLAMA17/{unit}.tsv below {root}")


def _balanced(path: Path, root: Path, name: str) -> Read:
    """BMLAMA: Prompt with `<mask>`, answer, candidates joined by ", ", subject; parallel by line over languages.

    The relation is the English prompt with the subject taken out, since the file does not name it.
    """
    relations = _relations(path.parent)
    rows: list[Row] = []
    dropped: dict[str, int] = {}
    for number, (prompt, answer, listed, subject) in _balanced_lines(path):
        candidates = split_candidates(listed, answer)
        reason = "answer not among the candidates" if answer not in candidates else ""
        reason = reason or ("no single <mask>" if prompt.count(MASK) != 1 else "")
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        before, after = prompt.split(MASK)
        rows.append(
            {
                "id": f"{name}-{number - 1:05d}",
                "relation": relations[number - 2] if number - 2 < len(relations) else "",
                "subject": subject,
                "before": before,
                "after": after,
                "answer": answer,
                "candidates": candidates,
                "label": candidates.index(answer),
            }
        )
    return rows, str(path.relative_to(root)), dropped


def _balanced_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    # The header is skipped unread: BMLAMA17's Chinese one has five names for four columns.
    for number, line in enumerate(read_lines(path)[1:], start=2):
        cells = line.split("\t")
        if len(cells) != 4:
            raise DataError(f"{path}, line {number}: expected 4 tab-separated columns, got {len(cells)}")
        yield number, cells


def _relations(folder: Path) -> list[str]:
    path = find_any(folder, ["en.tsv"])
    if path is None:
        return []
    lines = (cells for _, cells in _balanced_lines(path))
    return [prompt.replace(subject, "[X]").replace(MASK, "[Y]") for prompt, _, _, subject in lines]


def split_candidates(listed: str, answer: str) -> list[str]:
    """Split "a, b, c" at ", " but keep `answer` whole where it has a comma itself; repeated names come once."""
    parts = listed.split(", ")
    answer_parts = answer.split(", ")
    n = len(answer_parts)
    for i in range(len(parts) - n + 1):
        if parts[i : i + n] == answer_parts:
            parts[i : i + n] = [answer]
            break
    return list(dict.fromkeys(parts))


def _original(root: Path, folder: Path) -> Read:
    """`mlama1.1/<lang>`: `templates.jsonl` and one `<relation>.jsonl` per relation.

    Candidates are the relation's objects in this language, from `TREx_multilingual_objects` where present.
    Relations about dates are skipped, as the official evaluation does.
    """
    listed = read_jsonl(find(folder, ["templates.jsonl"]), ("relation", "template"))
    templates = {item["relation"]: item["template"] for _, item in listed}
    name = f"TREx_multilingual_objects/{folder.name}.json"
    objects = _objects(path) if (path := find_any(root, [f"mlama/{name}", name])) else {}
    rows: list[Row] = []
    dropped: dict[str, int] = {}
    for relation, template in templates.items():
        if re.fullmatch(r"[A-Za-z0-9_-]+", str(relation)) is None:
            raise DataError(f"{folder}/templates.jsonl: {relation!r} is not the name of a relation")
        path = find_any(folder, [f"{relation}.jsonl"])
        if "date" in relation or path is None:
            continue
        triples = [item for _, item in read_jsonl(path, ("uuid", "obj_label", "sub_label"))]
        rows += relation_rows(relation, template, triples, objects.get(relation, []), dropped)
    if not rows:
        raise MissingDataError(f"{folder} holds no relation files")
    return rows, str(folder.relative_to(root)), dropped


def _objects(path: Path) -> dict[str, list[str]]:
    try:
        return {relation: entry["objects"] for relation, entry in read_json(path).items()}
    except (AttributeError, LookupError, TypeError) as error:
        raise DataError(f"{path}: expected relation -> {{subjects, objects}}: {error!r}") from error


def relation_rows(
    relation: str, template: str, triples: Sequence[Row], objects: Sequence[str], dropped: dict[str, int]
) -> list[Row]:
    """Rows of one relation in one language from its `[X] ... [Y]` template; candidates are `objects`, else all met."""
    known = list(dict.fromkeys(objects)) or sorted({item["obj_label"] for item in triples})
    rows = []
    for item in triples:
        if item["obj_label"] not in known or template.count("[Y]") != 1:
            reason = "object not among the relation's objects"
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        before, after = template.replace("[X]", item["sub_label"]).split("[Y]")
        rows.append(
            {
                "id": f"mlama-{relation}-{item['uuid']}",
                "relation": relation,
                "subject": item["sub_label"],
                "before": before,
                "after": after,
                "answer": item["obj_label"],
                "candidates": known,
                "label": known.index(item["obj_label"]),
            }
        )
    return rows
