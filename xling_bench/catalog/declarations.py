"""Checks of the declarations that no schema expresses: scripts of words, placeholders, coverage."""

from __future__ import annotations

import regex

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.catalog.names import TaskSpec, suites, task_specs
from xling_bench.catalog.prompt import PLACEHOLDER, Form, Wording, word_files, words
from xling_bench.catalog.punctuation import unseen
from xling_bench.core.languages import Language, registry
from xling_bench.core.text import is_blank

# ISO 15924 codes that Unicode's Script property spells differently, or that mix scripts.
SCRIPTS = {"Hans": ("Han",), "Hant": ("Han",), "Jpan": ("Han", "Hiragana", "Katakana"), "Kore": ("Hangul", "Han")}
TOKENS = regex.compile(r"\[MASK\]|\{[a-z_0-9.]+\}")


def check_declarations() -> list[str]:
    """One line per problem in languages.toml, templates/ and the forms they make; empty when all is well."""
    problems = [
        f"languages.toml [{x.key}]: autonym {x.autonym!r} is not in script {x.script}"
        for x in registry().values()
        if not in_script(x.autonym, x.script)
    ]
    for family, language in word_files():
        for section, literals in words(family, language.key).items():
            problems += [
                f"templates/{family}/{language.key}.toml [{section}] {name}: {problem}"
                for name, literal in literals.items()
                for problem in _literal(literal, language)
            ]
    for spec in task_specs().values():
        problems += [f"{spec.name}: {problem}" for problem in check_form(spec.benchmark, spec.form())]
    problems += [f"suites.toml: {problem}" for problem in _suites(task_specs())]
    return problems


def _literal(literal: Wording, language: Language) -> list[str]:
    found = []
    if not in_script(literal.text, literal.script or language.script):
        found.append(f"{literal.text!r} has letters outside {literal.script or language.script}")
    if hidden := unseen(literal.text):
        found.append(f"{literal.text!r} has {hidden}, which nobody sees")
    if literal.source == "paper" and not literal.where:
        found.append("source is a paper, but `where` does not say which")
    return found


def in_script(text: str, script: str) -> bool:
    """Whether every letter of `text`, placeholders and [MASK] apart, belongs to the ISO 15924 `script`."""
    names = SCRIPTS.get(script, (script,))
    classes = "".join(rf"\p{{Script={name}}}" for name in names)
    return regex.fullmatch(rf"[{classes}\p{{Script=Common}}\p{{Script=Inherited}}]*", TOKENS.sub("", text)) is not None


def check_form(benchmark: Benchmark, form: Form) -> list[str]:
    """Placeholders must be the row's text fields (and the candidate's), and the answer must appear where it should."""
    texts = {name for name, kind in benchmark.fields.items() if kind == "text"}
    own, letter = {"label" if benchmark.labels else "choice"}, {"letter"} if form.lettered else set[str]()
    listed = {"lettered"} if form.lettered else set[str]()
    candidates, prompts = _templates(form.candidate), _templates(form.prompt)
    problems = []
    for template, allowed in (
        *((prompt, texts | listed) for prompt in prompts),
        (form.lettered, own | letter),
        (form.answer, {benchmark.gold, *benchmark.solutions}),
        (form.unconditional, set[str]()),
        *((candidate, texts | own | letter) for candidate in candidates),
    ):
        unknown = _placeholders(template) - allowed
        if unknown:
            problems.append(f"unknown placeholder {{{', '.join(sorted(unknown))}}}")
    if unknown := set(form.stripped) - texts:
        problems.append(f"stripped: {', '.join(sorted(unknown))} is no text of the row")
    if form.kind == "choose" and not all(_placeholders(candidate) & (own | letter) for candidate in candidates):
        problems.append("the candidate's placeholder is missing")
    if form.lettered and not (own | letter) <= _placeholders(form.lettered):
        problems.append(f"lettered: a line of the list has {{letter}} and {{{', '.join(own)}}}")
    if form.lettered and not all("lettered" in _placeholders(prompt) for prompt in prompts):
        problems.append("the prompt lacks {lettered}, the list whose letters are scored")
    if form.kind == "choose" and benchmark.labels and set(form.labels) != set(benchmark.labels):
        problems.append(f"labels should be {', '.join(benchmark.labels)}")
    problems += [
        f"label {name}: {text!r} {'is empty' if is_blank(text) else 'has white space around it'}; expected a word alone"
        for name, text in form.labels.items()
        if is_blank(text) or text != text.strip()
    ]
    if form.labels and len(set(form.labels.values())) != len(form.labels):
        problems.append("two labels have the same word")
    if form.kind == "generate" and any(f"{{{x}}}" in form.prompt for x in (benchmark.gold, *benchmark.solutions)):
        problems.append("the prompt shows the answer")
    return problems


def _templates(template: str | dict[str, str]) -> list[str]:
    return list(template.values()) if isinstance(template, dict) else [template]


def _placeholders(template: str) -> set[str]:
    return {match[2] for match in PLACEHOLDER.finditer(template)}


def _suites(specs: dict[str, TaskSpec]) -> list[str]:
    tags = {spec.tag for spec in specs.values()} | {"xlingbench"}
    return [
        f"[{name}]: {pattern!r} is not a task, tag or glob"
        for name, suite in suites().items()
        for pattern in suite["tasks"]
        if pattern not in specs and pattern not in tags and "*" not in pattern
    ]
