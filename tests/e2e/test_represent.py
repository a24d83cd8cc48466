"""`xling-bench represent` as a command, on tiny models of three kinds and the sample."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import warm
from test_adapters import adapter
from test_represent_latent import DE, ZH
from tinygguf import make_llama, make_tokenizer, write_gguf

pytestmark = pytest.mark.e2e
LANGS = ["--langs", "de,es,zh", "--data", "sample"]


def represent(*arguments: object) -> subprocess.CompletedProcess:
    return warm.command("represent", *map(str, arguments), environment=dict(os.environ))


def alignment(folder: Path) -> dict:
    return json.loads((folder / "alignment.json").read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_models_beside_their_baselines(models, tmp_path) -> None:
    """Two models and what has learnt nothing, every number with its signature; a second command computes no state."""
    out = tmp_path / "out"
    command = [f"hf:{models['xglm']}", f"hf:{models['llama']}", *LANGS, "-o", out]
    done = represent(*command)
    assert done.returncode == 0, done.stderr
    found = alignment(out)
    names = {"xglm", "xglm (random)", "llama", "llama (random)"}
    assert {record["model"] for record in found["records"]} == {*names, "string overlap"}
    for name in names:
        own = [record for record in found["records"] if record["model"] == name]
        assert {record["layer"] for record in own if record["measure"] == "cka"} == {0, 1, 2}
        assert {record["pair"] for record in own if record["measure"] == "retrieval_weak"} == {
            "en-de", "de-en", "en-es", "es-en", "en-zh", "zh-en",
        }  # fmt: skip
        facts = found["signatures"][own[0]["signature"]]
        assert facts["weights"] == ("random" if "random" in name else "own")
        assert {facts["pooling"], facts["origin"], facts["depth"]} == {"mean", "built-in sample", 2}
        assert all(record["signature"] == own[0]["signature"] for record in own)
    states = sorted((out / "states").rglob("*.npz"))
    assert len(states) == 4 * 4
    with np.load(states[0]) as file:
        assert {file[f"layer_{layer}"].dtype for layer in range(3)} == {np.dtype("float32")}
    assert "| xglm (random) | en-de |" in done.stdout
    before = {path: path.stat().st_mtime_ns for path in states}
    again = represent(*command)
    assert again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in states} == before


def test_an_adapter_and_a_gguf_file(models, tmp_path) -> None:
    """By the loader of `run`: an adapter that adds nothing leaves the model's states."""
    plain = represent(f"hf:{models['llama']}", *LANGS, "--layers", "mid,last", "--no-random", "-o", tmp_path / "a")
    zero = adapter(tmp_path / "zero", models["llama"])
    added = represent(f"hf:{models['llama']}", *LANGS, "--layers", "mid,last", "--no-random", "--peft", zero,
                      "--name", "both", "-o", tmp_path / "b")  # fmt: skip
    tokenizer = make_tokenizer()
    file = write_gguf(tmp_path / "tiny.gguf", make_llama(len(tokenizer)), tokenizer)
    gguf = represent(f"gguf:{file}", *LANGS, "--layers", "1", "--pooling", "last", "-o",
                     tmp_path / "c")  # fmt: skip
    assert [plain.returncode, added.returncode, gguf.returncode] == [0, 0, 0], (plain, added, gguf)
    values = [
        {(each["pair"], each["layer"], each["measure"]): each["value"] for each in alignment(tmp_path / run)["records"]}
        for run in "ab"
    ]
    assert values[1] == pytest.approx(values[0], abs=1e-5)
    assert {record["model"] for record in alignment(tmp_path / "c")["records"]} == {
        "tiny", "tiny (random)", "string overlap",
    }  # fmt: skip


def test_interventions_beside_the_states_as_they_are(models, tmp_path) -> None:
    """Fitted on other sentences of the sample; the numbers before are those of a command without."""
    command = [f"hf:{models['llama']}", *LANGS, "--layers", "last", "--no-random"]
    assert represent(*command, "-o", tmp_path / "plain").returncode == 0
    done = represent(*command, "--intervene", "centre,lsar,rotate", "--fit", "flores-dev", "-o", tmp_path / "changed")
    assert done.returncode == 0, done.stderr
    by: dict[str | None, list] = {}
    found = alignment(tmp_path / "changed")
    for record in found["records"]:
        by.setdefault(record["intervention"], []).append(record)
    assert by[None] == alignment(tmp_path / "plain")["records"]
    assert set(by) == {None, "centre", "lsar", "rotate"}
    assert {found["signatures"][record["signature"]]["fitted_on"] for record in by["lsar"]} == {"flores-dev"}
    assert "| llama, rotate | en-de |" in done.stdout
    for wrong, message in ((["--intervene", "center", "--fit", "flores-dev"], "Did you mean 'centre'?"),
                           (["--intervene", "centre"], "--intervene and --fit belong together"),
                           (["--intervene", "centre", "--fit", "flores"], "has sentences of --pairs")):  # fmt: skip
        refused = represent(*command, *wrong, "-o", tmp_path / "refused")
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert message in refused.stderr


def dictionaries(folder: Path) -> list[str]:
    """--dictionary of a few German and Chinese words."""
    for key, words in (("de", DE), ("zh", ZH)):
        lines = (f"{english}\t{word}\n" for english, known in words.items() for word in known)
        (folder / f"en-{key}.txt").write_text("".join(lines), encoding="utf-8")
    return ["--dictionary", str(folder / "en-{lang}.txt")]


def test_latent_language(models, tmp_path) -> None:
    """Beside its random twin, every number with its signature; a second command computes nothing; a word more is
    another number, the old ones are kept."""
    out = tmp_path / "out"
    command = [f"hf:{models['xglm']}", "--langs", "de", "--data", "sample", "--latent", "de-zh,zh-de,de-de",
               *dictionaries(tmp_path), "-o", out]  # fmt: skip
    done = represent(*command, "--latent-words", "5")
    assert done.returncode == 0, done.stderr
    found = alignment(out)
    latent = [record for record in found["records"] if record["measure"].startswith("latent_")]
    assert {record["pair"] for record in latent} == {"de-zh", "zh-de", "de-de"}
    for pair in ("de-zh", "zh-de"):
        own = {(record["measure"], record["layer"]) for record in latent
               if record["pair"] == pair and record["model"] == "xglm"}  # fmt: skip
        assert own == {(f"latent_{name}", layer) for name in ("english", "target", "source", "share_english")
                       for layer in range(3)}  # fmt: skip
    marks = [found["signatures"][record["signature"]] for record in latent]
    assert {(each["weights"], each["words"], each["depth"]) for each in marks} == {("own", 5, 2), ("random", 5, 2)}
    assert len({record["signature"] for record in latent}) == 6
    assert "| xglm (random) | zh-de |" in done.stdout
    assert "note: latent de-zh: 5 words; passed over: 2 beginning alike, 1 of several meanings\n" in done.stderr
    kept = {path: path.stat().st_mtime_ns for path in (out / "latent").rglob("*.npz")}
    assert len(kept) == 6
    again = represent(*command, "--latent-words", "5")
    assert again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in (out / "latent").rglob("*.npz")} == kept
    assert represent(*command, "--latent-words", "6").returncode == 0
    assert len(list((out / "latent").rglob("*.npz"))) == 12
    assert alignment(out)["records"] != found["records"]


def test_a_rotation_from_a_dictionary(models, tmp_path) -> None:
    """Of the words of files; what is not rotated keeps its numbers."""
    command = [f"hf:{models['llama']}", "--langs", "de,zh", "--data", "sample", "--layers", "last", "--no-random"]
    turned = ["--intervene", "rotate,rotate-dictionary", "--fit", "flores-dev"]
    done = represent(*command, *turned, *dictionaries(tmp_path), "-o", tmp_path / "turned")
    assert done.returncode == 0, done.stderr
    found = alignment(tmp_path / "turned")
    values: dict[str | None, dict] = {}
    for record in found["records"]:
        own = record["pair"], record["measure"], record["layer"], record["n"]
        values.setdefault(record["intervention"], {})[own] = record["value"]
        words = found["signatures"][record["signature"]].get("words")
        assert set(words or {}) == ({"de", "zh"} if record["intervention"] == "rotate-dictionary" else set())
    assert set(values) == {None, "rotate", "rotate-dictionary"}
    cosines = [[value for (_, measure, *_), value in own.items() if measure == "cosine"] for own in values.values()]
    assert len(cosines[0]) == 2  # of two languages
    assert cosines[0] != cosines[1] != cosines[2]
    refused = represent(*command, *turned, "-o", tmp_path / "refused")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "dictionaries are read from files: set XLING_DATA_DIR" in refused.stderr


# The command, which kills itself where the MOMENT-th function of those that compute and write begins: the same on any
# machine. Small parts, so that there are several of everything.
COUNTED = """
import os, signal, sys
from xling_bench.cli.main import main
from xling_bench.represent import reader
reader.PART, reader.TOKENS, calls = 2, 160, 0
WHERE = "/represent/store.py", "/represent/reader.py", "/represent/measurer.py", "/core/files.py"
def count(frame, event, _):
    global calls
    if event == "call" and frame.f_code.co_filename.endswith(WHERE):
        calls += 1
        if calls == {moment}:
            os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(count)
code = main({arguments})
sys.setprofile(None)
print(calls)
sys.exit(code)
"""


def counted(arguments: list[str], moment: int = 0) -> subprocess.CompletedProcess:
    return warm.run("-c", COUNTED.format(moment=moment, arguments=arguments), environment=dict(os.environ))


@pytest.mark.slow
def test_killed_at_ten_random_moments_it_ends_in_the_same_bytes(models, tmp_path) -> None:
    """kill -9, again and again, at moments spread over states, lenses and numbers: all that a command has to do where
    nothing is left to compute, and more where something is."""
    command = ["represent", f"hf:{models['bloom']}", "--langs", "de", "--data", "sample", "--limit", "4", "--layers",
               "1,last", "--latent", "de-zh", *dictionaries(tmp_path), "-o"]  # fmt: skip
    assert counted([*command, str(tmp_path / "whole")]).returncode == 0
    whole = contents(tmp_path / "whole")
    again = counted([*command, str(tmp_path / "whole")])
    assert contents(tmp_path / "whole") == whole
    calls, killed, left = int(again.stdout.split()[-1]), tmp_path / "killed", set()
    rng = np.random.default_rng(0)
    for number in range(10):
        moment = 1 + int(calls * ((number + rng.random()) / 10) ** 2)  # more at the beginning, where files are written
        assert counted([*command, str(killed)], moment).returncode == -signal.SIGKILL
        left.add(frozenset(contents(killed)))
    assert len(left) > 3, left  # nothing, some states, some of what the lens reads, all but the numbers
    assert any("latent" in path for found in left for path in found), left
    done = counted([*command, str(killed)])
    assert done.returncode == 0, done.stderr
    assert contents(killed) == whole


@pytest.mark.parametrize(("change", "message"), [
    (["--layers", "3"], "--layers 3: unknown layer; expected numbers from 0 (the embedding) to 2"),
    (["--layers", "first"], "unknown layer"),
    (["--langs", "en"], "one language has no translations"),
    (["--langs", "xyz"], "unknown language 'xyz'"),
    (["--pooling", "max"], "--pooling 'max'"),
    (["--limit", "1"], "--limit 1: expected 2 sentences or more"),
    (["--pairs", "nowhere.tsv"], "no such file"),
    (["--pairs", "short.{lang}"], "en has 2 sentences, de 1"),
    (["--pairs", "ntrex"], "set XLING_DATA_DIR"),
    (["--name", "a,b"], "got 2 names for 1 model"),
    (["--latent", "de-en"], "--latent de-en: English is what is looked for"),
    (["--latent", "de-xyz"], "unknown language 'xyz'"),
    (["--latent", "de"], "expected a source and a target language, such as de-zh"),
    (["--latent", "de-zh"], "dictionaries are read from files: set XLING_DATA_DIR"),
    (["--latent", "de-zh", "--dictionary", "none.{lang}"], "there is no file none.de"),
    (["--latent", "de-zh", "--dictionary", "few.{lang}"], "the dictionaries leave 1 word, expected 5 or more"),
    (["--latent", "de-zh", "--latent-words", "4"], "--latent-words 4: expected 5 or more"),
    (["--latent-words", "9"], "name its languages"),
    (["--dictionary", "few.{lang}"], "--dictionary is for --latent and --intervene rotate-dictionary"),
])  # fmt: skip
def test_refusals(change, message, models, tmp_path, monkeypatch) -> None:
    """One line, exit code 2, and no numbers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.en").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "short.de").write_text("a\n", encoding="utf-8")
    (tmp_path / "few.de").write_text("dog hund\n", encoding="utf-8")
    (tmp_path / "few.zh").write_text("dog 狗\n", encoding="utf-8")
    done = represent(f"hf:{models['llama']}", "--langs", "de", "--data", "sample", "-o", "out", *change)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out" / "alignment.json").exists()


def test_models_that_are_refused(models, tmp_path) -> None:
    """vLLM gives no hidden states; damaged weights are named before anything is measured."""
    import torch
    from safetensors.torch import load_file, save_file

    done = represent(f"vllm:{models['llama']}", *LANGS, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "hidden states, which vllm does not give" in done.stderr
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in Path(models["llama"]).iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in sorted(weights) if "layers.1" in name)
    save_file(weights | {name: weights[name] * torch.nan}, broken / "model.safetensors", metadata={"format": "pt"})
    done = represent(f"hf:{broken}", *LANGS, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "not finite" in done.stderr
    assert not (tmp_path / "out" / "alignment.json").exists()


def test_maps_figures_and_a_page_beside_the_numbers(models, tmp_path) -> None:
    """Two models of one shape stand on one map; the report of a run shows the same folder; a second command is the same
    to the byte, and draws no map again."""
    out = tmp_path / "out"
    command = [f"hf:{models['llama']}", f"hf:{models['llama']}", "--name", "base,tuned", *LANGS, "--no-random",
               "--map", "0,best,last", "--page", "-o", out]  # fmt: skip
    done = represent(*command)
    assert done.returncode == 0, done.stderr
    found = alignment(out)
    places = [json.loads((out / "maps" / name).read_text(encoding="utf-8")) for name in found["maps"]]
    assert sorted(found["maps"]) == sorted(path.name for path in (out / "maps").iterdir())
    depth = json.loads((models["llama"] / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"]
    drawn = [place["layer"] for place in places]
    assert {0, depth} <= set(drawn)
    assert len(set(drawn)) == len(drawn) <= 3  # the best of a random model may be either of the others
    place = places[0]
    assert place["models"] == ["base", "tuned"]
    assert {cloud["language"] for cloud in place["clouds"]} == {"en", "de", "es", "zh"}
    distances = [record for record in found["records"] if record["measure"] == "distance" and record["model"] == "base"]
    assert len(distances) == 6
    tokens = {record["pair"]: record["value"] for record in found["records"] if record["measure"] == "tokens"}
    ratios = {record["pair"]: record["value"] for record in found["records"] if record["measure"] == "tokens_ratio"}
    assert ratios["en-zh"] == pytest.approx(tokens["zh"] / tokens["en"])
    page = (out / "index.html").read_text(encoding="utf-8")
    assert 'id="layers-mexa"' in page
    assert "Sample data." in page
    before = contents(out)
    assert represent(*command).returncode == 0
    assert contents(out) == before
    refused = represent(f"hf:{models['llama']}", *LANGS, "--layers", "1", "--map", "2", "-o", tmp_path / "refused")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--map 2: expected layers that are measured (1)" in refused.stderr
