"""Items that are the same by content though not by id: none may be shown with its answer to the other."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

from xling_bench.catalog import Benchmark
from xling_bench.core.row import Row, text_in


def content(benchmark: Benchmark, row: Row) -> str:
    """What an item asks, without its answer: its texts, compatibility forms, letter case and blanks apart.

    An item with a placeholder for a text is like no other: the texts are not there.
    """
    names = [name for name, kind in benchmark.fields.items() if kind == "text" and name != benchmark.gold]
    texts = [str(row[name]) for name in names]
    if benchmark.placeholder and benchmark.placeholder in texts:
        return str(row["id"])
    alike = (text if text.isascii() else unicodedata.normalize("NFKC", text) for text in texts)  # ASCII stays itself
    return "\0".join(" ".join(text.casefold().split()) for text in alike)


def same_items(
    benchmark: Benchmark, items: Sequence[Row], demos: Sequence[Row], clusters: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """By an item's id, the ids of the demonstrations that have its content under another id, in their order; for a
    benchmark whose clusters are `telling`, of those that share its cluster (`Loaded.clusters` of both), too.

    `items` and `demos` may be of two languages: two ids that are one item in either of them are one item. Items
    without any are left out.
    """
    by_content: dict[str, list[str]] = defaultdict(list)
    contents: dict[str, set[str]] = defaultdict(set)
    ids, shown = ([text_in(row, "id") for row in rows] for rows in (items, demos))
    pool = dict(zip(shown, demos, strict=True))
    rest = [(name, row) for name, row in zip(ids, items, strict=True) if pool.get(name) is not row]
    for name, row in (*zip(shown, demos, strict=True), *rest):
        contents[name].add(content(benchmark, row))
        if benchmark.telling and clusters:
            contents[name].add(clusters[name])
    for name in shown:
        for text in contents[name]:
            by_content[text].append(name)
    place = {name: i for i, name in enumerate(shown)}
    found = {}
    for own in ids:
        others = {name for text in contents[own] for name in by_content.get(text, ())} - {own}
        if others:
            found[own] = sorted(others, key=place.__getitem__)
    return found
