"""A model that learnt 134 real XNLI premises: marked in table, comparison and page, refused by the gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xling_bench.cli.main import main
from xling_bench.results.lineage import FILE, read_lineage
from xling_bench.results.marks import MARK

pytestmark = [pytest.mark.data, pytest.mark.slow]
PREMISES = 134
RECIPE = """
[model]
path = "{model}"

[method]
instruction_weight = 0

[data]
languages = ["en", "de"]
decontaminate = ["xnli"]

[[data.pairs]]
kind = "moses"
name = "premises"
files = {{ en = "{folder}/premises.en", de = "{folder}/premises.de" }}

[run]
steps = 4
pairs = 4
lr = 1e-3
save_every = 2
"""


def premises(data: Path, language: str) -> list[str]:
    """The first different ones of the test set; every one stands three times there."""
    lines = (data / "xnli" / f"test-{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines[: 3 * PREMISES : 3]]


def test_a_model_that_learnt_premises_is_marked_everywhere(real_data: Path, models, tmp_path: Path, capsys) -> None:
    for language in ("en", "de"):
        text = "".join(f"{premise}\n" for premise in premises(real_data, language))
        (tmp_path / f"premises.{language}").write_text(text, encoding="utf-8")
    recipe, out = tmp_path / "recipe.toml", tmp_path / "out"
    recipe.write_text(RECIPE.format(model=models["xglm"], folder=tmp_path), encoding="utf-8")
    assert main(["train", str(recipe), "-o", str(out)]) == 2
    assert "xnli en" in capsys.readouterr().err
    assert main(["train", str(recipe), "-o", str(out), "--set", "data.overlap=allow"]) == 0
    lineage = read_lineage(out / "model" / FILE)
    assert lineage is not None
    assert str(tmp_path) not in lineage.text
    texts = {language: len(set(premises(real_data, language))) for language in ("en", "de")}
    assert lineage.contaminated == {"xnli": texts}
    counts = f"XNLI (de {texts['de']}, en {texts['en']})"
    capsys.readouterr()
    for name, model in (("base", models["xglm"]), ("tuned", out / "model"), ("half", out / "checkpoint-2")):
        options = ["--tasks", "xling_xnli_en,xling_xnli_de,xling_xnli_sw", "--limit", "12"]
        assert main(["run", "--model", f"hf:{model}", *options, "-o", str(tmp_path / name)]) == 0
        rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| XNLI")]
        assert [MARK in row for row in rows] == [name != "base"] * 3
    base, tuned, site = (str(tmp_path / name) for name in ("base", "tuned", "site"))
    assert main(["compare", tuned, base]) == 0
    shown = capsys.readouterr()
    assert f"{MARK}: contaminated" in shown.out
    assert "the base stands first" in shown.err
    assert main(["report", base, tuned, "-o", site]) == 0
    page = (Path(site) / "index.html").read_text(encoding="utf-8")
    assert f"LEARNT: XNLI de {texts['de']}, en {texts['en']}" in page
    assert f"{MARK}</b>" in page
    capsys.readouterr()
    gate = ["gate", "--baseline", base, "--candidate", tuned, "--json", str(tmp_path / "gate.json")]
    assert main(gate) == 2
    assert counts.replace("XNLI", "XNLI of candidate") in capsys.readouterr().err
    assert main([*gate, "--allow-contaminated"]) == 0
    cells = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))["cells"]
    assert all(row["contaminated"] == ["candidate"] for row in cells)
