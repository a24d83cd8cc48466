"""What a task's metrics need besides the answer: whether they can be computed here, and token counts for ranking."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from xling_bench.benchmarks import expected
from xling_bench.catalog import Benchmark, Form
from xling_bench.catalog.names import make_spec
from xling_bench.catalog.prompt import families, has_form
from xling_bench.core.errors import MissingMetricError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.metrics.registry import get_metric, rules
from xling_bench.models.pretrained import load_tokenizer

log = logging.getLogger(__name__)
NO_UNCONDITIONAL = "this prompt family has no prompt without the item for it (`unconditional` in its family.toml)"
Scored = tuple[str, str, Sequence[str]]  # an item's prompt, the separator, and the candidates' texts


def pick_metrics(benchmark: Benchmark, kind: str, unit: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The metrics of a task, or of those it can report the `wanted` ones, in the order wanted.

    Raises UsageError for a name that is no metric, or when the task can report none of them.
    """
    if not wanted:
        return benchmark.metrics_of(kind, unit)
    can = benchmark.metrics_of(kind, unit, on_request=True)
    found = tuple(name for name in dict.fromkeys(wanted) if get_metric(name).name in can)
    if not found or get_metric(found[0]).partial:
        whole = ", ".join(name for name in can if not get_metric(name).partial)
        if not found:
            raise UsageError(f"metrics {','.join(wanted)}: {benchmark.title} {unit} has none of these: {whole}")
        first = next(name for name in (*benchmark.metrics_of(kind, unit), *can) if not get_metric(name).partial)
        mended = ",".join((first, *(name for name in found if name != first)))
        raise UsageError(
            f"metrics {','.join(wanted)}: {benchmark.title} {unit} needs one first that exists for every item "
            f"({found[0]} does not): {whole}. Give --metrics {mended}"
        )
    return found


def rules_of(
    benchmark: Benchmark, form: Form, unit: str, names: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """({metric: its rule}, {metric that cannot be computed here, or of this form: why}) of a task's metrics.

    Raises as `check_headline`.
    """
    lacking = {name for name in names if get_metric(name).needs_unconditional and not form.unconditional}
    known, unavailable = rules(
        (name for name in names if name not in lacking), expected(benchmark.key, benchmark.answer_language(unit))
    )
    unavailable |= dict.fromkeys(sorted(lacking), NO_UNCONDITIONAL + _elsewhere(benchmark, unit) if lacking else "")
    check_headline(names, unavailable)
    return known, unavailable


def _elsewhere(benchmark: Benchmark, unit: str) -> str:
    """Which families have a prompt without the item for this task, and what the first of them calls it."""
    posing = [family for family in families().values() if has_form(family, benchmark, Unit(unit).target)]
    having = [family for family in posing if family.forms[benchmark.key].unconditional]
    if not having:
        return ""
    named = ", ".join(family.key for family in having)
    return f"; there is one in {named}: --tasks {make_spec(benchmark, having[0], unit).tag}"


def check_headline(names: Sequence[str], unavailable: dict[str, str]) -> None:
    """Raise MissingMetricError when the first metric cannot be computed here: a result without it has no score."""
    if names[0] in unavailable:
        others = [name for name in names if name not in unavailable and not get_metric(name).partial]
        hint = f" Or do without it: --metrics {','.join(others)}." if others else ""
        raise MissingMetricError(f"{names[0]} cannot be computed: {unavailable[names[0]].rstrip('.')}.{hint}")


def chosen_metrics(benchmark: Benchmark, form: Form, unit: str, wanted: Any) -> dict[str, str]:
    """{metric: rule} of what a task will report under plain lm_eval; what cannot be computed is logged as a warning.

    `wanted` is a list, or names separated by commas, or nothing. Raises as `pick_metrics` and `check_headline`.
    """
    plain = isinstance(wanted, str) or (isinstance(wanted, list | tuple) and all(isinstance(n, str) for n in wanted))
    if wanted is not None and not plain:
        raise UsageError(f"metrics {wanted!r}: expected names separated by commas, for example chrf,bleu")
    listed = [name.strip() for name in wanted.split(",") if name.strip()] if isinstance(wanted, str) else wanted
    known, unavailable = rules_of(benchmark, form, unit, pick_metrics(benchmark, form.kind, unit, listed))
    for name, why in unavailable.items():
        _warn_once(f"{benchmark.title}: no {name}: {why}")
    return known


@cache
def _warn_once(message: str) -> None:
    log.warning(message)


def tokens_of(items: Sequence[Scored], metadata: Mapping[str, object]) -> list[list[int]]:
    """Tokens that are scored of every candidate of every item, by the evaluated model's tokenizer, without special
    tokens: those of prompt and candidate together that the prompt alone does not have, as lm-eval parts them.

    Raises UsageError when lm-eval did not tell which tokenizer that is.
    """
    name = metadata.get("tokenizer") or metadata.get("pretrained")
    if not isinstance(name, str):
        raise UsageError(
            "p1 and acc_token rank by mean log-probability per token, which needs the model's tokenizer: pass "
            'pretrained=... or tokenizer=... in --model_args, or {"tokenizer": "..."} in --metadata; or choose '
            'other metrics: {"metrics": "acc"}, or "p1_sum" for mLAMA.'
        )
    tokenizer = _tokenizer(name, str(metadata.get("revision") or "main"), bool(metadata.get("trust_remote_code")))
    flat = [prompt + separator + text for prompt, separator, texts in items for text in texts]
    counts = iter(_counts(tokenizer, flat))
    prompts = [prompt.rstrip() for prompt, _, _ in items]  # lm-eval's spaces at a context's end are the candidate's
    known = dict(zip(asked := list(dict.fromkeys(filter(None, prompts))), _counts(tokenizer, asked), strict=True))
    return [
        [max(1, next(counts) - known.get(prompt, 0)) for _ in texts]
        for prompt, (_, _, texts) in zip(prompts, items, strict=True)
    ]


def _counts(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """How many tokens each text has."""
    return [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []


@cache
def _tokenizer(name: str, revision: str, trust_remote_code: bool) -> Any:
    allow = "Read it, and give trust_remote_code=True in --model_args if it may run here."
    return load_tokenizer(name, revision, trust_remote_code=trust_remote_code, allow=allow)
