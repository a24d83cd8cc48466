"""The sections of the page, a file each; a file put here is found, with nothing else to write.

    section.py  what a section is, and what it is made from

A file whose name the report's folder has, too, shows what that one computes (leaderboard, drill_down).

docs/contributing/section.md: how to add one.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from xling_bench.core.errors import DeclarationError
from xling_bench.report.sections.section import Context, Options, Report, Section

__all__ = ["SECTIONS", "Context", "Options", "Report", "Section"]


def _declared() -> tuple[Section, ...]:
    """The section of each file, by order. Raises DeclarationError for a file without one, and for two that are alike in
    id or order."""
    by_file: dict[str, Section] = {}
    for name in sorted(module.name for module in iter_modules(__path__) if module.name != "section"):
        try:
            section = getattr(import_module(f"{__name__}.{name}"), "SECTION", None)
        except Exception as error:
            raise DeclarationError(f"{__name__}.{name} cannot be imported: {error!r}") from error
        if not isinstance(section, Section):
            raise DeclarationError(f"{__name__}.{name}: expected SECTION = Section(...), got {section!r}.")
        for other, known in by_file.items():
            if section.id == known.id or section.order == known.order:
                raise DeclarationError(
                    f"{__name__}.{name}: id {section.id!r} and order {section.order} must be its own; {other} has "
                    f"{known.id!r} and {known.order}."
                )
        by_file[name] = section
    return tuple(sorted(by_file.values(), key=lambda section: section.order))


SECTIONS = _declared()
