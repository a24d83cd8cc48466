"""Write tasks/known_rows.toml: what is in the official files below XLING_DATA_DIR, split by split, as a hash.

Run it after a benchmark was added, with its official files at hand, and look at the difference before committing.
Rows whose number is not the published one are not recorded; what is recorded for files that are not here is kept.
"""

from __future__ import annotations

from xling_bench.catalog.benchmark import benchmarks
from xling_bench.core.content import folder
from xling_bench.core.errors import XlingError
from xling_bench.data.known import FILE, known_rows
from xling_bench.data.source import load, source_from_environment

HEAD = """\
# What is in the official files, by benchmark, split and language: a hash of their rows, as `xling-bench data check`
# prints it. Written by scripts/known_rows.py from files of the published size; PAWS-X without its untranslated rows.
"""


def main() -> None:
    """Read everything there is and write the file."""
    source, lines = source_from_environment(), [HEAD]
    for key, benchmark in benchmarks().items():
        for split in benchmark.splits:
            found = dict(known_rows().get(key, {}).get(split, {}))
            for unit in benchmark.units():
                try:
                    rows = load(benchmark, unit, split, source)
                except XlingError:
                    continue
                if len(rows.rows) + sum(rows.dropped.values()) == benchmark.expected_rows(unit, split):
                    found[unit] = rows.hash
            if found:
                lines += [f"[{key}.{split}]", *(f'{unit} = "{found[unit]}"' for unit in sorted(found)), ""]
    (folder("tasks") / FILE).write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
