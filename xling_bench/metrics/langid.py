"""How each language of the generation tasks is recognised: by script, by letters, by lingua, or not at all.

Each language of the tasks is declared once in langid.toml, `[decided_by]`.
`script`: its script belongs to no other language of the generation tasks.
`letters`: it shares its script, but has letters no relative in the tasks has, or lacks theirs.
`lingua`: the library decides among all its languages of that script; letters and function words may overrule it.
`words`: lingua lacks it, but takes it for its relatives; words that these lack decide between them.
A language lingua has never seen may pass for its nearest relative: `indistinguishable` lists those.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal, cast

from xling_bench.core import languages
from xling_bench.core.errors import UsageError
from xling_bench.core.extras import installing

RULE = 1  # raise with every change to what `language.line_pass` or `word_pass` decide
MIN_LETTERS = 20  # fewer letters than this decide nothing but their script; see benchmarks/langid.py
ABSENT_FROM = 40  # so many letters without one the language always has make a line wrong
DENSE = 3  # a Chinese, Japanese or Korean letter says as much as about three letters of an alphabet
RIGHT_FROM = 0.5  # lingua's share for the language (and those not told apart): right from here on
WRONG_BELOW = 0.1  # wrong below; between the two undecidable
FORBIDDEN = 2  # so many letters the language lacks make a line wrong; one may be a name

FACTS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
DECIDED_BY = {key: how for how, keys in FACTS["decided_by"].items() for key in keys.split()}


@dataclass(frozen=True, slots=True)
class Identifier:
    """How texts in one language are recognised.

    `candidates` is what lingua chooses from (empty for `script` and `letters`); `accepted` counts as the language;
    a long line with none of `required`, or one with FORBIDDEN of `lacked`, is not in the language. `contrasts` are
    (own words, a relative's words): a line with FORBIDDEN or more of the relative's, outnumbering its own, is not in
    the language, and none is where its own do not outnumber the relative's.
    """

    language: str
    kind: Literal["script", "letters", "words", "lingua"]
    script: str
    candidates: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    required: str = ""
    lacked: str = ""
    contrasts: tuple[tuple[frozenset[str], frozenset[str]], ...] = ()


@cache
def identifier(language: str) -> Identifier | None:
    """How texts in `language` (any registered code) are recognised; None where they are not: unsupported.

    Raises UsageError for an unregistered code.
    """
    found = languages.get(language)
    key, script = FACTS["varieties"].get(found.key, found.key), found.script
    kind = DECIDED_BY.get(key, "unsupported")
    if kind == "unsupported":
        return None
    words = FACTS["words"]
    relatives = [pair.partition("-")[2] for pair in words if pair.startswith(f"{key}-")]
    return Identifier(
        key,
        cast("Literal['script', 'letters', 'words', 'lingua']", kind),
        script,
        candidates(script) if kind in ("words", "lingua") else (),
        (key, *FACTS["accepted"].get(key, "").split()),
        FACTS["required"].get(key, ""),
        FACTS["lacked"].get(key, ""),
        tuple((frozenset(words[f"{key}-{b}"].split()), frozenset(words[f"{b}-{key}"].split())) for b in relatives),
    )


def candidates(script: str) -> tuple[str, ...]:
    """lingua's languages of an ISO 15924 script, as registry keys; empty where it decides nothing."""
    return tuple(FACTS["candidates"].get(script, "").split())


def indistinguishable(language: str) -> tuple[str, ...]:
    """What a pass does not rule out: other varieties of `language`, and languages of which a tenth of FLORES sentences
    or more pass as it."""
    own = languages.get(language).key
    key = FACTS["varieties"].get(own, own)
    varieties = [variety for variety, of in FACTS["varieties"].items() if of == key and variety != own]
    return (*varieties, *FACTS["not_told_apart"].get(key, "").split())


def language_requirements(language: str) -> None:
    """Check that the library `language` needs is installed, without importing it. Raises UsageError if not."""
    by = identifier(language)
    if by is not None and by.candidates and util.find_spec("lingua") is None:
        raise UsageError(
            f"recognising {languages.get(language).name} needs the library lingua, which is not installed: "
            f"{installing('langid')}"
        )


def language_signature(language: str) -> str:
    """What decides, for signatures: `unsupported`, `lid=script,...`, `lid=letters,...`, `lid=lingua-2.1.1,...`.

    Names the library's version, number and hash of its candidates, hash of letters and words, thresholds, RULE.
    Raises UsageError where the library needed is not installed.
    """
    by = identifier(language)
    if by is None:
        return "unsupported"
    language_requirements(language)
    parts = [f"lid={by.kind}"]
    if by.candidates:
        library = "lingua-" + metadata.version("lingua-language-detector")
        parts = [f"lid={library}" if by.kind == "lingua" else f"lid=words+{library}"]
        parts.append(f"candidates={len(by.candidates)}/{_digest(by.candidates)}")
        parts += [f"right={RIGHT_FROM}", f"wrong={WRONG_BELOW}"]
    if by.accepted[1:]:
        parts.append("as=" + "+".join(by.accepted[1:]))
    facts = (by.required, by.lacked, *(word for pair in by.contrasts for words in pair for word in sorted(words)))
    if any(facts):
        parts.append(f"facts={_digest(facts)}x{FORBIDDEN}")
    return ",".join((*parts, f"min={MIN_LETTERS}", f"rule={RULE}"))


def _digest(facts: Iterable[str]) -> str:
    return sha256("\n".join(facts).encode()).hexdigest()[:8]


@cache
def _detector(script: str) -> Any:
    """lingua's detector for one script, high accuracy; its models are read when first needed and stay in memory."""
    import lingua

    codes = {"no": "nb"}
    chosen = [lingua.IsoCode639_1.from_str(codes.get(key, key)) for key in candidates(script)]
    return lingua.LanguageDetectorBuilder.from_iso_codes_639_1(*chosen).build()


@lru_cache(maxsize=1 << 14)
def shares(script: str, words: str) -> tuple[tuple[str, float], ...]:
    """lingua's share of belief for each candidate of `script` above 0.001, best first; sums to 1 or to 0 (no clue)."""
    values = _detector(script).compute_language_confidence_values(words)
    names = {"nb": "no"}
    coded = ((v.language.iso_code_639_1.name.lower(), v.value) for v in values)
    return tuple((names.get(code, code), value) for code, value in coded if value > 0.001)
