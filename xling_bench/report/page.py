"""The page: Jinja layouts of `reports/page/`, the sections, the table library and our scripts inlined, under a policy
that allows nothing else to run."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from xling_bench.core import content
from xling_bench.core.errors import DeclarationError, MissingPackageError, XlingError
from xling_bench.core.text import line, number_of
from xling_bench.core.unit import Unit
from xling_bench.report.labels import number
from xling_bench.report.payload import Json, script_json
from xling_bench.report.sections import Context, Report, Section

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

SCRIPTS = ("core.js", "tables.js", "heat.js", "groups.js", "items.js", "main.js")
ALONE = ("core.js", "tables.js", "alone.js")  # of a page without runs
UNSCRIPTED = (
    "Scripts are off: leaderboard, gaps, groups and methods can be read; heat map, benchmarks, items and all numbers "
    "need scripts. leaderboard.csv and leaderboard.json beside this page hold every number."
)
EXPORTS = re.compile(r"export\{[^{}]*?([\w$]+) as default[^{}]*\};?")


@dataclass(frozen=True, slots=True)
class Shown:
    """A section as it stands on the page, and its entry in the navigation."""

    id: str
    title: str
    heading: str
    html: str


def shown(sections: Sequence[Section], report: Report) -> list[Shown]:
    """The sections that have something to show, computed and rendered."""
    entries = (filled(section, partial(section.filled, report)) for section in sections)
    return [entry for entry in entries if entry is not None]


def filled(section: Section, context: Callable[[], Context | None]) -> Shown | None:
    """A section with what `context` gives its HTML; None where that is None. Raises DeclarationError for one that
    cannot be computed or rendered."""
    try:
        found = context()
        html = "" if found is None else _environment().from_string(section.html.strip()).render(found)
    except XlingError:
        raise
    except Exception as error:
        raise DeclarationError(f"the report's section {section.id!r} (report/sections/): {error!r}") from error
    return None if found is None else Shown(section.id, section.title, section.heading or section.title, html)


def lead_of(report: Report) -> str:
    """What the page is of, in a line."""
    units = [Unit(unit) for unit in sorted({str(unit) for unit in report.measured.frame["language"]})]
    pairs = sum(unit.is_pair for unit in units)
    keys = len({key for unit in units for key in unit.languages})
    counts = [number_of(len(report.measured.models), "model"), number_of(len(report.benchmarks), "benchmark"),
              f"{keys} languages" + (f" and {pairs} pairs" if pairs else ""),
              f"{len(report.measured.cells)} numbers"]  # fmt: skip
    return ", ".join(counts)


def render_page(report: Report, notes: list[str], sections: list[Shown], data: Json) -> str:
    """The whole page as one HTML text. `notes` stand above the sections; `data` is what the scripts read."""
    sample = bool((report.measured.frame["source"] == "sample").any())
    head = Head(report.options.title, lead_of(report), sample, UNSCRIPTED)
    return render(head, notes, sections, data, SCRIPTS)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a page's sections; `unscripted` where scripts are off."""

    title: str
    lead: str
    sample: bool
    unscripted: str


def render(head: Head, notes: list[str], sections: list[Shown], data: Json, scripts: Sequence[str]) -> str:
    """A page of any sections, with the `scripts` of `reports/page/` that they need."""
    script = "\n".join([library_script(), *map(_text, scripts)])
    layout = _environment().get_template("page.html.j2")
    return layout.render(
        title=line(head.title, 120),
        lead=head.lead,
        sample=head.sample,
        unscripted=head.unscripted,
        notes=notes,
        sections=sections,
        css=_text("style.css"),
        library_css=_library("dt_bundle.css"),
        script=script,
        script_hashes=f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'",
        data_json=script_json(data),
        version=metadata.version("xling-bench"),
    )


def _text(name: str) -> str:
    return content.file(f"reports/page/{name}").read_text(encoding="utf-8")


def _environment() -> ImmutableSandboxedEnvironment:
    """Jinja's sandbox: everything is escaped, a name that is not there is an error."""
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["line"] = line
    environment.filters["one"] = number
    macros = vars(environment.get_template("macros.html.j2").module)
    environment.globals |= {name: macro for name, macro in macros.items() if not name.startswith("_")}
    return environment


def library_script() -> str:
    """DataTables as the itables package ships it, its default export made the global `DataTable`.

    Raises MissingPackageError when the package's file is not in the form we know.
    """
    source = _library("dt_bundle.js")
    found = list(EXPORTS.finditer(source))
    if len(found) != 1 or "</script" in source.lower():
        version = metadata.version("itables")
        raise MissingPackageError(f"itables {version}: its script has a form we do not know; install itables>=2.9,<3.")
    export = found[0]
    # `<!--` inside a script element would change how browsers look for its end; in strings and patterns `\!` is `!`.
    body = (source[: export.start()] + source[export.end() :]).replace("<!--", "<\\!--")
    return f"{body}\nglobalThis.DataTable = {export[1]};"


def _library(name: str) -> str:
    spec = importlib.util.find_spec("itables")  # found, not imported: its files are all we need
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError("the report needs the package itables: pip install 'itables>=2.9,<3'")
    path = Path(spec.submodule_search_locations[0]) / "html" / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingPackageError(f"{path}: {error.strerror}; the report needs itables>=2.9,<3") from error
