"""Pooled states: what padding, batches, layers and kills must not change, and what is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xling_bench.core.errors import DataError, MissingDataError, ModelError, UnsupportedModelError, UsageError
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load
from xling_bench.represent import reader, request
from xling_bench.represent.corpus import read_corpus
from xling_bench.represent.reader import Reader, parts_of, resolve_layers
from xling_bench.represent.store import Store, write_arrays
from xling_bench.represent.token_weights import check_pooling, pool, token_weights

TEXTS = ("Der Hund schläft.", "Eine lange Geschichte von der Katze, die auf der Mauer wartet.", "Ja.", "Drei.")


@pytest.mark.parametrize(("pooling", "expected"), [("mean", 25.0), ("weighted", (10 + 40 + 90) / 6), ("last", 30)])
@pytest.mark.parametrize("side", ["left", "right"])
def test_pooling_by_hand(pooling, expected, side) -> None:
    """Three tokens, of which the first was added, and padding that is NaN, on either side."""
    states, real, own = [10.0, 20.0, 30.0], [1, 1, 1], [0, 1, 1]
    nan, none = [float("nan")] * 2, [0, 0]
    row = [nan + states, none + real, none + own] if side == "left" else [states + nan, real + none, own + none]
    weights = token_weights(torch.tensor([row[1]]).bool(), torch.tensor([row[2]]).bool(), check_pooling(pooling))
    assert pool(torch.tensor([row[0]])[:, :, None], weights).tolist() == [[pytest.approx(expected)]]


def test_layers_and_words() -> None:
    assert resolve_layers(["last", "1", "mid", "1"], 7) == [1, 3, 7]
    assert resolve_layers(["all"], 2) == [0, 1, 2]
    for wrong in ("8", "-1", "first", "1.5", "²"):
        with pytest.raises(UsageError, match="unknown layer; expected numbers from 0"):
            resolve_layers([wrong], 7)
    with pytest.raises(UsageError, match=r"--pooling 'men': Did you mean 'mean'\?"):
        check_pooling("men")


def test_parts_hold_every_text_once_and_no_batch_is_too_large() -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(1, 90, 500)]
    parts = parts_of(lengths, 256)
    batches = [batch for part in parts for batch in part]
    assert sorted(place for batch in batches for place in batch) == list(range(500))
    assert all(len(batch) * max(lengths[place] for place in batch) <= 256 for batch in batches)
    assert all(sum(map(len, part)) >= reader.PART for part in parts[:-1])


@pytest.fixture(scope="module")
def lm(models):
    """XGLM's tokenizer puts a token before every text, so the poolings differ."""
    return load(ModelConfig(spec=f"hf:{models['xglm']}", device="cpu"))


@pytest.mark.parametrize("pooling", ["mean", "weighted", "last"])
def test_states_are_those_of_single_texts(lm, pooling, tmp_path) -> None:
    """By the model's own forward pass of one text, without padding or batches."""
    reads = Reader(lm, "tiny", pooling)
    kept = Store(tmp_path)
    kept.write("de", TEXTS, [0, 2], reads, lambda _: None)
    assert kept.facts("de", TEXTS) == ([0, 2], 2, 0)
    for layer in (0, 2):
        for text, found in zip(TEXTS, kept.load("de", TEXTS, layer), strict=True):
            ids = lm.tokenizer(text, return_tensors="pt")["input_ids"]
            with torch.no_grad():
                states = lm.model(ids, output_hidden_states=True).hidden_states[layer][0].numpy()
            assert ids[0, 0] == 2
            places = np.arange(1, len(states) + 1)
            expected = {
                "mean": states[1:].mean(0),
                "weighted": (places[:, None] * states).sum(0) / places.sum(),
                "last": states[-1],
            }[pooling]
            assert found == pytest.approx(expected, abs=1e-4)


def test_a_killed_write_goes_on_and_ends_in_the_same_bytes(lm, tmp_path, monkeypatch) -> None:
    """Parts that are there are not computed again, but for one that was cut short; the result is byte for byte that of
    a write in one go."""
    monkeypatch.setattr(reader, "PART", 1)
    monkeypatch.setattr(reader, "TOKENS", 16)
    reads = Reader(lm, "tiny", "mean")
    whole, killed = Store(tmp_path / "whole"), Store(tmp_path / "killed")
    whole.write("de", TEXTS, [1], reads, lambda _: None)
    batches = []
    original = Reader.read

    def dies_at_the_third(self, texts, part, layers):
        batches.append(part)
        if len(batches) == 3:
            raise KeyboardInterrupt
        return original(self, texts, part, layers)

    monkeypatch.setattr(Reader, "read", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        killed.write("de", TEXTS, [1], reads, lambda _: None)
    assert not killed.has("de", TEXTS)
    first, second = sorted((tmp_path / "killed").iterdir())
    second.write_bytes(second.read_bytes()[:-40])
    killed.write("de", TEXTS, [1], reads, lambda _: None)
    assert batches[3] == batches[1] != batches[0]
    assert killed.path("de", TEXTS).read_bytes() == whole.path("de", TEXTS).read_bytes()
    assert [path.name for path in (tmp_path / "killed").iterdir()] == [killed.path("de", TEXTS).name]
    assert first.name.endswith(".part0000.npz")


def test_models_that_give_no_states(lm) -> None:
    def reads(**changes):
        silent = SimpleNamespace(hidden_states=None)
        settings = {"config": SimpleNamespace(), "base_model": lambda **_: silent} | changes
        fake = SimpleNamespace(model=SimpleNamespace(**settings), tokenizer=lm.tokenizer, device="cpu", max_length=9,
                               prefix_token_id=2)  # fmt: skip
        return Reader(fake, "odd", "mean")

    with pytest.raises(UnsupportedModelError, match="odd gives no hidden states"):
        reads()
    with pytest.raises(UnsupportedModelError, match="odd has an encoder and a decoder"):
        reads(config=SimpleNamespace(is_encoder_decoder=True))


def test_states_that_are_not_finite(lm, tmp_path, monkeypatch) -> None:
    reads = Reader(lm, "tiny", "mean")
    usual = Reader._hidden

    def damaged(self, ids, real):
        first, *others = usual(self, ids, real)
        return first, *(layer * torch.nan for layer in others)

    monkeypatch.setattr(Reader, "_hidden", damaged)
    with pytest.raises(ModelError, match="model tiny: states of layer 1 are not finite"):
        Store(tmp_path).write("de", TEXTS, [0, 1, 2], reads, lambda _: None)
    assert not list(tmp_path.iterdir())


def lines(folder: Path, **texts: list[str]) -> str:
    for name, rows in texts.items():
        (folder / f"x.{name}").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return str(folder / "x.{lang}")


def test_pairs_from_files(tmp_path) -> None:
    table = tmp_path / "pairs.tsv"
    table.write_text("German\ten\tnote\nHund\tdog\tx\nKatze\tcat\ty\nUhr\tclock\tz\n", encoding="utf-8")
    found = read_corpus(str(table), [], limit=2)
    assert found.sides == {"en": ("dog", "cat"), "de": ("Hund", "Katze")}
    assert found.hash == read_corpus(lines(tmp_path, en=["dog", "cat"], de=["Hund", "Katze"]), ["deu_Latn"]).hash
    assert found.hash != read_corpus(str(table), ["de"]).hash


@pytest.mark.parametrize(("texts", "langs", "error", "message"), [
    ({"en": ["a", "b"], "de": ["a"]}, ["de"], DataError, "en has 2 sentences, de 1"),
    ({"en": ["a", "b"], "de": ["a", " "]}, ["de"], DataError, "sentence 2 of de is empty"),
    ({"en": ["a"], "de": ["a"]}, ["de"], DataError, "one sentence"),
    ({"en": ["a", "b"]}, ["de"], MissingDataError, "there is no file"),
    ({"en": ["a", "b"]}, ["en"], UsageError, "one language has no translations"),
    ({"en": ["a", "b"]}, ["xx"], UsageError, "unknown language 'xx'"),
])  # fmt: skip
def test_pairs_that_are_refused(tmp_path, texts, langs, error, message) -> None:
    with pytest.raises(error, match=message):
        read_corpus(lines(tmp_path, **texts), langs)


def test_a_table_of_unequal_columns(tmp_path) -> None:
    (tmp_path / "x.tsv").write_text("en\tde\na\tb\nc\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3: expected 2 tab-separated columns, got 1"):
        read_corpus(str(tmp_path / "x.tsv"), [])
    with pytest.raises(UsageError, match=r"no such file\. Did you mean 'flores'"):
        read_corpus("floers", [])


def test_names_of_models(tmp_path) -> None:
    two = [ModelConfig(spec=f"hf:{tmp_path / name / 'tiny'}") for name in "ab"]
    with pytest.raises(UsageError, match="two models are called"):
        request.model_names(two, [])
    with pytest.raises(UsageError, match="got 1 name for 2 models"):
        request.model_names(two, ["a"])
    assert request.model_names(two, ["a", "b"]) == ("a", "b")


@pytest.mark.data
def test_real_pairs(real_data) -> None:
    """NTREX is one set of sentences in all languages, Tatoeba one for each pair."""
    ntrex = read_corpus("ntrex", ["de", "zh", "ar", "sw", "ms"])
    assert {len(texts) for texts in ntrex.sides.values()} == {1997}
    assert ntrex.shared
    tatoeba = read_corpus("tatoeba", ["de", "zh", "sw"])
    assert tatoeba.pairs["en-zh"] == ("en.zh", "zh")
    assert {side: len(texts) for side, texts in tatoeba.sides.items() if side != "sw"} == {
        "en.de": 1000, "de": 1000, "en.zh": 1000, "zh": 1000, "en.sw": 390,
    }  # fmt: skip
    assert not tatoeba.shared


def test_parts_that_a_kill_left_beside_a_whole_file_go(tmp_path: Path) -> None:
    store, texts = Store(tmp_path), ["a"]
    write_arrays(store.path("en", texts), [("layer_0", np.zeros((1, 2), np.float32))])
    left = store.path("en", texts).with_suffix(".part0000.npz")
    left.touch()
    assert store.has("en", texts)
    assert not left.exists()
