"""What expires results: the code between a data file and a score, all of it and no more."""

import ast
from pathlib import Path

from xling_bench.evaluation import code

ROOT = "xling_bench"
# What those that decide import and that decides nothing: messages, progress, where files are, writing, transport.
NEUTRAL = {
    "core/errors.py", "core/extras.py", "core/progress.py", "core/content.py", "core/declare.py", "core/files.py",
    "core/lockfile.py", "core/lm_eval_versions.py", "core/text.py", "core/version.py", "data/lock.py",
    "evaluation/units.py", "evaluation/partial.py", "evaluation/writing.py", "results/facts.py", "results/folder.py",
    "results/items.py", "results/naming.py", "results/record.py", "results/seal.py", "metrics/packages.py",
    "results/lineage.py", "results/training_record.py", "core/chatter.py",
}  # fmt: skip


def imported(path: Path) -> set[Path]:
    """The files of the package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(ROOT):
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names if each.name.startswith(ROOT)]
        for name in names:
            place = code.PACKAGE.parent / name.replace(".", "/")
            found |= {file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()}
    return found - {code.PACKAGE / "__init__.py"}  # which offers the Python interface, and imports none of it


def reached(starts: list[Path]) -> set[Path]:
    known: set[Path] = set()
    todo = list(starts)
    while todo:
        path = todo.pop()
        if path not in known:
            known.add(path)
            todo += imported(path)
    return known


def test_all_that_scoring_imports_is_hashed_or_decides_nothing() -> None:
    deciding = set(code.deciding_files())
    starts = [code.PACKAGE / name for name in ("evaluation/task.py", "harness/adapter.py", "models/load.py")]
    first = {path for start in starts for path in reached([start]) if path.name != "__init__.py"}
    others = {path.relative_to(code.PACKAGE).as_posix() for path in first - deciding}
    assert others <= NEUTRAL, others - NEUTRAL


def test_what_reports_or_checks_expires_nothing() -> None:
    hashed = {path.relative_to(code.PACKAGE).as_posix() for path in code.deciding_files()}
    for name in ("evaluation/doctor.py", "evaluation/launch.py", "harness/link.py", "evaluation/runner.py",
                 "cli/preview.py", "results/facts.py", "report/page.py"):  # fmt: skip
        assert (code.PACKAGE / name).is_file()
        assert name not in hashed
    for name in ("metrics/qa.py", "benchmarks/xnli.py", "core/languages.toml", "metrics/langid.toml",
                 "scoring/engine.py", "models/prefix.py", "harness/adapter.py", "catalog/prompt.py"):  # fmt: skip
        assert name in hashed
