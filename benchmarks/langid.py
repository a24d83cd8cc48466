"""Language identification on FLORES-200 devtest: right-language lines passed, wrong-language lines caught, undecidable.

Usage: python benchmarks/langid.py [step]     every `step`-th line (default 4: 253 of 1,012); data: XLING_DATA_DIR
A wrong-language answer is the same sentence in another language. First table: each language on itself, against English
and pooled over all other languages of its script in the generation tasks. Then the pairs caught below 99 %, and the
languages outside the tasks (or unsupported) that pass. sr_latn is Serbian transliterated; no am kk la yo here.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from xling_bench.core import languages
from xling_bench.metrics import langid
from xling_bench.metrics.language import identifier, line_pass, right_language, word_pass

DATA = Path(os.environ.get("XLING_DATA_DIR") or Path(__file__).resolve().parents[2] / "shared" / "data")
DECLARED = sorted(langid.DECIDED_BY)
# Serbian Cyrillic to Latin, letter by letter.
LATIN = "а:a б:b в:v г:g д:d ђ:đ е:e ж:ž з:z и:i ј:j к:k л:l љ:lj м:m н:n њ:nj о:o п:p р:r с:s т:t ћ:ć у:u ф:f х:h"
LETTERS = dict(pair.split(":") for pair in f"{LATIN} ц:c ч:č џ:dž ш:š".split())


def sentences(key: str, step: int) -> list[str]:
    """Every `step`-th devtest line; empty where the folder lacks the language."""
    flores = languages.get("sr" if key == "sr_latn" else key).flores
    path = DATA / "flores/flores200_dataset/devtest" / f"{flores}.devtest.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()[::step]
    if key == "sr_latn":
        table = {ord(a): b for c, d in LETTERS.items() for a, b in ((c, d), (c.upper(), d.capitalize()))}
        lines = [line.translate(table) for line in lines]
    return lines


def percent(part: float, whole: float) -> str:
    """`98.7`, or `-` where nothing was decided."""
    return f"{100 * part / whole:.1f}" if whole else "-"


def decisions(lines: list[str], target: str) -> Counter[bool | None]:
    """How often `line_pass` said True, False, None."""
    return Counter(line_pass(line, target) for line in lines)


def measure(texts: dict[str, list[str]]) -> dict[tuple[str, str], Counter[bool | None]]:
    """(target, source) -> decisions, for all sources of the target's script and English; source by source."""
    script = {key: languages.get(key).script for key in texts}
    targets = [key for key in DECLARED if identifier(key) is not None]
    found = {}
    begin = time.perf_counter()
    for source, lines in texts.items():
        for target in targets:
            if source == "en" or script[source] == languages.get(target).script:
                found[target, source] = decisions(lines, target)
        if "-v" in sys.argv:
            print(source, f"{time.perf_counter() - begin:.0f} s", file=sys.stderr)
    return found


def table(texts: dict[str, list[str]], found: dict[tuple[str, str], Counter[bool | None]]) -> None:
    """One line per language; then pairs."""
    print("language how right undecided vs_en vs_script undecided_vs_script word_pass word_pass_allowed right_language")
    leaks, outside = [], {}
    for target in (key for key in DECLARED if identifier(key) is not None and texts.get(key)):
        how, own = identifier(target), found[target, target]
        pooled: Counter[bool | None] = Counter()
        for source in (s for t, s in found if t == target and s != target and not same(target, s)):
            counts = found[target, source]
            decided = counts[True] + counts[False]
            caught = percent(counts[False], decided)
            if source in DECLARED and identifier(source) is not None:
                pooled += counts
                if decided and counts[False] / decided < 0.99:
                    leaks.append(f"{target}<-{source} {caught} (undecided {percent(counts[None], counts.total())})")
            elif counts[True] / counts.total() >= 0.05:
                outside.setdefault(target, []).append((counts[True] / counts.total(), source))
        words = [word_pass(line, target) for line in texts[target]]
        spared = [word_pass(line, target, en) for line, en in zip(texts[target], texts["en"], strict=True)]
        both = [right_language(line, target, en) for line, en in zip(texts[target], texts["en"], strict=True)]
        english = found.get((target, "en"), Counter())
        print(
            target, how.kind, percent(own[True], own[True] + own[False]), percent(own[None], own.total()),
            percent(english[False], english[True] + english[False]) if target != "en" else "-",
            percent(pooled[False], pooled[True] + pooled[False]), percent(pooled[None], pooled.total()),
            *(percent(w.count(True), len(w) - w.count(None)) for w in (words, spared, both)),
        )  # fmt: skip
    print("\npairs of supported languages caught below 99 %:", *leaks, sep="\n  ")
    print("\nlanguages outside that pass (share of lines, at least 5 %):")
    for target, sources in outside.items():
        print(f"  {target}:", " ".join(f"{s} {100 * share:.0f}" for share, s in sorted(sources, reverse=True)))


def same(target: str, source: str) -> bool:
    """Declared one language: Chinese in either script, Croatian and Bosnian, Indonesian and Malay."""
    if {target, source} <= {"zh", "zh_hant", "yue"}:
        return True
    if {target, source} <= {"hr", "bs", "sr_latn"}:
        return True
    return {target, source} == {"id", "ms"}


def answers() -> None:
    """XQuAD's gold answers: short, full of names and numbers."""
    print("\nXQuAD golds: language share_undecided right_of_decided n")
    for path in sorted((DATA / "xquad").glob("xquad.*.json*")):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        articles = json.loads(raw)["data"]
        key = path.name.split(".")[1]
        golds = [q["answers"][0]["text"] for a in articles for p in a["paragraphs"] for q in p["qas"]]
        counts = Counter(line_pass(gold, key) for gold in golds)
        print(
            f"  {key}",
            percent(counts[None], len(golds)),
            percent(counts[True], counts[True] + counts[False]),
            len(golds),
        )


def speed(texts: dict[str, list[str]]) -> None:
    """Start-up and rate of each script's detector, on lines not seen before."""
    for script, target in (("Arab", "fa"), ("Deva", "hi"), ("Cyrl", "ru"), ("Latn", "de")):
        begin = time.process_time()
        line_pass("Дa" + "abcdefghij" * 3 + " مرحبا بكم في هذا المكان الجميل" + " नमस्ते", target)
        for line in texts[target][:3]:
            line_pass(line, target)
        ready = time.process_time()
        for line in texts[target][3:]:
            line_pass(line, target)
        rate = (len(texts[target]) - 3) / (time.process_time() - ready)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{script}: start {ready - begin:.1f} s CPU, {rate:.0f} lines/s, process {memory:.0f} MiB")


def main() -> None:
    """Print everything."""
    step = next((int(word) for word in sys.argv[1:] if word.isdigit()), 4)
    texts = {key: sentences(key, step) for key in languages.registry()}
    texts = {key: lines for key, lines in texts.items() if lines}
    speed(texts)
    begin = time.perf_counter()
    table(texts, measure(texts))
    answers()
    print(f"\nall: {time.perf_counter() - begin:.0f} s wall, every {step}th of 1,012 lines")


if __name__ == "__main__":
    main()
