"""The gate: what regresses, what is not seen, what cannot be compared; baselines."""

import math
from pathlib import Path

import pandas as pd
import pytest
from defusedxml.ElementTree import fromstring
from gates import config_file, gate, verdicts
from runs import XNLI, outcomes, turned, write_run

from xling_bench.cli.main import main
from xling_bench.core.errors import DataError

# What the gate must show


def test_the_same_run_twice_passes(base: Path, tmp_path: Path, capsys) -> None:
    code, found = gate(tmp_path, base, base, "--strict")
    assert code == 0
    assert (found["status"], found["verdict"], found["exit_code"]) == ("passed", "inconclusive", 0)
    assert set(verdicts(found).values()) == {"inconclusive"}
    assert all(row["difference"] == 0 and row["p"] == 1 for row in found["cells"])
    # No item differs: the mde is that of ten changes in one direction (2 * 2^-10 < 0.05 / 15), some 12.5 of 5,010.
    assert all(0.2 < row["mde"] < 0.3 for row in found["cells"])
    assert "gate passed: no regression seen (15 cells: 15 inconclusive)" in capsys.readouterr().out


def test_three_percent_of_one_language_regress_there_and_only_there(base: Path, tmp_path: Path, capsys) -> None:
    scores = outcomes(5010)
    worse = write_run(tmp_path / "worse", scores | {"sw": turned(scores["sw"], 0.03)})
    junit, markdown = tmp_path / "gate.xml", tmp_path / "gate.md"
    code, found = gate(tmp_path, base, worse, "--junit", str(junit), "--markdown", str(markdown))
    assert code == 1
    assert [row["language"] for row in found["cells"] if row["verdict"] != "inconclusive"] == ["sw"]
    cell = next(row for row in found["cells"] if row["language"] == "sw")
    assert cell["difference"] == pytest.approx(-100 * 150 / 5010)
    assert cell["low"] < cell["difference"] < cell["high"] < 0
    assert cell["candidate"] - cell["baseline"] == pytest.approx(cell["difference"])
    # A mean of 15 languages falls by a fifteenth of it, which is as certain, and no finding of its own.
    mean = found["averages"][0]
    assert mean["difference"] == pytest.approx(cell["difference"] / 15)
    assert (mean["follows"], mean["gates"]) == (["sw"], False)
    printed = capsys.readouterr().out
    assert "regressed: XNLI (xglm, 0-shot, acc) sw: 3.0 points worse, p <0.001" in printed
    assert "regressed (follows from sw): XNLI (xglm, 0-shot, acc) (mean): 0.2 points worse" in printed
    suites = fromstring(junit.read_text(encoding="utf-8"))
    failed = [case for case in suites.iter("testcase") if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == ["sw"]
    assert (suites.get("tests"), suites.get("failures")) == ("17", "1")
    text = markdown.read_text(encoding="utf-8")
    assert text.startswith("### xling-bench gate failed: regression found\n\n15 cells: 1 regressed, 14 inconclusive.")
    assert "- regressed: XNLI (xglm, 0-shot, acc) sw: 3.0 points worse" in text


@pytest.mark.long
def test_thirty_items_are_inconclusive_and_say_what_they_could_see(tmp_path: Path, capsys) -> None:
    scores = outcomes(30)
    a = write_run(tmp_path / "a", scores)
    b = write_run(tmp_path / "b", scores | {"sw": turned(scores["sw"], 0.1)})
    code, found = gate(tmp_path, a, b)
    assert code == 0
    assert set(verdicts(found).values()) == {"inconclusive"}
    assert found["counts"]["undecided"] == 15
    assert all(row["mde"] > 30 for row in found["cells"])
    assert "changes below" in found["cells"][0]["why"]
    capsys.readouterr()
    code, found = gate(tmp_path, a, b, "--strict")
    assert (code, found["status"], found["verdict"]) == (3, "undecided", "inconclusive")
    printed = capsys.readouterr().out
    assert "gate undecided: the gate cannot see what it should see" in printed
    assert (
        f"undecided: XNLI (xglm, 0-shot, acc): {' '.join(XNLI)}: a change of 5 points should be seen, mde " in printed
    )
    config = config_file(tmp_path, "strict = true\nmax_mde = 60")
    assert gate(tmp_path, a, b, "--config", config)[0] == 0, "it need not see more than it can"
    config = config_file(tmp_path, 'strict = true\n[[slice]]\nbenchmarks = ["xnli"]\nrequired = false')
    assert gate(tmp_path, a, b, "--config", config)[0] == 0, "nobody requires it to see anything"


@pytest.mark.parametrize(
    ("fact", "value"),
    [("code", "89abcdef"), ("data", "other"), ("template", "other"), ("lm_eval", "0.4.14"), ("xling_bench", "0.2.0"),
     ("limit", 30), ("split", "dev"), ("settings", {"dtype": "float16"}), ("metrics", {"acc": "another rule"})],
)  # fmt: skip
def test_what_was_measured_differently_is_refused_by_name(tmp_path: Path, capsys, fact: str, value: object) -> None:
    field = {"xling_bench": "v", "settings": "dtype", "metrics": "rule"}.get(fact, fact)
    scores = outcomes(30, ("en", "de"))
    a, b = write_run(tmp_path / "a", scores), write_run(tmp_path / "b", scores, **{fact: value})
    code, found = gate(tmp_path, a, b)
    assert (code, found["status"], found["exit_code"]) == (2, "error", 2)
    error = capsys.readouterr().err
    assert f": {field} differs: " in error
    assert "for baseline, " in error
    assert "run the baseline's model again" in error


def test_a_candidate_that_leaves_items_out_is_refused(tmp_path: Path, capsys) -> None:
    scores = outcomes(60, ("en", "de"))
    a = write_run(tmp_path / "a", scores)
    b = write_run(tmp_path / "b", scores | {"de": scores["de"][:50]})
    assert gate(tmp_path, a, b)[0] == 2
    assert "xnli de xglm 0 none 0 acc: items differs: 60 for baseline, 50 for candidate" in capsys.readouterr().err


# Baselines


@pytest.mark.long
def test_a_baseline_is_small_and_says_what_the_run_says(base: Path, tmp_path: Path, capsys) -> None:
    file, again = tmp_path / "base.parquet", tmp_path / "again.parquet"
    for path in (file, again):
        assert main(["gate", "--candidate", str(base), "--write-baseline", str(path)]) == 0
    assert file.read_bytes() == again.read_bytes()
    assert file.stat().st_size < 60_000
    assert "15 numbers of checkpoint, 75150 item scores" in capsys.readouterr().out
    frame, kept = (run_frame(path) for path in (base, file))
    assert list(frame.columns) == list(kept.columns)
    for name in frame.columns:
        for a, b in zip(frame[name], kept[name], strict=True):
            assert a.equals(b) if name in ("items", "choices", "clusters") else (pd.isna(a) and pd.isna(b)) or a == b
    scores = outcomes(5010)
    worse = write_run(tmp_path / "worse", scores | {"de": turned(scores["de"], 0.03)})
    assert gate(tmp_path, file, worse) == gate(tmp_path, base, worse)
    assert main(["compare", str(file), str(worse)]) == 0


def run_frame(path: Path):
    from xling_bench import load_results

    return load_results(path)


def test_what_is_no_baseline_or_was_changed_is_refused(base: Path, tmp_path: Path, capsys) -> None:
    import pyarrow.parquet as pq

    file = tmp_path / "base.parquet"
    main(["gate", "--candidate", str(base), "--write-baseline", str(file)])
    table = pq.read_table(file)
    changed = table.set_column(table.column_names.index("value"), "value", [[0.99] * 15])
    pq.write_table(changed, tmp_path / "changed.parquet")
    (tmp_path / "cut.parquet").write_bytes(file.read_bytes()[:-100])
    main(["table", str(base), "-o", str(tmp_path / "table.parquet")])
    capsys.readouterr()
    for name, message in (
        ("changed", "one of them was changed"),
        ("cut", "not a baseline, or damaged"),
        ("table", "no baseline of ours"),
        ("nowhere", "does not exist"),
    ):
        assert gate(tmp_path, tmp_path / f"{name}.parquet", base)[0] == 2
        assert message in capsys.readouterr().err
    assert main(["gate", "--candidate", str(base), "--write-baseline", str(tmp_path / "base.json")]) == 2
    assert "a baseline's name ends in .parquet" in capsys.readouterr().err


def _changed(name: str, value: object) -> object:
    return lambda row: row.update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_changed("model", None), "model is None"),
        (_changed("shots", None), "shots is None"),
        (_changed("signature", None), "signature is None"),
        (_changed("signature", "xling|limit:abc"), "not a signature of ours"),
        (_changed("metric", "accc"), "unknown metric"),
        (_changed("harness", "other"), "harness 'other'"),
        (_changed("scores", None), "has items without scores"),
        (_changed("choices", None), "has items without scores"),
        (lambda row: row["scores"].__setitem__(0, math.nan), "scores that are no numbers"),
        (lambda row: row["scores"].__setitem__(slice(2), [math.inf, -math.inf]), "scores that are no numbers"),
        (lambda row: row["ids"].__setitem__(1, row["ids"][0]), "the samples hold 30; some of them twice"),
    ],
)
def test_a_damaged_row_of_a_baseline_is_an_error_of_its_own(tmp_path: Path, capsys, change, message: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = write_run(tmp_path / "run", outcomes(30, ("en", "de")))
    file = tmp_path / "base.parquet"
    main(["gate", "--candidate", str(run), "--write-baseline", str(file)])
    table = pq.read_table(file)
    rows = table.to_pylist()
    change(rows[0])
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    assert gate(tmp_path, file, run)[0] == 2
    assert message in capsys.readouterr().err


def test_a_flipped_bit_in_a_baselines_data_does_not_go_unseen(tmp_path: Path) -> None:
    """What holds no scores (names, statistics) may differ; whatever is read is as it was written, or refused."""
    run = write_run(tmp_path / "run", outcomes(30, ("en", "de")))
    file, cut = tmp_path / "base.parquet", tmp_path / "cut.parquet"
    main(["gate", "--candidate", str(run), "--write-baseline", str(file)])
    data = file.read_bytes()
    whole = run_frame(file)
    for place in range(4, len(data), 97):
        cut.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            found = run_frame(cut)
        except DataError:
            continue
        for name in ("language", "value", "n", "signature"):
            assert found[name].equals(whole[name])
        for name in ("items", "choices", "clusters"):
            assert all(a.equals(b) for a, b in zip(found[name], whole[name], strict=True)), place
