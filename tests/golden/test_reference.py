"""The papers' own tables as the golden test of our aggregation: published cells in, published averages out."""

import csv

import pandas as pd
import pytest

from xling_bench.catalog import Benchmark, get_benchmark
from xling_bench.core import content
from xling_bench.core.errors import DeclarationError, UsageError
from xling_bench.results.tables.layouts import column_keys, column_value, render, rows_of
from xling_bench.results.tables.reference import Column, columns, get_layout, layouts, published
from xling_bench.stats import population_std, relative_gap

TOLERANCE = 0.1
CELL_TABLES = {"xnli": 9, "pawsx": 10, "xcopa": 11, "xstorycloze": 12, "xwinograd": 13}


def cells(tables: list[int], model: str, method: str) -> dict:
    """A model's published per-language cells, as our own results would stand."""
    return {
        (n.column.benchmark, n.column.language, int(n.column.shots), "acc"): n.value
        for table in tables
        for n in published(f"afp_table{table:02d}")
        if (n.model, n.method) == (model, method) and n.column.language != "avg"
    }


def errata(table: int) -> set[tuple[str, str, str, str]]:
    """(model method, benchmark, shots, statistic) of a table's printed values that its cells do not give."""
    path = content.folder("reports") / "reference" / "errata.csv"
    found = set()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind, statistic, who, *_ = (part.strip() for part in row["note"].split("|"))
            if row["paper"] == "afp" and int(row["table"]) == table and kind == "error":
                found.add((who, row["benchmark"], row["shots"], statistic))
    return found


def test_published_cells_aggregate_to_table_7() -> None:
    """Means and population standard deviations of Tables 9-13, and the pooled average, within 0.1 of Table 7."""
    layout = get_layout("afp-7")
    checked, wrong = 0, set()
    for number in published("afp_table07"):
        ours = column_value(number.column, layout, cells(list(CELL_TABLES.values()), number.model, number.method))
        assert ours.measured == ours.needed
        checked += 1
        if abs(ours.value - number.value) > TOLERANCE:
            who = f"{number.model} {number.method}"
            wrong.add((who, number.column.benchmark, number.column.shots, number.column.statistic))
    assert checked == 110
    assert wrong == errata(7) == {("BLOOMZ-7.1B base", "all", "", "mean"), ("BLOOMZ-7.1B base", "all", "", "std")}


def test_known_values_of_the_definition() -> None:
    # XGLM-7.5B on XNLI, 0 shots, 15 languages (Table 9): mean 45.61, population sd 3.35, printed 45.6 and 3.4.
    xnli = [v for (b, _, n, _), v in cells([9], "XGLM-7.5B", "base").items() if (b, n) == ("xnli", 0)]
    assert len(xnli) == 15
    assert sum(xnli) / 15 == pytest.approx(45.61, abs=0.005)
    assert population_std(xnli) == pytest.approx(3.35, abs=0.005)
    # The pooled average of Table 7 is over all 102 cells: 55.3 (the mean of the task means would be 56.8).
    layout = get_layout("afp-7")
    assert len(column_keys(Column("all", "avg", "", "mean"), layout)) == 102


def test_table_3_gives_the_gap_of_figure_1c() -> None:
    """AFP Figure 1(c): the relative EN-ZH gap of XGLM-564M on XNLI falls by 6.53 points (17.36 % to 10.83 %)."""
    gaps = []
    for method in ("base", "AFP"):
        have = cells([3], "XGLM-564M", method)
        gaps.append(relative_gap(have[("xnli", "en", 0, "acc")], have[("xnli", "zh", 0, "acc")]))
    assert gaps[0] == pytest.approx(17.36, abs=0.005)
    assert gaps[1] == pytest.approx(10.83, abs=0.005)
    assert gaps[0] - gaps[1] == pytest.approx(6.53, abs=0.005)


@pytest.mark.parametrize("table", [1, 3, 9, 10, 11, 12, 13])
def test_printed_averages_of_the_cell_tables(table: int) -> None:
    layout = get_layout(f"afp-{table}")
    wrong = set()
    for number in published(f"afp_table{table:02d}"):
        if number.column.language == "avg":
            ours = column_value(number.column, layout, cells([table], number.model, number.method))
            if ours.measured == ours.needed and abs(ours.value - number.value) > TOLERANCE:
                wrong.add((f"{number.model} {number.method}", number.column.benchmark, number.column.shots, "score"))
    known = {entry for entry in errata(table) if entry[-1] != "improvement"}
    assert {(w, b, n) for w, b, n, _ in wrong} == {(w, b, n) for w, b, n, _ in known}


@pytest.mark.parametrize(("layout", "tables"), [("afp-5", [3]), ("afp-6", [9, 11])])
def test_means_of_two_benchmarks_run_over_the_papers_five_languages(layout: str, tables: list[int]) -> None:
    have = cells(tables, "XGLM-7.5B", "base")
    for column in columns(get_layout(layout)):
        value = column_value(column, get_layout(layout), have)
        assert value.measured == value.needed > 0, column
    average = column_value(columns(get_layout("afp-5"))[-1], get_layout("afp-5"), cells([3], "XGLM-564M", "base"))
    printed = next(n for n in published("afp_table05") if n.column.language == "avg" and n.method == "base")
    assert average.needed == 20
    assert average.value == pytest.approx(printed.value, abs=TOLERANCE)


def test_a_papers_table_keeps_its_languages_when_a_benchmark_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: [column_keys(c, layout) for c in columns(layout)] for name, layout in layouts().items()}

    def grown(key: str) -> Benchmark:
        found = get_benchmark(key)
        return found.model_copy(update={"languages": (*found.languages, "gl", "eu")})

    monkeypatch.setattr("xling_bench.results.tables.layouts.get_benchmark", grown)
    after = {name: [column_keys(c, layout) for c in columns(layout)] for name, layout in layouts().items()}
    assert after == before
    nameless = layouts()["afp-7"].model_copy(update={"languages_of": {}})
    with pytest.raises(DeclarationError, match=r"nothing says which languages of xnli it is over"):
        column_keys(columns(nameless)[0], nameless)


def test_columns_stand_once_and_undefined_statistics_stay_empty() -> None:
    assert len(columns(get_layout("afp-6"))) == 6
    layout = get_layout("afp-8")
    std = next(c for c in columns(layout) if c.statistic == "std")
    assert str(column_value(std, layout, cells([1], "XGLM-564M", "base"))) == "-"


def test_every_layout_stands_on_a_published_table() -> None:
    for name, layout in layouts().items():
        heads = columns(layout)
        assert heads, name
        for column in heads:
            assert column_keys(column, layout), (name, column)


def test_translation_is_averaged_over_sources_and_targets() -> None:
    layout = get_layout("afp-4")
    keys = column_keys(Column("flores", "from:sw", "", "mean"), layout)
    assert [language for _, language, _, _ in keys] == ["sw-en", "sw-zh", "sw-th", "sw-tr"]
    assert len(column_keys(Column("flores", "to:avg", "", "std"), layout)) == 20


def test_a_layout_without_published_numbers_says_so() -> None:
    layout = get_layout("extrapolating-2")
    assert len(columns(layout)) == 27
    frame = pd.DataFrame({"model": []})
    with pytest.raises(UsageError, match="not among ours"):
        rows_of(layout, frame, reference=True)


def test_an_unknown_layout_suggests() -> None:
    with pytest.raises(UsageError, match="Did you mean 'afp-7'"):
        get_layout("afp7")


def test_what_must_be_known_of_published_rows_stands_beside_them() -> None:
    """AFP's code scores PAWS-X's untranslated rows, and pads BLOOM's and Llama's candidates on the left."""

    def said(name: str, signature: str) -> str:
        row = {"model": "m", "benchmark": "pawsx", "language": "de", "shots": 0, "metric": "acc", "value": 0.5}
        frame = pd.DataFrame([row | {"family": "xglm", "demos": "none", "signature": signature}])
        return render(get_layout(name), frame, "md", reference=True)

    plain, kept = "xling|data:1|source:files|v:1", "xling|data:1|ns:keep|source:files|v:1"
    assert "untranslated rows" in said("afp-7", plain)
    assert "untranslated rows" not in said("afp-7", kept)
    assert "published BLOOM and Llama numbers" in said("afp-7", kept)
    assert "AFP's code" not in said("afp-9", plain), "XNLI's table has neither"
    assert "AFP's code" not in said("afp-10", kept), "PAWS-X's has no padding"


def test_a_model_asked_in_english_has_a_row_of_its_own_in_commits_table() -> None:
    """COMMIT's "+En prompt": what `commit-en` scored never mixes with `commit`'s, and a model without it has no row."""
    rows = [
        {"model": model, "benchmark": "xquad", "language": "th", "shots": 0, "metric": "exact", "value": value,
         "family": family, "demos": "none", "signature": "xling|data:1|source:files|v:1"}
        for model, family, value in (("a", "commit", 0.1), ("a", "commit-en", 0.2), ("b", "commit", 0.3))
    ]  # fmt: skip
    for name in ("commit-2", "commit-3"):
        layout = get_layout(name)
        place = next(n for n, c in enumerate(columns(layout)) if (c.language, c.statistic) == ("th", "exact"))
        found = {row: values[place] for row, values in rows_of(layout, pd.DataFrame(rows), reference=False)}
        assert found == {"a": "10.0", "b": "30.0"} | ({"a+En prompt": "20.0"} if name == "commit-2" else {})
    published_rows = [row for row, _ in rows_of(get_layout("commit-6"), pd.DataFrame(rows), reference=True)]
    assert "Llama-7B Alpaca+En prompt (published)" in published_rows
    assert not [row for row in published_rows if row.startswith("a+")], "nothing of Table 6 was asked"


def test_commits_english_prompts_are_those_of_its_english_items() -> None:
    """The same strings in both families where the item is English; in other languages only the fields differ."""
    from xling_bench.catalog.prompt import get_family, resolve_form
    from xling_bench.core import languages

    english = languages.get("en")
    for key in ("mlqa", "xquad"):
        own, en = (resolve_form(get_family(f), get_benchmark(key), english) for f in ("commit", "commit-en"))
        assert own == en
        assert resolve_form(get_family("commit-en"), get_benchmark(key), languages.get("hi")) == en
    both = [
        resolve_form(get_family("commit-en"), get_benchmark("indicqa"), languages.get("ta")),
        get_family("commit").forms["indicqa"],
    ]
    assert "unanswerable" in both[0].prompt
    assert both[0].no_answer == "unanswerable"
    assert both[0].max_tokens == both[1].max_tokens


def test_a_translation_benchmarks_column_is_out_of_its_pivot() -> None:
    """FLORES' and WMT24++'s `de` is en-de; other benchmarks' is German."""
    named = tuple((key, "de", "0", "value") for key in ("wmt24pp", "flores", "xnli"))
    layout = get_layout("afp-7").model_copy(update={"columns": named, "reference": "", "metric": ""})
    assert [column_keys(column, layout)[0][:2] for column in columns(layout)] == [
        ("wmt24pp", "en-de"), ("flores", "en-de"), ("xnli", "de"),
    ]  # fmt: skip
