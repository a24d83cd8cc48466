"""Prompts around training texts, a small file each in `training/templates/`: `data.template` names one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Self

from pydantic import Field, ValidationError, model_validator

from xling_bench.core import content
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean
from xling_bench.core.reading import read_toml
from xling_bench.training.complaint import complaint

PLACEHOLDERS = {
    "with_input": {"instruction", "input", "language"},
    "without_input": {"instruction", "language"},
    "translations": {"input", "source", "target"},
    "translation_instructions": {"source", "target"},
}


class Template(Strict):
    """What stands around a task. The response follows the filled form at once: a form ends with the space that should
    part the two, if any should.

    `with_input`, `without_input`: around a task, by whether it has an input: {instruction}, {input}, and {language},
    the response's. None: it takes no instructions.
    `translations`: around a pair's first side, {input}, whose second is the response; one is drawn each time.
    `translation_instructions`: instead of these, instructions that make a task of a pair, with its first side as input
    and its second as output; the rows of a source go through them one by one.
    {source} and {target} are a pair's languages. Languages go by their English names, whatever language is spoken.
    `names`: those of languages, by key, that the template calls otherwise than our registry.
    """

    title: str
    source: str
    with_input: str | None = None
    without_input: str | None = None
    translations: tuple[str, ...] = ()
    translation_instructions: tuple[str, ...] = ()
    names: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.with_input is None) != (self.without_input is None):
            raise ValueError("`with_input` and `without_input` belong together")
        if bool(self.translations) == bool(self.translation_instructions):
            raise ValueError("expected either `translations` or `translation_instructions`")
        if self.translation_instructions and self.with_input is None:
            raise ValueError("`translation_instructions` are filled into `with_input`, which is missing")
        for name, known in PLACEHOLDERS.items():
            forms = getattr(self, name) or ()
            for form in (forms,) if isinstance(forms, str) else forms:
                used = {field for _, field, _, _ in Formatter().parse(form) if field is not None}
                if used - known:
                    raise ValueError(f"{name}: no placeholder {{{min(used - known)}}}; there are "
                                     f"{', '.join(f'{{{each}}}' for each in sorted(known))}")  # fmt: skip
        return self

    @property
    def tasks(self) -> bool:
        """Whether it takes instructions."""
        return self.with_input is not None

    def around(self, text: str) -> str:
        """The form of a task with this input. Raises UsageError where it takes none."""
        if self.with_input is None or self.without_input is None:
            raise UsageError(f"the template {self.title!r} is for translations only.")
        return self.with_input if text.strip() else self.without_input


def names() -> dict[str, str]:
    """{name: title} of the templates that there are."""
    return {path.stem: str(read_toml(path).get("title", "")) for path in content.files("training/templates/*.toml")}


def template(name: str) -> Template:
    """The template called so. Raises UsageError for an unknown one, DeclarationError for a file that is none."""
    known = [path.stem for path in content.files("training/templates/*.toml")]
    if name not in known:
        raise UsageError(
            f"no template {name!r} in training/templates/.{did_you_mean(name, known)} Known: {', '.join(known)}."
        )
    return _read(content.file(f"training/templates/{name}.toml"))


@lru_cache
def _read(path: Path) -> Template:
    try:
        return Template(**read_toml(path))
    except ValidationError as error:
        raise DeclarationError(f"{path}: {complaint(error, Template)}") from error
