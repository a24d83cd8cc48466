"""What models are called: never by a path, one name for one model, and chosen where somebody chooses."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gates import gate
from hypothesis import given
from hypothesis import strategies as st
from runs import outcomes, reseal, write_run

from xling_bench import load_results
from xling_bench.cli.main import main
from xling_bench.core.errors import DataError, UsageError
from xling_bench.results.naming import check_name, distinguished, name_here, name_of

UNITS = ("en", "sw")
TYPED = "/home/me/secret"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("facebook/xglm-564M", "facebook/xglm-564M"),
        ("gpt2", "gpt2"),
        (f"{TYPED}/gemma-3-270m", "gemma-3-270m"),
        (f"{TYPED}/gemma-3-270m/", "gemma-3-270m"),
        ("./ckpt", "ckpt"),
        ("../runs/ckpt", "ckpt"),
        ("~/ckpt", "ckpt"),
        ("./aligned/model", "aligned/model"),
        ("/data/aligned/checkpoint-500", "aligned/checkpoint-500"),
        ("/data/aligned/hf/Final", "aligned/hf/Final"),
        ("/home/me/model", "model"),
        ("/Users/me/model", "model"),
        ("/root/model", "model"),
        ("/mnt/home/me/final/model", "final/model"),
        ("/models/gemma-3-270m-Q8_0.gguf", "gemma-3-270m-Q8_0"),
        ("/data/gemma/model-00001-of-00003.gguf", "gemma/model"),
        ("/home/me/.cache/huggingface/hub/models--facebook--xglm-564M/snapshots/0123abcd", "facebook/xglm-564M"),
        (r"C:\Users\me\gemma", "gemma"),
        (r"\\server\share\users\me\model", "model"),
        ("/data/users/me/final", "final"),
        ("~me/final", "final"),
        ("/home/me", "model"),
        ("/root", "model"),
        ("/", "model"),
        ("..", "model"),
    ],
)
def test_a_model_is_called_by_its_last_part_that_says_something(place: str, name: str) -> None:
    assert name_of(place) == name


@given(st.lists(st.from_regex(r"[a-z]{3,8}(-\d+)?|model|checkpoint-\d+", fullmatch=True), min_size=1, max_size=6))
def test_no_name_is_a_path_and_names_end_as_their_paths(parts: list[str]) -> None:
    name = name_of("/home/me/" + "/".join(parts))
    assert not name.startswith("/")
    assert "me" not in name.split("/")
    assert "/".join(parts).endswith(name)


def test_here_a_folder_is_a_folder_whatever_it_looks_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facebook" / "xglm-564M").mkdir(parents=True)
    (tmp_path / "aligned" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert (name_here("facebook/xglm-564M"), name_here("facebook/xglm-1.7B")) == ("xglm-564M", "facebook/xglm-1.7B")
    monkeypatch.chdir("aligned/model")
    assert {name_here(place) for place in (".", "./", "../model", str(tmp_path / "aligned/model"))} == {"aligned/model"}
    assert name_here("gpt2", ".") == "gpt2+aligned/model"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "\u202eevil", "a\ud800", "zero\u200bwidth"])
def test_a_name_nobody_could_see_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a name to show for the model"):
        check_name(name, "--name")
    with pytest.raises(UsageError, match="expected a name to show for the model"):
        load_results(f"{name}={write_run(tmp_path / 'run', outcomes(20, UNITS))}")


def test_other_names_are_taken_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert [check_name(name, "--name") for name in (" gemma 3 ", "模型", "a=b", "facebook/x")] == [
        "gemma 3", "模型", "a=b", "facebook/x"
    ]  # fmt: skip
    assert main(["run", "--model", "hf:gpt2", "--name", "a\tb", "-o", "nowhere"]) == 2
    assert "U+0009" in capsys.readouterr().err
    assert not Path("nowhere").exists()


def test_two_models_of_one_name_stay_two() -> None:
    ours, theirs = "xling-bench", "lm_eval"
    models = [("a", ours, "0" * 16), ("a", ours, "1" * 16), ("a", theirs, "2" * 16), ("b", theirs, "3" * 16)]
    assert distinguished([*models, models[0]]) == ["a (00000000)", "a (11111111)", "a (lm_eval)", "b", "a (00000000)"]
    assert distinguished([("b", theirs, "3" * 16), ("b", theirs, "4" * 16)]) == ["b (33333333)", "b (44444444)"]
    with pytest.raises(UsageError, match="NAME=RUN"):
        distinguished([*models, ("a (00000000)", ours, "5" * 16)])


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["xling-bench", "lm_eval"]), st.sampled_from("01"))))
def test_names_are_one_to_one_with_models(models: list[tuple[str, str, str]]) -> None:
    shown = distinguished(models)
    assert len(set(zip(shown, models, strict=True))) == len(set(shown)) == len(set(models))


def alike(folder: Path) -> tuple[Path, Path]:
    """Two runs of models called `gemma` whose fingerprints differ."""
    runs = [
        write_run(folder / side, outcomes(60, UNITS, seed=ord(side)), model=f"{TYPED}/{side}/gemma") for side in "ab"
    ]
    for path in runs[1].glob("*/*/results.json"):
        path.write_text(path.read_text().replace("0123456789abcdef", "fedcba9876543210"))
        reseal(path.parent)
    return runs[0], runs[1]


@pytest.mark.long
def test_no_table_file_or_page_has_the_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = alike(tmp_path)
    frame = load_results([a, b])
    assert set(frame["model"]) == {"gemma (01234567)", "gemma (fedcba98)"}
    site, out = tmp_path / "site", tmp_path / "out"
    out.mkdir()
    for form in ("csv", "json", "parquet"):
        assert main(["table", str(a), str(b), "-o", str(out / f"all.{form}")]) == 0
    assert main(["report", f"base={a}", str(b), "-o", str(site)]) == 0
    for how in ("--summary", "--intervals", "--spread", "--ranks", "--by=resource", "--layout=afp-9"):
        assert main(["table", str(a), str(b), how]) == 0
    assert main(["compare", str(a), f"tuned={b}"]) == 0
    files = {f"--{name}": str(out / f"gate.{name}") for name in ("json", "markdown", "junit")}
    main(["gate", "--baseline", str(a), "--candidate", f"tuned={b}", *(x for pair in files.items() for x in pair)])
    assert main(["gate", "--candidate", str(a), "--write-baseline", str(out / "base.parquet")]) == 0
    printed = capsys.readouterr()
    assert "A: gemma  \nB: tuned" in printed.out
    assert "candidate: tuned" in printed.out
    assert "secret" not in (printed.out + printed.err).replace(str(tmp_path), "")
    kept = [path for folder in (site, out) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in kept if b"secret" in path.read_bytes()] == []
    assert set(load_results(out / "base.parquet")["model"]) == {"gemma"}


def test_an_older_baseline_holds_paths_that_are_not_shown(tmp_path: Path) -> None:
    run, file = write_run(tmp_path / "run", outcomes(60, UNITS), model="./x"), tmp_path / "old.parquet"
    assert main(["gate", "--candidate", str(run), "--write-baseline", str(file)]) == 0
    table = pq.read_table(file)
    models = pa.array([f"{TYPED}/gemma + {TYPED}/lora"] * len(table))
    old = table.set_column(table.schema.get_field_index("model"), "model", models)
    pq.write_table(old.replace_schema_metadata({b"xling_baseline": b"1"}), file)
    assert set(load_results(file)["model"]) == {"gemma+lora"}


def test_chosen_names_decide_what_is_one_model(tmp_path: Path) -> None:
    a, b = alike(tmp_path)
    assert set(load_results([f"x={a}", f"y={b}"])["model"]) == {"x", "y"}
    assert set(load_results([f"x={a}", f"x={b}"])["model"]) == {"x (01234567)", "x (fedcba98)"}, "never merged"
    five = write_run(tmp_path / "five", outcomes(60, UNITS), model="./elsewhere/copy", shots=5)
    assert set(load_results([f"x={a}", f"x={five}"])["model"]) == {"x"}, "one model at 0 and 5 shots"
    mixed = write_run(write_run(tmp_path / "mixed", outcomes(60, ("en",))), outcomes(60, ("sw",)), model="./other")
    with pytest.raises(UsageError, match=r"several models \(checkpoint, other\)"):
        load_results(f"x={mixed}")


def test_a_path_with_an_equals_sign_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "lr=1e-5", outcomes(60, UNITS), model="./typed")
    write_run(tmp_path / "1e-5", outcomes(60, UNITS), model="./other")
    assert set(load_results("lr=1e-5")["model"]) == {"typed"}, "a path as it stands is one"
    assert set(load_results("lr=./1e-5")["model"]) == {"lr"}
    assert set(load_results("a=lr=1e-5")["model"]) == {"a"}, "the first sign parts name and run"
    assert set(load_results(Path("lr=1e-5"))["model"]) == {"typed"}
    for missing in ("x=nothing", "nothing", "x="):
        with pytest.raises(DataError, match="does not exist"):
            load_results(missing)
    with pytest.raises(DataError, match="does not exist"):
        load_results(Path("x=1e-5"))


def test_the_runs_own_name_holds_for_all_of_its_results(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en",)), name="gemma")
    write_run(run, outcomes(60, ("sw",)), model="/home/me/model")  # of an older version, before the folder had a name
    own = {"fingerprint": "0123456789abcdef", "name": "gemma"}
    (run / "run.json").write_text(json.dumps(own), encoding="utf-8")
    assert set(load_results(run)["model"]) == {"gemma"}
    for damaged in ("", "[]", "{}", '{"name": 3, "fingerprint": []}', '{"name": 3, "fingerprint": "0"}'):
        (run / "run.json").write_text(damaged, encoding="utf-8")
        assert set(load_results(run)["model"]) == {"gemma", "model"}


def test_compare_tells_one_model_in_two_folders_apart_by_folders(tmp_path: Path, capsys) -> None:
    a, b = (write_run(tmp_path / side / "gemma", outcomes(60, UNITS, seed=n)) for n, side in enumerate("ab"))
    assert main(["compare", str(a), str(b)]) == 0
    assert "A: checkpoint (a/gemma)  \nB: checkpoint (b/gemma)" in capsys.readouterr().out
    other = alike(tmp_path / "alike")
    assert main(["compare", *map(str, other)]) == 0
    assert "A: gemma (01234567)  \nB: gemma (fedcba98)" in capsys.readouterr().out


def test_the_gate_names_both_sides_as_asked(tmp_path: Path) -> None:
    a, b = alike(tmp_path)
    _, found = gate(tmp_path, f"main={a}", f"pull request={b}")  # type: ignore[arg-type]
    assert (found["baseline"], found["candidate"]) == ("main", "pull request")
    assert main(["gate", "--candidate", f"main={a}", "--write-baseline", str(tmp_path / "base.parquet")]) == 0
    assert set(pd.read_parquet(tmp_path / "base.parquet")["model"]) == {"main"}
    assert main(["gate", "--candidate", f"main={a}", "--write-baseline", str(a / "items.parquet")]) == 2
