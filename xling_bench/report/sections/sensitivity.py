"""Prompt sensitivity: how far scores move with prompts or demonstrations, cloze form against letter form, and whether a
verdict on two models flips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xling_bench.core.unit import is_pair
from xling_bench.metrics.registry import scale_of, sign_of
from xling_bench.report.labels import number
from xling_bench.report.printed import printed_or_none, titled
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.select import headline_rows, resampleable
from xling_bench.results.marks import cells_of, is_of, marked, with_marks
from xling_bench.results.tables.compare import ALPHA, MEAN, compare_models
from xling_bench.results.tables.formulations import formulations

if TYPE_CHECKING:
    import pandas as pd

VARIANT = ["family", "demos"]
GROUP = ["benchmark", "shots", "metric"]
SPREAD = [*GROUP, "model", "variants", "languages", "lowest", "median", "highest", "range", "means"]
FLIPS = [*GROUP, "a", "b", "verdicts", "flips"]


def context(report: Report) -> Context | None:
    """`sensitivity`, `forms` and `flips`; None where there is one prompt family and one demonstration policy only."""
    rows = variants(report.measured.frame)
    if rows.empty:
        return None
    table = with_marks(spread(rows), rows)
    flipped = _signed(flips(rows, report.measured.models, report.options.draws), rows)
    both = resampleable(rows)
    forms = with_marks(formulations(both, draws=report.options.draws), both) if not both.empty else None
    return {
        "sensitivity": printed_or_none(titled(table)),
        "forms": None if forms is None else printed_or_none(titled(forms)),
        "flips": printed_or_none(titled(flipped)),
    }


def _signed(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The verdicts' models with the sign of contaminated numbers, where theirs are."""
    learnt = cells_of(rows)
    heads = table.to_dict(orient="records")
    signed = {
        side: [
            marked(row[side], contaminated=is_of(learnt, row[side], {"benchmark": row["benchmark"]})) for row in heads
        ]
        for side in ("a", "b")
    }
    return table.assign(**signed)


def variants(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of headline metrics measured with several prompt families or demonstration policies at the same number of
    shots, by the same metric; pairs of languages left out. Empty where everything was measured in one way.
    """
    rows = headline_rows(frame)
    rows = rows[~rows["language"].map(is_pair).astype(bool)]
    counts = rows.groupby(GROUP)[["family", "demos"]].transform("nunique")
    several: pd.DataFrame = rows[(counts["family"] > 1) | (counts["demos"] > 1)]
    return several


def spread(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per benchmark, shots, metric and model with several variants: the mean over the languages that all of its
    variants have, lowest, median, highest, their range, and all `means` as text. Percent, averaged over seeds.
    """
    import pandas as pd

    found = []
    for key, part in rows.groupby([*GROUP, "model"], sort=True):
        scale = scale_of(str(key[2]))
        table = part.pivot_table(index="language", columns=VARIANT, values="value", aggfunc="mean", observed=True)
        means = scale * table.dropna().mean()
        if len(means) < 2 or means.isna().any():
            continue
        row: dict[str, Any] = dict(zip([*GROUP, "model"], key, strict=True))
        row |= {"variants": len(means), "languages": len(table.dropna()), "lowest": float(means.min())}
        row |= {
            "median": float(means.median()),
            "highest": float(means.max()),
            "range": float(means.max() - means.min()),
        }
        row["means"] = ", ".join(f"{_name(variant)} {number(value)}" for variant, value in means.items())
        found.append(row)
    return pd.DataFrame(found, columns=SPREAD)


def flips(rows: pd.DataFrame, models: list[str], draws: int) -> pd.DataFrame:
    """One row per benchmark, shots, metric and pair of the first model with another: the verdict on the mean over
    languages under each variant (`better`, `worse`, `undecided`: paired, p < 0.05), and whether they differ.

    Only variants that both models were measured with (at least two), on the languages that both have in all of them:
    other languages are no other prompt.
    """
    import pandas as pd

    found = []
    for key, part in resampleable(rows).groupby(GROUP, sort=True):
        for other in models[1:]:
            both = part[part["model"].isin([models[0], other])]
            variants = {key: same for key, same in both.groupby(VARIANT, sort=True) if same["model"].nunique() > 1}
            have = [set(mine["language"]) for same in variants.values() for _, mine in same.groupby("model")]
            shared = set.intersection(*have) if have else set()
            verdicts = {}
            for variant, same in variants.items() if shared else ():
                table = compare_models(same[same["language"].isin(shared)], models[0], other, draws=draws)
                verdicts[_name(variant)] = _verdict(table)
            if len(verdicts) > 1:
                text = ", ".join(f"{name}: {verdict}" for name, verdict in verdicts.items())
                row = {**dict(zip(GROUP, key, strict=True)), "a": models[0], "b": other, "verdicts": text}
                found.append({**row, "flips": len(set(verdicts.values())) > 1})
    return pd.DataFrame(found, columns=FLIPS)


def _verdict(table: pd.DataFrame) -> str:
    means = table[table["language"] == MEAN]
    row = (means if not means.empty else table).iloc[0]
    if row["p"] >= ALPHA:
        return "undecided"
    return "better" if sign_of(str(row["metric"])) * row["difference"] > 0 else "worse"


def _name(variant: Any) -> str:
    """`xglm`, `native`, `xglm semantic-en`."""
    family, demos = variant
    return f"{family}" + ("" if demos in ("none", "same") else f" {demos}")


HTML = """
<p>Mean over the languages that all variants share, per prompt family and demonstration policy.{% if flips %} A verdict (better, worse, undecided at p &lt; 0.05 on the mean over languages) that changes with the prompt is no verdict about the models.{% endif %}</p>
{{ plain_table("sensitivity", sensitivity) }}
{% if forms %}<h3>Cloze or letters?</h3><p>The same question on the same items: the answer's text is scored (cloze), or its letter in a list (letters). The difference is letters minus cloze, with its 95 % interval and p, paired by item, not adjusted for the number of rows. A model at chance with letters may know the answers all the same: it does not read letters.</p>{{ plain_table("forms", forms) }}{% endif %}
{% if flips %}<h3>Do verdicts flip?</h3>{{ plain_table("flips", flips) }}{% endif %}
"""

SECTION = Section("sensitivity", "Prompts", 90, HTML, context=context, heading="Prompt sensitivity")
