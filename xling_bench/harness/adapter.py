"""What the compiled YAML calls: documents, demonstrations, prompts and scores for lm-eval.

Documents come rendered, so that lm-eval's own templating (which turns "7" into an integer and "[..]" into a list)
never touches a benchmark's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from lm_eval.api.samplers import ContextSampler
from lm_eval.api.task import ConfigurableTask

from xling_bench.benchmarks import expected
from xling_bench.catalog import Benchmark, Form, get_benchmark, get_family
from xling_bench.catalog.prompt import demo_form
from xling_bench.catalog.render import render
from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.core.row import Record, Row, index_in, record_in, text_in, texts_in
from xling_bench.data import Loaded, Source, current_source
from xling_bench.data import load as load_rows
from xling_bench.data.source import check_ns, explain
from xling_bench.harness.demos import MOST_SHOTS, Demos, forget, twins_of
from xling_bench.harness.ranked import FIELDS
from xling_bench.harness.reported import chosen_metrics, tokens_of
from xling_bench.harness.twins import same_items
from xling_bench.metrics.metric import Answer, Metric
from xling_bench.metrics.qa import abstains
from xling_bench.metrics.ranking import rank
from xling_bench.metrics.registry import METRICS, score_text

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

Doc = dict[str, object]  # a row, and what `load` makes of it: lm-eval hands it from one function here to the next


def metric_list(metrics: Iterable[Metric]) -> list[dict[str, object]]:
    """What lm-eval must know of metrics. It gives a standard error to what it can call a mean."""
    return [
        {"metric": m.name, "aggregation": m.total or "mean", "higher_is_better": not m.lower_is_better} for m in metrics
    ]


# Of every metric, since tasks are compiled before anybody asks for one: `score` returns those that were asked for.
ranking_metrics = metric_list(metric for metric in METRICS.values() if metric.of_candidates)
answer_metrics = metric_list(metric for metric in METRICS.values() if metric.statistics is not None)


class Docs(list[Doc]):
    """The documents of a task, with the demonstrations it may use and their form; enough of a `datasets.Dataset` for
    lm-eval."""

    def __init__(self, docs: Sequence[Doc], demos: Sequence[Doc], demo_form: Form) -> None:
        super().__init__(docs)
        self.demos = list(demos)
        self.demo_form = demo_form

    @property
    def features(self) -> dict[str, None]:
        """Column names, as `datasets.Dataset.features` has them."""
        return dict.fromkeys(self[0])


class Generated(ConfigurableTask):  # type: ignore[misc]  # lm-eval is untyped
    """A generating task whose form has other separators or stops in other languages, which demonstrations may be of.

    Demonstrations have the separator of their own form. A model that goes on as they do begins another item in their
    words, so that generation after demonstrations ends at their form's stops, too.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config={name: value for name, value in config.items() if name in FIELDS})
        self.fewshot_cfg.target_delimiter = self.dataset["test"].demo_form.separator

    def construct_requests(self, doc: Doc, ctx: str, **more: Any) -> Instance:
        """The item's prompt, and where its answer ends."""
        request: Instance = super().construct_requests(doc, ctx, **more)
        if self.config.num_fewshot:
            prompt, settings = request.args
            until = list(dict.fromkeys([*settings["until"], *self.dataset["test"].demo_form.stop]))
            request.arguments = (prompt, {**settings, "until": until})
        return request


class FixedDemonstrations(ContextSampler):  # type: ignore[misc]  # lm-eval is untyped
    """The first n demonstrations of the seeded order, the same for every item.

    An item that is among them (benchmarks without a development split), or its content under another id (`twins`),
    gets the next one instead. An item that brings `demo_ids` of its own (nearest ones) gets these.
    """

    def sample(self, n: int, eval_doc: Doc | None = None, df: Sequence[Doc] | None = None, **_: Any) -> list[Doc]:
        """Return n demonstrations, none of which is `eval_doc`."""
        if eval_doc and "demo_ids" in eval_doc:
            known = {doc["id"]: doc for doc in cast("Sequence[Doc]", df or self.df)}
            return [known[name] for name in texts_in(eval_doc, "demo_ids")[:n]]
        if eval_doc and eval_doc["demos"] == "semantic":
            raise UsageError(
                "semantic demonstrations are chosen with the model: use `xling-bench run --demos semantic`"
            )
        pool = shown(eval_doc, cast("Sequence[Doc]", df or self.df), n)
        if len(pool) < n:
            raise UsageError(
                f"{n} demonstrations asked for, but there are {len(pool)}: use fewer --shots, or get the "
                "development split's data (`xling-bench data check`)."
            )
        return pool


def shown(item: Doc | None, pool: Sequence[Doc], n: int) -> list[Doc]:
    """The first n documents of `pool` that are not `item`, by id or by content; fewer where there are no more."""
    own = {item["id"], *twins_of(item)} if item else set()
    return list(islice((doc for doc in pool if doc["id"] not in own), n))


def load(xling: Record, **metadata: Any) -> dict[str, Docs]:
    """lm-eval's `custom_dataset`: the documents of one task.

    `xling` is the task's own declaration (benchmark, unit, form). From `--metadata` (or our runner) come `split`
    (default `test`), `demo_seed` (default 0), `demo_lang` (default the task's language), `demos` (default `fixed`;
    `aligned`; `afp`; `semantic`, for which our runner chooses each item's own), `ns` (default `drop`; `keep` rows
    with a placeholder for a text) and `metrics` (the task's own file names its usual ones).
    lm-eval passes the model's arguments here too: per-token scores need its tokenizer.
    Raises what names the remedy where data, or what the headline metric needs, are not there.
    """
    benchmark = get_benchmark(text_in(xling, "benchmark"))
    unit, form = text_in(xling, "unit"), Form.model_validate(xling["form"])
    split = metadata.get("split", benchmark.test_split)
    source = replace(current_source(), ns=check_ns(metadata.get("ns", "drop")))
    test = _cached(benchmark.key, unit, split, source)
    family = get_family(metadata["family"])
    choice = Demos(metadata.get("demos", "fixed"), metadata.get("demo_lang")).check()
    demo_unit, shown_form = demo_form(family, benchmark, unit, form, choice.language)
    pool = _pool(benchmark, demo_unit, benchmark.demos_from(split), choice.source(source))
    seed = _seed(metadata.get("demo_seed", 0))
    order = choice.order(benchmark, benchmark.demos_from(split), pool.rows if pool else [], seed, source)
    twins = same_items(benchmark, test.rows, order, (pool.clusters if pool else {}) | test.clusters)
    most = MOST_SHOTS + 1 + max(map(len, twins.values()), default=0)
    if choice.policy == "semantic":
        most = len(order)
    answers_in = benchmark.answer_language(unit)
    abstain = tuple(dict.fromkeys(x.no_answer for x in (form, shown_form) if x.no_answer))
    metrics = chosen_metrics(benchmark, form, unit, metadata.get("metrics"))
    shared: Doc = {"metrics": metrics, "demos": choice.policy}
    if any(METRICS[name].needs_unconditional for name in metrics):
        shared["unconditional"] = form.unconditional
    docs = [_doc(benchmark, form, row, answers_in, test, abstain) | shared for row in test.rows]
    for doc in docs:
        if own := twins.get(text_in(doc, "id")):
            doc["twins"] = own
    if any(METRICS[name].needs_tokens for name in metrics):
        scored = [(str(doc["prompt"]), form.separator, texts_in(doc, "texts")) for doc in docs]
        for doc, tokens in zip(docs, tokens_of(scored, metadata), strict=True):
            doc["tokens"] = tokens
    demos = [_doc(benchmark, shown_form, row, answers_in, pool, abstain) for row in order[:most] if pool]
    return {"test": Docs(docs, demos, shown_form)}


def _pool(benchmark: Benchmark, unit: str, split: str, source: Source) -> Loaded | None:
    """The demonstrations' rows, or None where there are none: a zero-shot task must not need them."""
    try:
        return _cached(benchmark.key, unit, split, source)
    except DataError:
        return None  # with demonstrations, the runner's plan and the sampler say what is wrong


def _seed(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"demo_seed {value!r}: expected a number") from error


@lru_cache(maxsize=8)
def _cached(key: str, unit: str, split: str, source: Source) -> Loaded:
    benchmark = get_benchmark(key)
    try:
        return load_rows(benchmark, unit, split, source)
    except MissingDataError as error:
        raise explain(benchmark, error) from error


def _doc(benchmark: Benchmark, form: Form, row: Row, language: str, loaded: Loaded, abstain: Sequence[str]) -> Doc:
    shown = render(benchmark, form, row)
    doc: Doc = {**row, "benchmark": benchmark.key, "answer_language": language, "data_source": loaded.source}
    doc |= {"data_hash": loaded.hash, "cluster": loaded.clusters[text_in(row, "id")], "prompt": shown.prompt}
    if form.kind == "choose":
        return doc | {"texts": list(shown.choices), "gold": shown.gold}
    return doc | {"golds": texts_in(row, benchmark.gold), "shown_answer": shown.answer, "abstain": list(abstain)}


def forget_data() -> None:
    """Drop rows kept from earlier tasks, so that a new run reads the files as they are now."""
    _cached.cache_clear()
    forget()


def demonstrations(docs: Docs) -> list[Doc]:
    """lm-eval's `fewshot_config.process_docs`: the pool in its seeded order."""
    return docs.demos


def doc_to_text(doc: Doc) -> str:
    """The context: not scored, or continued by generation."""
    return str(doc["prompt"])


def doc_to_choice(doc: Doc) -> list[str]:
    """The texts whose log-probabilities are compared."""
    return list(texts_in(doc, "texts"))


def doc_to_target(doc: Doc) -> int | str:
    """The index of the right text, or the answer as a demonstration shows it."""
    return index_in(doc, "gold") if "texts" in doc else str(doc["shown_answer"])


def score(doc: Doc, results: Sequence[Any]) -> dict[str, object]:
    """lm-eval's `process_results`: the item's value, or its statistics, of every metric of `doc["metrics"]`."""
    names = list(record_in(doc, "metrics"))
    if "texts" in doc:
        return rank([METRICS[name] for name in names], doc, [float(result[0]) for result in results])
    prediction = str(results[0]).strip()
    abstain = texts_in(doc, "abstain")
    wanted = expected(text_in(doc, "benchmark"), text_in(doc, "answer_language"))
    abstained = bool(abstain) and abstains(prediction, abstain)
    return score_text(names, Answer(wanted, prediction, texts_in(doc, "golds"), abstained))
