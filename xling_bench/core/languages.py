"""The language registry: one declaration per language, looked up by any code people use for it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean

PIVOT = "en"  # what gaps are measured from, and tables show first
REGISTRY = Path(__file__).with_name("languages.toml")


@dataclass(frozen=True, slots=True)
class Language:
    """One language as the suite knows it.

    `key` is ISO 639-1 where it exists, else ISO 639-3 (XL-Sum's script variants: `zh_hant`, `sr_latn`).
    `flores` is the FLORES-200 `lang_Script` code, empty where FLORES-200 lacks the language.
    `spaces` is False where words are not separated by spaces.
    `resource` follows Joshi et al. (2020): class 5 high, 3-4 medium, 0-2 low.
    `seen_by` names the model families (`xglm`, `bloom`) whose pre-training included the language.
    `region` is the ISO 3166 code of a variety's country (`BR` of `pt_br`) or a dialect's name (`torlak`), empty for a
    language as such.
    """

    key: str
    name: str
    autonym: str
    iso639_3: str
    flores: str
    family: str
    script: str
    direction: Literal["ltr", "rtl"]
    spaces: bool
    resource: Literal["high", "medium", "low"]
    joshi: int
    aliases: tuple[str, ...] = ()
    seen_by: tuple[str, ...] = ()
    region: str = ""
    afp_table21: bool = False
    bactrian: bool = False

    @property
    def spaces_between_sentences(self) -> bool:
        """False for Chinese, Japanese and Thai, whose running text joins sentences without a space."""
        return self.script not in ("Hans", "Hant", "Jpan", "Thai")

    @property
    def code(self) -> str:
        """`deu_Latn`: the FLORES code, or ISO 639-3 plus script where FLORES-200 lacks the language; `por_Latn_BR`."""
        return self.flores or "_".join(filter(None, (self.iso639_3, self.script, self.region)))


@cache
def registry() -> dict[str, Language]:
    """All languages by key, in file order. Raises DeclarationError naming the entry and the field at fault."""
    entries = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    languages = {}
    for key, fields in entries.items():
        for name in ("aliases", "seen_by"):
            fields[name] = tuple(fields.get(name, ()))
        try:
            languages[key] = Language(key=key, **fields)
        except TypeError as error:
            raise DeclarationError(f"{REGISTRY.name} [{key}]: {error}") from error
    return languages


@cache
def _by_code() -> dict[str, Language]:
    codes: dict[str, Language] = {}
    for language in registry().values():
        for code in {language.key, language.iso639_3, language.flores, language.name, *language.aliases} - {""}:
            other = codes.setdefault(code.lower(), language)
            if other is not language and code == language.key:
                codes[code.lower()] = language  # a key outranks any other code
    return codes


def get(code: str) -> Language:
    """Return the language for any of its codes: `de`, `deu`, `deu_Latn`, `German`, a data alias such as `jp`.

    Case does not matter. Raises UsageError with the nearest known codes.
    """
    found = lookup(code)
    if found is None:
        known = [word for language in registry().values() for word in (language.name, language.flores, language.key)]
        raise UsageError(
            f"unknown language {code!r}.{did_you_mean(code, known)} "
            "Any ISO 639-1/639-3 code, FLORES code (deu_Latn) or English name of a registered language works."
        )
    return found


def lookup(code: str) -> Language | None:
    """Like `get`, but None for an unknown code."""
    codes = _by_code()
    return codes.get(code.lower()) or codes.get(code.lower().replace("-", "_"))
