"""The gate: what regresses, what is not seen, what cannot be compared, and the files it writes."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import XNLI, outcomes, turned, write_run

from xling_bench import content
from xling_bench.cli.main import main
from xling_bench.errors import UsageError
from xling_bench.regress.config import GateConfig, Slice, read_config
from xling_bench.regress.gate import run_gate
from xling_bench.regress.output import LONGEST_COMMENT, to_json, to_junit, to_markdown, to_text
from xling_bench.regress.verdict import Difference, Gate, find, judge, worst_first
from xling_bench.results.compare import GAP, MEAN

CELL = Difference("xnli", "xglm", 0, "none", "acc", "de", 1, 5010, 60.0, 57.0, -3.0, -3.5, -2.5, 1e-6, 0.4, 0, 0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of XNLI as large as the real one: 15 languages, 5,010 items."""
    return write_run(tmp_path_factory.mktemp("runs") / "base", outcomes(5010))


def gate(tmp_path: Path, baseline: Path, candidate: Path, *options: str) -> tuple[int, dict]:
    """Exit code and JSON of the command."""
    path = tmp_path / "gate.json"
    path.unlink(missing_ok=True)
    code = main(["gate", "--baseline", str(baseline), "--candidate", str(candidate), "--json", str(path), *options])
    return code, json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def config_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def verdicts(found: dict) -> dict[str, str]:
    return {row["language"]: row["verdict"] for row in (*found["cells"], *found["averages"])}


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
    assert (code, found) == (2, {})
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


def test_a_baseline_is_small_and_says_what_the_run_says(base: Path, tmp_path: Path, capsys) -> None:
    file, again = tmp_path / "base.parquet", tmp_path / "again.parquet"
    for path in (file, again):
        assert main(["gate", "--candidate", str(base), "--write-baseline", str(path)]) == 0
    assert file.read_bytes() == again.read_bytes()
    assert file.stat().st_size < 60_000
    assert "15 numbers of ./checkpoint, 75150 item scores" in capsys.readouterr().out
    frame, kept = (run_frame(path) for path in (base, file))
    assert list(frame.columns) == list(kept.columns)
    for name in frame.columns:
        for a, b in zip(frame[name], kept[name], strict=True):
            assert a.equals(b) if name in ("items", "choices") else a == b
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


# Errors


def test_bad_input_is_exit_code_2_and_says_what_to_do(base: Path, tmp_path: Path, capsys) -> None:
    scores = outcomes(30, ("en", "de"))
    small = write_run(tmp_path / "small", scores)
    mixed = write_run(write_run(tmp_path / "mixed", {"en": scores["en"]}), {"de": scores["de"]}, model="./other")
    sample = write_run(tmp_path / "sample", scores, source="sample")
    f1 = write_run(tmp_path / "f1", {"en": scores["en"]}, benchmark="xquad", metric="exact")
    for a, b, message in (
        (tmp_path, small, "holds no results"),
        (mixed, small, "holds results of 2 models"),
        (sample, sample, "--allow-sample"),
        (base, small, "lacks 13 of the baseline's 15 cells: xnli xglm 0 none acc: ar bg el"),
        (f1, f1, "none of the headline metrics"),
    ):
        assert gate(tmp_path, a, b)[0] == 2
        assert message in capsys.readouterr().err
    assert gate(tmp_path, sample, sample, "--allow-sample")[0] == 0
    assert "SAMPLE DATA" in capsys.readouterr().out
    for arguments in ([], ["--baseline", str(small), "--write-baseline", "x.parquet"]):
        assert main(["gate", "--candidate", str(small), *arguments]) == 2
        assert "either --baseline RUN" in capsys.readouterr().err
    assert main(["gate", "--candidate", str(small), "--write-baseline", "x.parquet", "--json", "x.json"]) == 2
    assert "--json: --write-baseline compares nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tolerence = 1", "unknown key 'tolerence'. Did you mean 'tolerance'"),
        ("[[slice]]\nbenchmark = ['xnli']", "unknown key 'slice.0.benchmark'. Did you mean 'benchmarks'"),
        ("[[slice]]\nbenchmarks = ['xnl']", "slice.0.benchmarks: unknown benchmark 'xnl'. Did you mean 'xnli'"),
        ("[[slice]]\nlanguages = ['en-xx']", "slice.0.languages: unknown language 'xx'"),
        ("metrics = ['accc']", "metrics: unknown metric 'accc'. Did you mean 'acc'"),
        ("alpha = 1.5", "alpha: Input should be less than 1"),
        ("tolerance = nan", "tolerance: Input should be"),
        ("gap = 'fail'", "gap: Input should be 'gate' or 'report'"),
        ("alpha = ", "not valid TOML"),
    ],
)
def test_settings_are_checked_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_config(Path(config_file(tmp_path, text)))
    assert message in str(error.value)


def test_settings_that_cannot_be_read(tmp_path: Path, capsys) -> None:
    assert main(["gate", "--baseline", "a", "--candidate", "b", "--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: cannot be read" in capsys.readouterr().err


def test_settings_choose_and_require(tmp_path: Path, capsys) -> None:
    scores = outcomes(30, ("en", "de"))
    run = write_run(write_run(tmp_path / "run", scores), scores, shots=5)
    assert len(gate(tmp_path, run, run)[1]["cells"]) == 4
    assert len(gate(tmp_path, run, run, "--config", config_file(tmp_path, "shots = [5]"))[1]["cells"]) == 2
    capsys.readouterr()
    for text, message in (
        ("shots = [2]", "has no 2-shot"),
        ("metrics = ['acc', 'f1']", "has no metric f1"),
        ("seeds = [3]", "has no seed 3"),
        ("[[slice]]\nlanguages = ['swh_Latn']\nrequired = true", "slice 1 of the gate's settings requires sw"),
    ):
        assert gate(tmp_path, run, run, "--config", config_file(tmp_path, text))[0] == 2
        assert message in capsys.readouterr().err
    assert Slice(languages=("deu_Latn", "zh-Hant", "en-swh_Latn", MEAN)).languages == ("de", "zh_hant", "en-sw", MEAN)


def test_the_committed_settings_are_the_defaults_but_for_slices() -> None:
    config = read_config(content.folder("reports") / "gate.toml")
    assert config.model_copy(update={"slice": ()}) == GateConfig()
    assert not config.limits("flores", "en-de").required
    assert config.limits("xcopa", "sw").max_mde == 8


def test_missing_cells_may_be_ignored_and_are_named(base: Path, tmp_path: Path) -> None:
    scores = outcomes(5010)
    part = write_run(tmp_path / "part", {unit: scores[unit] for unit in ("en", "de", "sw")})
    extra = write_run(part, {"sw": scores["sw"]}, shots=5)
    code, found = gate(tmp_path, base, extra, "--config", config_file(tmp_path, 'missing = "ignore"'))
    assert code == 0
    assert [row["language"] for row in found["cells"]] == ["en", "de", "sw"]
    assert found["notes"][:2] == [
        "Not compared, only the baseline has: xnli xglm 0 none acc: ar bg el es fr hi ru th tr ur vi zh.",
        "Not compared, only the candidate has: xnli xglm 5 same acc: sw.",
    ]


def test_unequal_seeds_are_refused_with_the_setting_that_helps(tmp_path: Path, capsys) -> None:
    scores = outcomes(200, ("en", "de"))
    one = write_run(tmp_path / "one", scores, shots=5)
    two = write_run(write_run(tmp_path / "two", scores, shots=5), scores, shots=5, seed=1)
    assert gate(tmp_path, two, one)[0] == 2
    assert "In gate.toml: seeds = [...]" in capsys.readouterr().err
    assert gate(tmp_path, two, one, "--config", config_file(tmp_path, "seeds = [0]"))[0] == 0


# Verdicts


def test_chance_on_both_sides_is_no_verdict_but_falling_to_chance_is(tmp_path: Path) -> None:
    """XNLI, chance 1/3. English answers one class always (60 % right, then 40 %); German falls from 60 % to chance."""
    always = {unit: np.full(1000, 2) for unit in ("en", "de")}
    mixed = {unit: np.arange(1000) % 3 for unit in ("en", "de")}
    good, bad = np.array([1.0] * 600 + [0.0] * 400), np.array([1.0] * 400 + [0.0] * 600)
    chance = np.array([1.0] * 333 + [0.0] * 667)
    a = write_run(tmp_path / "a", {"en": good, "de": good}, choices={"en": always["en"], "de": mixed["de"]})
    b = write_run(tmp_path / "b", {"en": bad, "de": chance}, choices={"en": always["en"], "de": mixed["de"]})
    code, found = gate(tmp_path, a, b)
    assert code == 1
    english, german = found["cells"]
    assert english["verdict"] == "inconclusive"
    assert "at chance on both sides" in english["why"]
    assert (german["verdict"], german["at_chance_baseline"], german["at_chance_candidate"]) == ("regressed", 0, 1)
    assert found["counts"]["at chance"] == 1


def test_a_little_everywhere_is_seen_in_the_mean(tmp_path: Path) -> None:
    """Seven of 1,000 items lost in each language: nowhere significant (2 * 2^-7 * 15 > 0.05), together clearly."""
    scores = outcomes(1000)
    worse = {unit: turned(values, 0.007, seed) for seed, (unit, values) in enumerate(scores.items())}
    a, b = write_run(tmp_path / "a", scores), write_run(tmp_path / "b", worse)
    code, found = gate(tmp_path, a, b)
    assert code == 1
    assert [unit for unit, verdict in verdicts(found).items() if verdict == "regressed"] == [MEAN]
    config = config_file(tmp_path, 'mean = "report"')
    code, found = gate(tmp_path, a, b, "--config", config)
    assert code == 0
    assert verdicts(found)[MEAN] == "regressed", "reported all the same"


def test_a_larger_gap_is_worse_and_gates_when_asked(tmp_path: Path, capsys) -> None:
    """English gains 40 points: nothing is lost but the gap."""
    scores = outcomes(1000, ("en", "de", "sw"))
    better = scores | {"en": np.ones(1000)}
    a, b = write_run(tmp_path / "a", scores), write_run(tmp_path / "b", better)
    code, found = gate(tmp_path, a, b)
    assert (code, found["verdict"]) == (0, "improved")
    assert verdicts(found) == {
        "en": "improved", "de": "inconclusive", "sw": "inconclusive", MEAN: "improved", GAP: "regressed"
    }  # fmt: skip
    assert "regressed (reported only): XNLI (xglm, 0-shot, acc) (gap to en)" in capsys.readouterr().out
    assert gate(tmp_path, a, b, "--config", config_file(tmp_path, 'gap = "gate"'))[0] == 1
    assert gate(tmp_path, b, a, "--config", config_file(tmp_path, 'gap = "gate"'))[1]["averages"][1]["verdict"] == (
        "improved"
    )


def test_corpus_scores_are_shown_and_never_pass_for_tested(tmp_path: Path, capsys) -> None:
    scores = outcomes(200, ("en-de", "de-en"))
    a = write_run(tmp_path / "a", scores, benchmark="flores", metric="chrf")
    b = write_run(tmp_path / "b", {k: 1 - v for k, v in scores.items()}, benchmark="flores", metric="chrf")
    code, found = gate(tmp_path, a, b)
    assert code == 0
    assert [row["language"] for row in found["cells"]] == ["de-en", "en-de"]
    assert found["cells"][0]["p"] is None
    assert found["cells"][0]["difference"] != 0
    assert "Shown, not tested, for they are no means over items: flores chrf." in found["notes"]
    assert gate(tmp_path, a, b, "--strict")[0] == 3
    assert "a change of 5 points should be seen, this metric has no test" in capsys.readouterr().out
    assert found["cells"][0]["why"] == "chrf is no mean over items: no test"


def test_slices_limit_and_the_last_that_matches_counts() -> None:
    config = GateConfig(
        tolerance=1,
        slice=(Slice(tolerance=2, benchmarks=("xnli",)), Slice(languages=("de",), tolerance=5, max_mde=9)),
    )
    assert [config.limits("xnli", unit).tolerance for unit in ("de", "fr")] == [5, 2]
    assert config.limits("xcopa", "fr").tolerance == 1
    assert config.limits("xnli", "de").max_mde == 9
    assert find(CELL, config).verdict == "inconclusive"
    assert find(CELL, config).why == "3.0 points worse: significant, within the tolerance of 5"
    assert find(replace(CELL, language="fr"), config).verdict == "regressed"
    assert find(replace(CELL, difference=3.0), GateConfig()).verdict == "improved"


differences = st.builds(
    lambda difference, p, mde, chance: replace(
        CELL, difference=difference, p=p, mde=mde, at_chance_baseline=chance[0], at_chance_candidate=chance[1]
    ),
    st.floats(-100, 100),
    st.floats(0, 1),
    st.floats(0.1, 100) | st.just(math.inf),
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
)


@given(differences, st.floats(0, 50), st.floats(0, 50))
def test_more_tolerance_finds_no_more(row: Difference, one: float, other: float) -> None:
    low, high = (find(row, GateConfig(tolerance=t)) for t in sorted((one, other)))
    assert high.verdict in (low.verdict, "inconclusive")
    assert low.undecided or not high.undecided


@given(differences)
def test_an_interchange_of_the_two_runs_mirrors_the_verdict(row: Difference) -> None:
    there = find(row, GateConfig()).verdict
    back = find(replace(row, difference=-row.difference), GateConfig()).verdict
    mirrored = {"regressed": "improved", "improved": "regressed", "inconclusive": "inconclusive"}
    assert row.difference == 0 or back == mirrored[there]


@given(st.lists(differences, min_size=1, max_size=6), st.booleans())
def test_the_build_fails_exactly_when_something_regressed(rows: list[Difference], strict: bool) -> None:
    config = GateConfig(strict=strict)
    found = Gate("a", "b", config, judge(rows, config))
    regressed = any(finding.verdict == "regressed" for finding in found.findings)
    assert (found.exit_code == 1) == regressed
    assert found.exit_code in ((0, 1, 3) if strict else (0, 1))
    assert json.loads(to_json(found))["counts"]["regressed"] == sum(f.verdict == "regressed" for f in found.findings)
    worst = worst_first(found.findings)
    assert (worst[0].verdict == "regressed") == regressed


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 60), st.integers(0, 10**6), st.permutations(["en", "de", "sw"]))
def test_a_run_never_loses_to_itself_and_order_changes_nothing(
    tmp_path_factory, items: int, seed: int, order: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("gate")
    scores, other = outcomes(items, order, seed=seed), outcomes(items, ("sw", "de", "en"), seed=seed + 1)
    a = write_run(folder / "a", scores)
    b = write_run(folder / "b", other, model="./other")
    assert run_gate(a, a, GateConfig(), draws=50).status == "passed"
    shuffled = write_run(folder / "shuffled", dict(sorted(other.items())), model="./other")
    assert to_json(run_gate(a, b, GateConfig(), draws=50)) == to_json(run_gate(a, shuffled, GateConfig(), draws=50))


# Files


def odd_gate(cells: int = 2, name: str = "a|b <i>@all</i> `x` \x00\ud800 [y](z)") -> Gate:
    config = GateConfig()
    rows = [replace(CELL, language=unit) for unit in (XNLI * (cells // len(XNLI) + 1))[:cells]]
    findings = tuple(find(row, config) for row in rows)
    return Gate(name.encode(errors="replace").decode(), "candidate", config, findings, ("a note & more",))


def test_odd_names_break_no_format() -> None:
    found = odd_gate()
    suites = fromstring(to_junit(found))
    assert [case.get("classname") for case in suites.iter("testcase")] == ["xnli.xglm.0-shot.none.acc"] * 2
    odd = replace(CELL, family='f"<>&\x08', demos="\ufffe")
    parsed = fromstring(to_junit(replace(found, findings=(find(odd, found.config),))))
    assert next(parsed.iter("testcase")).get("classname") == 'xnli.f"<>&\ufffd.0-shot.\ufffd.acc'
    text = to_markdown(found)
    assert "<i>" not in text
    assert "@all" not in text
    assert "](z)" not in text
    assert json.loads(to_json(found))["baseline"].startswith("a|b")
    assert "a|b <i>" in to_text(found)


def test_a_comment_fits_github_and_counts_what_was_cut() -> None:
    text = to_markdown(odd_gate(2000, "mödel" * 20))
    assert len(text.encode()) <= LONGEST_COMMENT
    assert "more rows are in the JSON file." in text
    assert text.endswith("</details>\n")
    assert text.count("- regressed:") == 10
    assert "- and 1990 more, below" in text
    assert len(to_markdown(odd_gate(15)).encode()) < 5000


def test_bytes_are_the_same_each_time(base: Path, tmp_path: Path) -> None:
    scores = outcomes(5010)
    worse = write_run(tmp_path / "worse", scores | {"el": turned(scores["el"], 0.05)})
    first, second = (run_gate(base, worse, GateConfig(), draws=200) for _ in range(2))
    for form in (to_json, to_junit, to_markdown, to_text):
        assert form(first) == form(second)


def test_infinite_mde_is_null_and_said(tmp_path: Path) -> None:
    scores = outcomes(6)
    run = write_run(tmp_path / "run", scores)
    code, found = gate(tmp_path, run, run, "--strict")
    assert code == 3
    assert found["cells"][0]["mde"] is None
    assert "with so few items no change could be seen" in found["cells"][0]["why"]
