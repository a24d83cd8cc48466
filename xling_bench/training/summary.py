"""What a run is about to do, in lines for a person: model and objective, data and where they come from, what was left
out, two samples, how long, what it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from xling_bench.core.text import number_of
from xling_bench.training import needs
from xling_bench.training.base import Base
from xling_bench.training.corpora import Streams
from xling_bench.training.corpora.data_report import Links, Lost, Mixing, OverlapReport, SourceReport
from xling_bench.training.losses import NEEDS, Need
from xling_bench.training.planned import Evaluated, Plan, Sentences
from xling_bench.training.recipe import Recipe
from xling_bench.training.recipe_parts import updates

TEXT = 100  # characters of a sample that are shown
MOST_FILES = 4  # of a source that are named
PROMPT = 320  # of an instruction's prompt, most of them its end: a template's words stand first


def summary(recipe: Recipe, plan: Plan, streams: Streams) -> list[str]:
    """Lines without line breaks. `plan` is that of `training.job.plan`."""
    drawn = [name for name in NEEDS if plan[name]]
    return [
        *_model(recipe, plan["model"]),
        *(line for name in drawn for line in _rows(name, plan)),
        *_mixing(plan["data"]["mixing"]),
        *_links(plan["data"].get("links", {})),
        *_overlaps(plan["data"]["overlaps"]),
        *_evaluation(recipe, plan["evaluate"]),
        *_alignment(recipe, plan["alignment"]),
        *_stop(recipe),
        *(_amount(name, recipe, plan) for name in drawn),
        *_rates(recipe),
        *_samples(drawn, streams, recipe),
        *needs.told(plan["needs"]),
    ]


def _model(recipe: Recipe, base: Base) -> list[str]:
    method = recipe.method
    parts = [f"{loss.weight:g} x {loss.describe(base['layers'], method.learn)}" for loss in method.objective().active]
    adapter = f"; {told}" if (told := recipe.adapter.describe()) else ""
    computed = f"computed in {recipe.model.precision}"
    if recipe.inherits:
        computed += f", as {recipe.inherits}'s file says (--model PATH inherits nothing)"
    return [
        f"model: {recipe.model.path} ({base['type']}), {computed}",
        f"learns: {' + '.join(parts)}; mode {method.mode}{adapter}",
    ]


def _rows(name: Need, plan: Plan) -> list[str]:
    """Rows by language, what was left out of them, and what looks wrong."""
    report = plan["data"]
    found = report["languages"]
    counts = ", ".join(f"{key} {rows_of[name]:,}" for key, rows_of in found.items())
    rows = plan["rows"][name]
    lines = [f"{name}: {number_of(rows, 'row')}, by language {counts}"]
    texts = {key: rows_of["texts"] for key, rows_of in found.items() if rows_of["texts"]}
    tasks = sum(rows_of[name] for rows_of in found.values()) + sum(texts.values())
    if name == "instructions" and (translations := rows - tasks):
        lines[0] += f", translation tasks {translations:,}"
    if name == "instructions" and texts:
        lines[0] += f", texts {', '.join(f'{key} {count:,}' for key, count in texts.items())}"
    sources = [*report[name], *(report["texts"] if name == "instructions" else [])]
    lines += [f"  from {_from(source)}" for source in sources]
    left = _left_out(sources)
    if name == "pairs":
        left["beyond the allocation"] = sum(v["there"] - v["taken"] for v in report.get("allocation", {}).values())
    told = [f"{reason} {count:,}" for reason, count in sorted(left.items()) if count]
    streams = (name, "translations", "texts") if name == "instructions" else (name,)
    lost = [_lost(reason, each) for key in streams for reason, each in report["unlearnable"].get(key, {}).items()]
    lines += [f"  left out, for the model can learn nothing from them: {', '.join(lost)}"] if lost else []
    lines += [f"  left out (a row counts in each language): {', '.join(told)}"] if told else []
    lines += [
        f"  {source['source']}: only {share:.0%} of its {key} letters are of that language's script; the right file?"
        for source in sources
        for key, share in source["foreign_script"].items()
    ]
    return lines


def _from(source: SourceReport) -> str:
    """A source's name, reader, and its files, the first ones."""
    files = [path for paths in source["files"].values() for path in paths]
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    return f"{source['source']} ({source['kind']}): {', '.join(files[:MOST_FILES])}{more}"


def _lost(reason: str, lost: Lost) -> str:
    more = "; ..." if lost["count"] > len(lost["first"]) else ""
    return f"{reason} {lost['count']:,} ({'; '.join(lost['first'])}{more})"


def _left_out(sources: list[SourceReport]) -> Counter[str]:
    left: Counter[str] = Counter()
    for source in sources:
        for rows in source.get("rows", {}).values():
            left.update(rows["dropped"])
        for key, value in source["dropped_in_reading"].items():
            left.update(value if isinstance(value, dict) else {key: value})  # by language, then reason; or by reason
        left["without a partner"] += sum(source.get("dropped_without_partner", {}).values())
        left["ids that one side lacks"] += sum(found["count"] for found in source["unmatched_ids"].values())
    return left


def _links(links: Mapping[str, Links]) -> list[str]:
    """How many words a dictionary links."""
    return [
        f"words linked by {found['file']}: {found['links'] / max(1, found['pairs']):.1f} a pair, of the first "
        f"{found['pairs']:,} in {key}"
        for key, found in links.items()
    ]


def _mixing(mixing: Mixing | None) -> list[str]:
    """How much is mixed, by language: what the dictionary knows, what is replaced."""
    if mixing is None:
        return []
    lines = [f"code-mixed at {mixing['rate']:g}; of the words of the first {mixing['draws']:,} draws:"]
    for key, found in mixing["languages"].items():
        words, counted = found["words"] or 1, (found["known"], found["replaced"], found["changed"])
        known, replaced, changed = (f"{count / words:.1%}" for count in counted)
        lines.append(
            f"  {key}: {found['words']:,} words, {known} in {found['file']} ({found['entries']:,} entries, "
            f"{found['same']:,} that are their own translation), {replaced} replaced, {changed} by "
            f"another word; words parted by {found['segmenter']}"
        )
    return lines


def _overlaps(report: OverlapReport) -> list[str]:
    if report["policy"] == "unchecked":
        return ["overlaps with benchmarks: not looked for (data.decontaminate is empty)"]
    found = "; ".join(
        f"{benchmark} " + ", ".join(f"{key} {entry['exact'] + entry['ngram']:,}" for key, entry in languages.items())
        for benchmark, languages in report["found"].items()
    )
    lines = [f"overlaps: compared with {', '.join(report['checked']) or 'nothing'}; found: {found or 'none'}"]
    if found:
        kept = "left out" if report["policy"] == "drop" else "KEPT (data.overlap)"
        counts = ", ".join(f"{name} {count:,}" for name, count in report["rows"].items() if count)
        lines[0] += f" (different training texts); {kept}: {counts} (rows, an instruction in all its languages)"
    if report["missing"]:
        missing = (
            f"parts of {key} ({', '.join(parts[:3])}{', ...' if len(parts) > 3 else ''})"
            if key in report["checked"]
            else key
            for key, parts in report["missing"].items()
        )
        lines.append(f"  not compared, for their data are not here: {', '.join(missing)}")
    return lines


def _evaluation(recipe: Recipe, planned: Evaluated) -> list[str]:
    tasks, missing = planned["tasks"], planned["no_data"]
    if not tasks:
        return []
    lacking = f"; no data here for {', '.join(missing)}" if missing else ""
    return [f"evaluated every {recipe.evaluate.every} updates: {', '.join(tasks)}{lacking}"]


def _stop(recipe: Recipe) -> list[str]:
    stop = recipe.stop
    if not stop.by:
        return []
    mean = "the mean over these tasks" if stop.by == "accuracy" else "the mean of [alignment]'s retrieval_weak"
    return [
        f"early stopping by {stop.by} ({mean}): the run ends after {number_of(stop.patience, 'measurement')} without a "
        "better one (stop.patience), and model/ has the best one's weights"
    ]


def _alignment(recipe: Recipe, planned: Sentences | None) -> list[str]:
    if planned is None:
        return []
    pairs = ", ".join(f"{pair} {count:,}" for pair, count in planned["pairs"].items())
    line = f"alignment measured every {recipe.alignment.every} updates: {planned['sentences']}, pairs {pairs}"
    gone = planned["in_training"]
    lines = [f"{line}; left out, for training texts hold them: {number_of(gone, 'sentence')}" if gone else line]
    if words := planned.get("words"):
        told = ", ".join(f"{pair} {count:,}" for pair, count in words["pairs"].items())
        lacking = f"; no file for {', '.join(words['no_data'])}" if words["no_data"] else ""
        lines.append(f"  and words' translations looked for: {told}{lacking}")
    return lines


def _amount(name: Need, recipe: Recipe, plan: Plan) -> str:
    steps, many, size = recipe.run.steps, plan["processes"], plan["sizes"][name]
    line = f"{steps:,} updates x {size['update']:,} {name} = {plan[name]:,}"
    shares = [*([f"{many} processes"] if many > 1 else []), *([f"{recipe.run.parts} parts"] * (recipe.run.parts > 1))]
    line += f" ({' x '.join([*shares, str(size['part'])])} an update)" if shares else ""
    each = plan["each"][name]
    low, high = min(each, key=each.__getitem__), max(each, key=each.__getitem__)
    if each[high] < 1.01 * each[low]:  # shares of an epoch are whole rows
        return f"{line}: each row {each[high]:.2g} times"
    return f"{line}: each row {each[low]:.2g} ({low}) to {each[high]:.2g} ({high}) times"


def _rates(recipe: Recipe) -> list[str]:
    """The learning rate, and which updates learn little or nothing by it (`schedules`)."""
    run = recipe.run
    line = f"learning rate {run.lr:g}, schedule {run.schedule}"
    many = updates(run.warmup, run.steps)
    if run.schedule == "log_warmup":
        return [f"{line}; the second update has learning rate 0" if run.steps > 1 else line]
    if run.schedule == "constant" or not many:
        return [line]
    lines = [f"{line}; the first update has learning rate 0 (warm-up of {number_of(many, 'update')})"]
    if run.steps == 1:
        lines.append(
            "  NOTHING IS LEARNT: the only update has learning rate 0, and the model will be its base. Set run.steps "
            "higher, or run.warmup = 0."
        )
    elif many >= run.steps:
        lines.append("  WARM-UP: it lasts the whole run, which never has its full learning rate. Set run.warmup lower.")
    return lines


def _samples(drawn: Sequence[str], streams: Streams, recipe: Recipe) -> list[str]:
    """As the model will see them: a task in its template. Quoted, so that nothing of it acts on a terminal."""
    lines = []
    if "pairs" in drawn and streams.pairs is not None:
        pair = streams.pairs[0]
        sides = ((pair.source_language, pair.source), (pair.target_language, pair.target))
        lines.append(f"first pair: {' = '.join(f'{key} {_shown(text)}' for key, text in sides)}")
    if "instructions" in drawn and streams.instructions is not None:
        task = streams.instructions[0]
        end = ", then the end token" if recipe.run.ends else ""
        lines.append(f"first instruction: {_ends(task.prompt)} -> {_shown(task.response)}{end}")
    return lines


def _shown(text: str) -> str:
    return repr(text if len(text) <= TEXT else text[: TEXT - 1] + "…")


def _ends(text: str) -> str:
    """A prompt: of a long one the beginning and, most of it, the end, where the task stands."""
    head = TEXT // 2
    return repr(text if len(text) <= PROMPT else f"{text[:head]} … {text[head - PROMPT :]}")
