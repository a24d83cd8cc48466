"""The figures of a folder of `represent`, and a page of its own, without runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xling_bench.core.errors import UsageError
from xling_bench.core.files import write_bytes, write_text
from xling_bench.core.text import number_of
from xling_bench.report.figures import Figure
from xling_bench.report.geometry import Geometry, geometry_of
from xling_bench.report.page import ALONE, Head, filled, render
from xling_bench.report.sections.representation import SECTION, geometry_context

FIGURES, PAGE = "figures", "index.html"
OURS = re.compile(r"(layers|latent|distances|map|trajectory|accuracy)(-[a-z0-9-]+)?\.(png|svg)")
OURS_MARK = 'section id="representations"'


def write_alone(folder: Path, *, page: bool, title: str = "Representations") -> Geometry:
    """Write FOLDER/figures of what `represent` left there, and, where `page`, FOLDER/index.html.

    The same numbers give the same bytes. Figures of an earlier command that are none of these are removed. Raises
    UsageError where index.html is somebody else's.
    """
    target = folder / PAGE
    if page and target.is_file() and OURS_MARK not in target.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{target} is no page of ours; choose another -o.")
    found = geometry_of([folder])
    write_figures(folder / FIGURES, found.figures)
    if page:
        shown = filled(SECTION, lambda: geometry_context(found, None))
        each = found.folders[0]
        sample = any(facts.get("origin") == "built-in sample" for facts in each.signatures.values())
        lead = f"{number_of(len(each.models), 'model')}, {len(each.numbers)} numbers"
        head = Head(title, lead, sample, "Scripts are off: everything can be read, tables cannot be sorted.")
        sections = [] if shown is None else [shown]
        write_text(target, render(head, [], sections, {"columns": []}, ALONE))
    return found


def write_figures(folder: Path, figures: Sequence[Figure]) -> None:
    """Write PNG and SVG of each; files there that have names of ours and are none of them go."""
    names = {f"{figure.name}.{form}" for figure in figures for form in ("png", "svg")}
    for figure in figures:
        write_bytes(folder / f"{figure.name}.svg", figure.svg)
        write_bytes(folder / f"{figure.name}.png", figure.png)
    for old in folder.glob("*.*") if folder.is_dir() else ():
        if OURS.fullmatch(old.name) and old.name not in names:
            old.unlink()
