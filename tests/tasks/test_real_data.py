"""The real files: published row counts, every deviation named; a run over every language present."""

import json
import os
import subprocess
import sys

import pytest
from choices import contradictions, golds

from xling_bench import evaluate, load_results
from xling_bench.data.check import check_data
from xling_bench.data.source import Source
from xling_bench.results.tables.compare import compare_models
from xling_bench.results.tables.uncertainty import spread_intervals

pytestmark = pytest.mark.data

# What the folder's own README states differs from the published sets, and why.
DROPPED = {
    ("pawsx", "de"): (68, 32), ("pawsx", "es"): (38, 1), ("pawsx", "fr"): (8, 14), ("pawsx", "ja"): (20, 54),
    ("pawsx", "zh"): (16, 25), ("pawsx", "en"): (0, 0),
}  # fmt: skip
PRESENT = {
    "xnli": "ar de el en es fr hi ru sw th tr vi zh",
    "pawsx": "de en es fr ja zh",
    "xcopa": "en ht id it sw ta th tr vi zh",
    "xwinograd": "en fr ja pt ru zh",
    "xquad": "ar de el en es hi ru th tr vi zh",
}
MLQA_TEST = "de-ar de-es de-hi de-vi de-zh es-ar es-de es-hi es-vi es-zh vi-de zh-ar zh-de zh-es zh-hi zh-vi"


@pytest.fixture(scope="module")
def report(real_files) -> dict:
    """Everything in the real files, read once."""
    return {(row.benchmark, row.unit, row.split): row for row in check_data((), Source("files", real_files))}


def test_row_counts_are_the_published_ones_and_deviations_are_named(report) -> None:
    present = {key: row for key, row in report.items() if row.rows is not None}
    for (key, unit, split), row in present.items():
        if row.deviation:
            continue
        assert row.published in (None, row.rows + sum(row.dropped.values())), (key, unit, split)
    deviations = {key for key, row in present.items() if row.deviation}
    expected = {("xwinograd", "zh", "test")}
    expected |= {key for key in present if key[0] == "flores" and key[2] == "dev"}  # 510 of 997: SIB-200's subset
    assert deviations == expected
    known = {key for key, row in present.items() if row.agreement == "as published"}
    assert known == {key for key in present if key not in expected and present[key].published}
    for (key, unit), (dev, test) in DROPPED.items():
        for split, dropped in (("dev", dev), ("test", test)):
            row = report[(key, unit, split)]
            assert sum(row.dropped.values()) == dropped
            assert row.rows == 2000 - dropped
    assert report[("xwinograd", "zh", "test")].rows == 16
    assert "16 rows" in report[("xwinograd", "zh", "test")].deviation


@pytest.mark.parametrize("key", list(PRESENT))
def test_every_language_of_the_folder_is_read(report, key: str) -> None:
    found = {unit for (k, unit, split), row in report.items() if k == key and split == "test" and row.rows}
    assert found == set(PRESENT[key].split())


def test_partial_benchmarks_hold_what_the_readme_lists(report) -> None:
    damaged = {unit: row.error for (k, unit, split), row in report.items() if row.error}
    assert damaged.keys() == set(MLQA_TEST.split())
    assert all("items have no right answer" in error for error in damaged.values()), "these files' answers are empty"
    assert sum(1 for (k, _, split), row in report.items() if k == "mlqa" and split == "dev" and row.rows) == 49
    assert sum(1 for (k, _, _), row in report.items() if k == "mlama" and row.rows) == 53
    absent = {unit for (k, unit, split), row in report.items() if k == "flores" and split == "test" and not row.rows}
    assert absent == {"en-kk", "kk-en"}


NLI = {
    "afrixnli": "ee en fr ha ig lg ln om rw sn st sw tw wo xh", "xnlieu": "en eu", "xnlieu_native": "eu",
    "kornli": "en ko", "myxnli": "en my",
}  # fmt: skip


def test_entailment_in_further_languages_is_xnlis(report, real_data) -> None:
    """Translations of XNLI have its ids and labels; AfriXNLI's English is XNLI's, three items' spelling apart."""
    from xling_bench.catalog import get_benchmark
    from xling_bench.data import load

    for key, units in NLI.items():
        found = {unit for (k, unit, split), row in report.items() if k == key and split == "test" and row.rows}
        assert found == set(units.split()), key
    xnli = load(get_benchmark("xnli"), "en", "test").rows
    labels = {row["id"]: row["label"] for row in xnli}
    for key, unit in (("xnlieu", "eu"), ("kornli", "ko"), ("myxnli", "my"), ("myxnli", "en")):
        assert {row["id"]: row["label"] for row in load(get_benchmark(key), unit, "test").rows} == labels, key
    afrixnli = get_benchmark("afrixnli")
    english = load(afrixnli, "en", "test").rows
    texts = {(row["premise"], row["hypothesis"]): row["label"] for row in xnli}
    same = [row for row in english if texts.get((row["premise"], row["hypothesis"])) == row["label"]]
    assert len(same) >= len(english) - 5
    for unit in ("sw", "wo", "xh"):
        found = load(afrixnli, unit, "test").rows
        assert [(row["id"], row["label"]) for row in found] == [(row["id"], row["label"]) for row in english]
    states = {unit: report[("afrixnli", unit, "dev")].agreement for unit in ("fr", "sw", "ha", "zu")}
    assert states == {"fr": "not published", "sw": "not published", "ha": "as published", "zu": ""}


def test_ids_and_labels_are_shared_by_all_languages(real_data) -> None:
    from xling_bench.catalog import get_benchmark
    from xling_bench.data import load

    for key in ("xnli", "xcopa", "pawsx", "xquad"):
        benchmark = get_benchmark(key)
        tables = [{r["id"]: r.get("label") for r in load(benchmark, u, "test").rows} for u in PRESENT[key].split()]
        english = tables[PRESENT[key].split().index("en")]
        for table in tables:
            assert table.items() <= english.items(), key


def test_sib200_is_flores_in_all_its_languages(report, real_data) -> None:
    """Sentence n is line n of dev, or n - 997 of devtest, quotation marks and all, and shares its article; topics are
    the same in every language."""
    from xling_bench.catalog import get_benchmark
    from xling_bench.data import load

    sib, flores, dev = get_benchmark("sib200"), get_benchmark("flores"), 997
    units = {unit for (key, unit, split), row in report.items() if key == sib.key and split == "test" and row.rows}
    assert len(set(sib.languages) - units) == 10, "of which the folder has no files"
    for split in sib.splits:
        english = {row["id"]: row["label"] for row in load(sib, "en", split).rows}
        for unit in sorted(units)[::20]:
            found, whole = load(sib, unit, split), load(flores, f"en-{unit}", "test")
            assert {row["id"]: row["label"] for row in found.rows} == english
            number = {row["id"]: int(row["id"].rpartition("-")[2]) - dev for row in found.rows}
            texts = {number[row["id"]]: row["text"].split() for row in found.rows if number[row["id"]] >= 0}
            assert len(texts) > len(english) / 4
            assert texts == {n: whole.rows[n]["target"].split() for n in texts}
            for item, first in found.clusters.items():
                if number[item] >= 0:
                    ours, theirs = (whole.clusters[whole.rows[number[name]]["id"]] for name in (item, first))
                    assert ours == theirs


def test_check_as_json_names_what_is_missing(real_data) -> None:
    command = [sys.executable, "-m", "xling_bench", "data", "check", "xnli", "--json"]
    environment = {**os.environ, "XLING_DATA_DIR": str(real_data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["unit"] for row in rows if row["rows"] == 5010} == set(PRESENT["xnli"].split())
    assert {row["unit"] for row in rows if row["missing"]} == {"bg", "ur"}


def check_run(architecture: str, models, folder, limit: int) -> None:
    tasks = [f"xling_{key}" for key in PRESENT]
    report = evaluate(
        f"hf:{models[architecture]}", output=folder, tasks=tasks, shots=(0, 5), limit=limit, batch_size=32,
        metrics=["acc", "acc_byte", "acc_char", "f1", "exact"],
    )  # fmt: skip
    assert not report.failed
    frame, right = load_results(folder), golds(folder)
    assert contradictions(frame[frame["benchmark"] != "xquad"], right) == []
    languages = sum(len(units.split()) for units in PRESENT.values())
    assert len(report.finished) == 2 * languages
    expected_missing = {
        "xling_xnli_bg",
        "xling_xnli_ur",
        "xling_pawsx_ko",
        "xling_xcopa_et",
        "xling_xcopa_qu",
        "xling_xquad_ro",
    }
    assert set(report.missing) == expected_missing
    for result in report.results():
        assert result["n-samples"][result["xling"]["facts"]["task"]]["effective"] == min(
            limit, result["xling"]["facts"]["items"]
        )


@pytest.mark.e2e
def test_run_over_every_language_present(models, real_data, tmp_path) -> None:
    check_run("llama", models, tmp_path, limit=2)


@pytest.mark.e2e
def test_tables_of_two_models_on_real_data(models, real_data, tmp_path) -> None:
    """XNLI 13 languages, PAWS-X 6, XCOPA 10, 0 and 5 shots: one table, spreads, intervals, a comparison."""
    for name in ("llama", "bloom"):
        tasks = ["xling_xnli", "xling_pawsx", "xling_xcopa"]
        report = evaluate(
            f"hf:{models[name]}", output=tmp_path / name, tasks=tasks, shots=(0, 5), limit=4, batch_size=32
        )
        assert not report.failed
    frame = load_results([tmp_path / "llama", tmp_path / "bloom"])
    assert len(frame) == 2 * 2 * (13 + 6 + 10)
    spread = spread_intervals(frame, draws=500)
    assert sorted(zip(spread["benchmark"], spread["languages"], strict=True)) == sorted(
        4 * [("pawsx", 6)] + 4 * [("xcopa", 10)] + 4 * [("xnli", 13)]
    )
    assert spread[spread["benchmark"] == "xnli"]["items"].tolist() == [4] * 4, "ids are shared by all languages"
    both = compare_models(frame, "llama", "bloom", draws=200)
    assert len(both) == 2 * (13 + 6 + 10 + 3 * 2), "every language, and per benchmark the mean and the gap"


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["xglm", "bloom", "llama"])
def test_fifty_items_zero_and_five_shots(architecture: str, models, real_data, tmp_path) -> None:
    check_run(architecture, models, tmp_path, limit=50)
