"""The page: Jinja layouts of `reports/page/`, the table library and our scripts inlined, under a policy that allows
nothing else to run."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core import content
from xling_bench.core.errors import MissingPackageError
from xling_bench.core.text import line, visible
from xling_bench.report.leaderboard import missing
from xling_bench.report.names import number
from xling_bench.report.payload import script_json
from xling_bench.results.tables.rendering import P_VALUES

if TYPE_CHECKING:
    import pandas as pd

SCRIPTS = ("core.js", "tables.js", "heat.js", "groups.js", "items.js", "main.js")
EXPORTS = re.compile(r"export\{[^{}]*?([\w$]+) as default[^{}]*\};?")


@dataclass(frozen=True, slots=True)
class Cell:
    """A printed table cell; `order` is what a numeric column sorts by, None in a column of text."""

    text: str
    order: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A printed column."""

    title: str
    number: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the layout prints it; `marked` rows are greyed."""

    columns: list[Column]
    rows: list[list[Cell]]
    marked: frozenset[int] = frozenset()


def printed(table: pd.DataFrame, titles: dict[str, str] | None = None) -> Table:
    """A table's cells as text: numbers rounded to one decimal (p to three), `–` where missing, names made visible.

    `titles` picks, orders and names the columns; all of them without it.
    """
    chosen = titles or {str(name): str(name).replace("_", " ") for name in table.columns}
    columns, cells = [], []
    for name, title in chosen.items():
        values = list(table[name])
        numeric = any(_is_number(value) for value in values)
        columns.append(Column(title, numeric))
        cells.append([_cell(value, numeric, small=name in P_VALUES) for value in values])
    return Table(columns, [list(row) for row in zip(*cells, strict=True)])


def _is_number(value: Any) -> bool:
    return not missing(value) and not isinstance(value, str | bool) and hasattr(value, "__float__")


def _cell(value: Any, numeric: bool, *, small: bool) -> Cell:
    if missing(value):
        return Cell("–", -1e9 if numeric else None)
    if isinstance(value, bool) or not _is_number(value):
        text = {"True": "yes", "False": "no"}.get(str(value), str(value))
        return Cell(visible(text, 2000), -1e9 if numeric else None)
    amount = float(value)
    if small:
        return Cell("<0.001" if amount < 0.001 else f"{amount:.3f}", amount)
    whole = type(value).__name__.startswith(("int", "Int", "uint"))
    return Cell(str(int(amount)) if whole else number(amount), amount)


def render_page(context: dict[str, Any], data: dict[str, Any]) -> str:
    """The whole page as one HTML text. `context` is what `page.html.j2` names; `data` what the scripts read.

    The layouts run in Jinja's sandbox with everything escaped.
    """
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    folder = content.folder("reports") / "page"
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["line"] = line
    environment.filters["one"] = number
    script = "\n".join([library_script(), *((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)])
    return environment.get_template("page.html.j2").render(
        **context,
        css=(folder / "style.css").read_text(encoding="utf-8"),
        library_css=_library("dt_bundle.css"),
        script=script,
        script_hashes=f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'",
        data_json=script_json(data),
        version=metadata.version("xling-bench"),
    )


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
