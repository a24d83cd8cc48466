"""The figures of a folder of `represent`, and a page of its own, without runs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from xling_bench.core.errors import UsageError
from xling_bench.core.files import write_bytes, write_text
from xling_bench.core.reading import read_object
from xling_bench.core.text import number_of
from xling_bench.report.figures import Figure
from xling_bench.report.geometry import Geometry, geometry_of
from xling_bench.report.page import ALONE, Head, filled, render
from xling_bench.report.sections.representation import SECTION, geometry_context

FIGURES, PAGE, LIST = "figures", "index.html", "list.json"
OURS = re.compile(r"(layers|latent|distances|map|trajectory|accuracy)(-[a-z0-9-]+)?\.(png|svg)")
OURS_MARK = 'section id="representations"'


def check_alone(folder: Path) -> None:
    """Raise UsageError where FOLDER/index.html is somebody else's."""
    target = folder / PAGE
    if target.is_file() and not _ours(target):
        raise UsageError(f"{target} is no page of ours; choose another -o.")


def _ours(page: Path) -> bool:
    return page.is_file() and OURS_MARK in page.read_text(encoding="utf-8", errors="replace")


def write_alone(folder: Path, *, page: bool, title: str = "Representations") -> Geometry:
    """Write FOLDER/figures of what `represent` left there; FOLDER/index.html, where `page`, or where one of ours is.

    The same numbers give the same bytes. Figures of an earlier command that are none of these are removed. Raises
    UsageError where index.html is somebody else's.
    """
    target = folder / PAGE
    if page:
        check_alone(folder)
    page = page or _ours(target)  # else an earlier one would stand beside new numbers
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
    """Write PNG and SVG of each, and a list of them. Of what stands there, files on an earlier list that are none of
    these go, and no others: they are somebody else's."""
    names = {f"{figure.name}.{form}" for figure in figures for form in ("png", "svg")}
    earlier = _listed(folder / LIST)
    for figure in figures:
        write_bytes(folder / f"{figure.name}.svg", figure.svg)
        write_bytes(folder / f"{figure.name}.png", figure.png)
    write_text(folder / LIST, json.dumps({"figures": sorted(names)}, indent=1) + "\n")
    for old in earlier - names:
        (folder / old).unlink(missing_ok=True)


def _listed(path: Path) -> set[str]:
    """Names of figures that an earlier command wrote."""
    if not path.is_file():
        return set()
    names = read_object(path).get("figures")
    return {str(name) for name in names if OURS.fullmatch(str(name))} if isinstance(names, list) else set()
