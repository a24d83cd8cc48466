"""mLAMA as subject-relation-object triples and sentence templates: the original archive, and mParaRel's.

The candidates are each language's own list, in its own order: index i is not the same candidate in two languages, so
RankC is not defined here (it is for BMLAMA, see `mlama`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from xling_bench.benchmarks.archives import read_tar_gz, read_zip
from xling_bench.benchmarks.implementation import Read
from xling_bench.benchmarks.textfiles import locate_any, parse_jsonl, read_json, read_text
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Record, text_in
from xling_bench.core.unit import Unit

Texts = Callable[[str], str | None]  # a file's name -> its text, None where it is not there

MPARAREL_CODES = {"zh": "zh-hans"}


class Triple(NamedTuple):
    """A fact in one language; `uuid` is the same in all of them."""

    uuid: str
    subject: str
    answer: str

    @classmethod
    def of(cls, record: Record) -> Self:
        """The triple of a record with `uuid`, `sub_label` and `obj_label`."""
        return cls(str(record["uuid"]), text_in(record, "sub_label"), text_in(record, "obj_label"))


def relation_rows(
    relation: str,
    template: str,
    triples: Iterable[Triple],
    objects: Sequence[str],
    dropped: dict[str, int],
    name: str = "mlama",
) -> list[Record]:
    """Rows `<name>-<relation>-<uuid>` of one relation in one language from its `[X] ... [Y]` template.

    Candidates are `objects`, each once, else all objects met, sorted.
    Rows left out are counted in `dropped` by reason.
    """
    triples = list(triples)
    known = list(dict.fromkeys(objects)) or sorted({item.answer for item in triples})
    parts = template.split("[Y]")
    rows: list[Record] = []
    for item in triples:
        reason = "" if item.answer in known else "object not among the relation's objects"
        if len(parts) != 2 or "[X]" not in template:
            reason = "template without [X] and a single [Y]"
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        before, after = (part.replace("[X]", item.subject) for part in parts)
        rows.append(
            {
                "id": f"{name}-{relation}-{item.uuid}",
                "relation": relation,
                "subject": item.subject,
                "before": before,
                "after": after,
                "answer": item.answer,
                "candidates": known,
                "label": known.index(item.answer),
            }
        )
    return rows


def original(root: Path, unit: Unit) -> Read | None:
    """`mlama1.1/<lang>/`, unpacked or inside `mlama1.1.zip`: `templates.jsonl` and `<relation>.jsonl` per relation.

    None where neither has the language. Candidates are the relation's objects in this language, from
    `TREx_multilingual_objects` where present. Relations about dates are skipped, as the official evaluation does.
    """
    for folder in (root / "mlama/mlama1.1" / unit, root / "mlama1.1" / unit):
        if locate_any(folder, ["templates.jsonl"]):
            return _original(root, unit, str(folder.relative_to(root)), _in_folder(folder))
    for path in (root / "mlama/mlama1.1.zip", root / "mlama1.1.zip"):
        if path.is_file():
            texts = read_zip(path, re.compile(rf"(?:mlama1\.1/)?{re.escape(unit)}/([A-Za-z0-9_-]+\.jsonl)"))
            if "templates.jsonl" in texts:
                return _original(root, unit, f"{path.relative_to(root)}!{unit}", texts.get)
    return None


def _in_folder(folder: Path) -> Texts:
    def text(name: str) -> str | None:
        path = locate_any(folder, [name])
        return read_text(path) if path else None

    return text


def _original(root: Path, unit: Unit, origin: str, text: Texts) -> Read:
    where = root / origin
    listed = parse_jsonl(text("templates.jsonl") or "", f"{where}/templates.jsonl", ("relation", "template"))
    templates = {item["relation"]: text_in(item, "template") for _, item in listed}
    objects = _objects(root, unit)
    rows: list[Record] = []
    dropped: dict[str, int] = {}
    for relation, template in templates.items():
        if not isinstance(relation, str) or re.fullmatch(r"[A-Za-z0-9_-]+", relation) is None:
            raise DataError(f"{where}/templates.jsonl: {relation!r} is not the name of a relation")
        if "date" in relation or (lines := text(f"{relation}.jsonl")) is None:
            continue
        listed = parse_jsonl(lines, f"{where}/{relation}.jsonl", ("uuid", "obj_label", "sub_label"))
        triples = (Triple.of(item) for _, item in listed)
        rows += relation_rows(relation, template, triples, objects.get(relation, []), dropped)
    if not rows:
        raise MissingDataError(f"{where} holds no relation files")
    return rows, origin, dropped


def mpararel(root: Path, unit: Unit) -> Read | None:
    """`mpararel_reviewed/<lang>.tar.gz`: `tuples/<lang>/P*.jsonl`, `patterns/<lang>/P*.jsonl` (mParaRel's layout).

    None without the archive. A relation's template is its first pattern with one [X] and one [Y]; the triples of
    relations without one are dropped and counted. Ids come from the Wikidata items, the same in every language.
    Raises MissingDataError for a language without patterns (eu hi ht my sw ta te ur).
    """
    code = MPARAREL_CODES.get(unit, unit)
    path = locate_any(root, [f"{folder}mpararel_reviewed/{code}.tar.gz" for folder in ("mlama/", "")])
    if path is None:
        return None
    texts = read_tar_gz(path, re.compile(rf"(?:\./)?((?:tuples|patterns)/{re.escape(code)}/P[0-9]+\.jsonl)"))
    if not any(name.startswith("patterns/") for name in texts):
        raise MissingDataError(f"{path} has triples but no patterns: mParaRel has no sentences in {unit!r}")
    objects = _objects(root, unit)
    rows: list[Record] = []
    dropped: dict[str, int] = {}
    for name in sorted(name for name in texts if name.startswith("tuples/")):
        relation = Path(name).stem
        triples = [
            Triple.of({**item, "uuid": f"{item['sub_uri']}-{item['obj_uri']}"})
            for _, item in parse_jsonl(texts[name], f"{path}!{name}", ("sub_uri", "obj_uri", "obj_label", "sub_label"))
        ]
        template = _first_pattern(texts, name.replace("tuples/", "patterns/", 1), path)
        rows += relation_rows(relation, template, triples, objects.get(relation, []), dropped, "mpararel")
    return rows, str(path.relative_to(root)), dropped


def _first_pattern(texts: dict[str, str], name: str, path: Path) -> str:
    """The first pattern with one [X] and one [Y]; an empty text without one, which drops the relation's triples."""
    if name not in texts:
        return ""
    found = [text_in(item, "pattern") for _, item in parse_jsonl(texts[name], f"{path}!{name}", ("pattern",))]
    return next((p for p in found if p.count("[X]") == p.count("[Y]") == 1), "")


def _objects(root: Path, unit: Unit) -> dict[str, list[str]]:
    name = f"TREx_multilingual_objects/{unit}.json"
    path = locate_any(root, [f"mlama/{name}", name])
    if path is None:
        return {}
    try:
        return {relation: entry["objects"] for relation, entry in read_json(path).items()}
    except (AttributeError, LookupError, TypeError) as error:
        raise DataError(f"{path}: expected relation -> {{subjects, objects}}: {error!r}") from error
