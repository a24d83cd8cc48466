"""Writing text: FLORES translation and XL-Sum summarisation."""

from __future__ import annotations

from pathlib import Path

from xling_bench import languages
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.data.files import find, read_jsonl, read_lines, read_tsv
from xling_bench.data.rows import Row
from xling_bench.errors import DataError, MissingDataError

Read = tuple[list[Row], str, dict[str, int]]
FLORES101 = {
    "zho_Hans": "zho_simpl",
    "zho_Hant": "zho_trad",
    "arb_Arab": "ara",
    "pes_Arab": "fas",
    "ekk_Latn": "est",
    "swh_Latn": "swh",
    "zsm_Latn": "msa",
    "khk_Cyrl": "mon",
    "azj_Latn": "azj",
    "pbt_Arab": "pus",
    "lvs_Latn": "lav",
    "uzn_Latn": "uzb",
    "gaz_Latn": "orm",
    "fuv_Latn": "ful",
}
SUBSET = "flores/dev_subset_sib200"  # 510 of dev's 997 sentences, numbered as in dev


def flores(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """FLORES-200 or FLORES-101 folders; `unit` is source-target. The id is the sentence's line number.

    Where `dev` is absent, the numbered subset of dev kept by SIB-200 serves for demonstrations.
    """
    source, target = unit.split("-")
    (first, origin), (last, _) = _sentences(root, source, split), _sentences(root, target, split)
    if split == "test" and first.keys() != last.keys():
        raise DataError(f"{origin}: {source} has {len(first)} sentences, {target} {len(last)}; is one file truncated?")
    rows = [
        {"id": f"flores-{split}-{number:04d}", "source": first[number], "target": last[number]}
        for number in first
        if number in last
    ]
    return rows, origin, {}


def _sentences(root: Path, key: str, split: str) -> tuple[dict[int, str], str]:
    code = languages.get(key).flores
    old = FLORES101.get(code, code.split("_")[0])
    folder = "devtest" if split == "test" else split
    names = [f"{parent}flores200_dataset/{folder}/{code}.{folder}" for parent in ("flores/", "")]
    names += [f"{parent}flores101_dataset/{folder}/{old}.{folder}" for parent in ("flores/", "")]
    try:
        path = find(root, names)
    except MissingDataError:
        if split != "dev" or not (root / SUBSET).is_dir():
            raise
        path = find(root, [f"{SUBSET}/{code}.tsv"])
        return _numbered(path), str(path.relative_to(root))
    return dict(enumerate(read_lines(path))), str(path.relative_to(root))


def _numbered(path: Path) -> dict[int, str]:
    sentences: dict[int, str] = {}
    for line, (number, sentence) in read_tsv(path, 2):
        if not number.isdecimal() or int(number) in sentences:
            raise DataError(f"{path}, line {line}: expected a sentence number not met before, got {number!r}")
        sentences[int(number)] = sentence
    return sentences


def xlsum(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """XL-Sum `<language>_test.jsonl`. Articles of different languages are not translations of each other."""
    code = benchmark.codes[unit]
    part = "val" if split == "dev" else split
    names = [f"{folder}{code}_{part}.jsonl" for folder in ("xlsum/", "XL-Sum/", f"xlsum/{code}/", f"{code}/", "")]
    path = find(root, names)
    rows: list[Row] = []
    seen: set[str] = set()
    repeated = 0
    for _, item in read_jsonl(path, ("id", "title", "text", "summary")):
        if item["id"] in seen:
            repeated += 1
            continue
        seen.add(item["id"])
        texts = {key: item[key] for key in ("title", "text", "summary")}
        rows.append({"id": f"xlsum-{item['id']}", **texts})
    return rows, str(path.relative_to(root)), {"repeated id": repeated} if repeated else {}
