"""What the command prints: a line a model and pair; of latent language, a table of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ANSWERS = "answers_"  # how their measures begin
ANSWER_COLUMNS = ("model", "answers", "same instruction found", "at layer", "cosine", "with others", "in its language")
COLUMNS = ("model", "pair", "retrieval, best layer", "at layer", "MEXA mean", "MEXA max", "gamma",
           "alignment, last measured")  # fmt: skip
MEASURES = ("retrieval_weak", "mexa", "mexa_mean", "mexa_max", "gamma", "alignment")

TRANSFER = "transfer_"  # begins the names of its measures
TRANSFER_COLUMNS = ("model", "benchmark", "tested", "layer", "accuracy", "gap")

LATENT = "latent_"  # how the measures of latent language begin: a table of their own
HEARD = 0.01  # what is less likely than this says little, whatever its share: early layers have 0.1 %
LATENT_COLUMNS = ("model", "pair", "English, best layer", "at layer", "share of English there", "target, best layer",
                  "at layer", "English before target")  # fmt: skip


def table(records: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of records as alignment.json has them: of every model and pair the weak retrieval at its best
    layer with its interval, MEXA over layers (of all sentences), gamma, and the last layer's alignment; `-` for what
    was not measured."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["measure"] in MEASURES:
            pair = "-".join(sorted(record["pair"].split("-")))
            change = record.get("intervention")
            called = f"{record['model']}, {change}" if change else str(record["model"])
            groups.setdefault((called, pair), []).append(record)
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for (model, pair), found in groups.items():
        if _of(found, pair, "retrieval_weak"):
            lines.append("| " + " | ".join([model, *_cells(found)]) + " |")
    return "\n".join(lines) + "\n"


def transfer_table(records: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of what a head transfers: of every model, intervention, benchmark and language the accuracy and
    the gap at the layer that is best on the training items (the first of equal ones), with intervals."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["measure"].startswith(TRANSFER) and record["pair"] is not None:
            change = record.get("intervention")
            called = f"{record['model']}, {change}" if change else str(record["model"])
            groups.setdefault((called, record["measure"].rpartition("_")[2]), []).append(record)
    lines = ["| " + " | ".join(TRANSFER_COLUMNS) + " |", "|" + "---|" * len(TRANSFER_COLUMNS)]
    for (model, key), found in groups.items():
        held = [record for record in found if record["measure"] == f"{TRANSFER}cv_{key}"]
        layer = max(held, key=lambda record: record["value"])["layer"] if held else None
        here = [record for record in found if record["layer"] == layer]
        gaps = {record["pair"]: record for record in here if record["measure"] == f"{TRANSFER}gap_{key}"}
        for record in here:
            if record["measure"] == f"{TRANSFER}{key}":
                gap = _share(gaps[record["pair"]]) if record["pair"] in gaps else "-"
                cells = [model, key, record["pair"], "-" if layer is None else str(layer), _share(record), gap]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _share(record: Mapping[str, Any]) -> str:
    if record["value"] is None:
        return "-"
    low, high = record["interval"]
    return f"{record['value']:.1%} [{low:.1%}, {high:.1%}]"


def answers_table(records: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of the answers' records, at the layer where the same instruction's answer is found most often:
    that share both ways, the mean cosine with it and with others; and the share of each language's answers in it."""
    found = [record for record in records if record["measure"].startswith(ANSWERS)]
    own = {(each["model"], each["pair"]): each for each in found if each["measure"] == "answers_own_language"}
    groups: dict[tuple[str, str], dict[int, dict[tuple[str, str], float]]] = {}
    for each in found:
        if each["layer"] is not None:
            one, other = each["pair"].split("-")
            turned = (each["model"], f"{other}-{one}") in groups
            key = (each["model"], f"{other}-{one}" if turned else each["pair"])
            groups.setdefault(key, {}).setdefault(each["layer"], {})[each["measure"], each["pair"]] = each["value"]
    lines = ["| " + " | ".join(ANSWER_COLUMNS) + " |", "|" + "---|" * len(ANSWER_COLUMNS)] if found else []
    for (model, pair), layers in groups.items():
        one, other = pair.split("-")
        weak = {layer: [values["answers_retrieval_weak", way] for way in (pair, f"{other}-{one}")]
                for layer, values in layers.items()}  # fmt: skip
        best = max(weak, key=lambda layer: sum(weak[layer]))
        cosines = [f"{layers[best][name, pair]:.3f}" for name in ("answers_cosine", "answers_cosine_other")]
        shares = [_percent(own[model, language]["value"]) for language in (one, other)]
        lines.append("| " + " | ".join([model, pair, " / ".join(map(_percent, weak[best])), str(best), *cosines,
                                         " / ".join(shares)]) + " |")  # fmt: skip
    return "".join(line + "\n" for line in lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _cells(found: list[Mapping[str, Any]]) -> list[str]:
    pair = found[0]["pair"]
    best = max(_of(found, pair, "retrieval_weak"), key=lambda record: record["value"])
    layer = "-" if best["layer"] is None else str(best["layer"])
    mexa = [_last(_of(found, pair, name)) for name in ("mexa_mean", "mexa_max")]
    if mexa == ["-", "-"]:
        mexa = ["-", _last(_of(found, pair, "mexa"))]
    return [pair, _share(best), layer, *mexa, _last(_of(found, pair, "gamma")), _last(_of(found, pair, "alignment"))]


def _of(found: list[Mapping[str, Any]], pair: str, measure: str) -> list[Mapping[str, Any]]:
    """A measure's records of most sentences, by layer."""
    these = [record for record in found if record["measure"] == measure and record["pair"] == pair]
    most = max((record["n"] for record in these), default=0)
    return [record for record in these if record["n"] == most]


def _last(these: list[Mapping[str, Any]]) -> str:
    return f"{these[-1]['value']:.3f}" if these and these[-1]["value"] is not None else "-"


def latent_table(records: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of latent language, empty where none was asked for: of every model and pair the layers where
    English and the target are likeliest, and the share of English in both at English's. `yes` where that layer is
    before the target's and English is likelier there, both beyond doubt: the interval of its share lies above a half,
    that of its probability above `HEARD`."""
    groups: dict[tuple[str, str], dict[tuple[str, int], Mapping[str, Any]]] = {}
    for record in records:
        if record["measure"].startswith(LATENT):
            found = groups.setdefault((record["model"], record["pair"]), {})
            found[record["measure"].removeprefix(LATENT), record["layer"]] = record
    lines = ["| " + " | ".join(LATENT_COLUMNS) + " |", "|" + "---|" * len(LATENT_COLUMNS)]
    for names, found in groups.items():
        english, target = (max((record for (measure, _), record in found.items() if measure == side),
                               key=lambda record: record["value"]) for side in ("english", "target"))  # fmt: skip
        share = found["share_english", english["layer"]]
        sure = share["value"] is not None and share["interval"][0] > 0.5 and english["interval"][0] > HEARD
        before = sure and english["layer"] < target["layer"]
        cells = [_share(english), str(english["layer"]), _share(share), _share(target), str(target["layer"])]
        lines.append("| " + " | ".join([*names, *cells, "yes" if before else "no"]) + " |")
    return "\n".join(lines) + "\n" if groups else ""
