"""Words linked by a dictionary: which, where their tokens stand, and the losses of their vectors."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import training_recipe
from architectures import random_model
from torch.nn.functional import cross_entropy, mse_loss, normalize
from torch.testing import assert_close
from transformers import AutoTokenizer

from xling_bench.cli.main import main
from xling_bench.core.errors import UnsupportedModelError
from xling_bench.training.batches import pairs
from xling_bench.training.corpora.texts import Pair
from xling_bench.training.corpora.word_links import Linker
from xling_bench.training.examples import Examples, Sizes
from xling_bench.training.link_tokens import link_tokens
from xling_bench.training.losses.word_alignment import WordAlignment
from xling_bench.training.model import Network

ENTRIES = {
    "de": {"the": {"der", "die"}, "dog": {"hund"}, "cat": {"katze", "kater"}, "sees": {"sieht"}, "big": {"gross"}},
    "zh": {"dog": {"狗"}, "house": {"房子", "房"}, "sees": {"看见", "看"}},
}
LINKER = Linker("en", {key: {word: frozenset(each) for word, each in own.items()} for key, own in ENTRIES.items()})


def linked_words(source: str, target: str, languages: tuple[str, str]) -> set[tuple[str, str]]:
    pair = Pair("x", source, target, *languages)
    return {(source[slice(*a)], target[slice(*b)]) for a, b in LINKER.links(pair)}


@pytest.mark.parametrize(
    ("source", "target", "languages", "expected"),
    [
        ("The dog sees.", "Der Hund sieht!", ("en", "de"), {("The", "Der"), ("dog", "Hund"), ("sees", "sieht")}),
        ("Der Hund sieht!", "The dog sees.", ("de", "en"), {("Der", "The"), ("Hund", "dog"), ("sieht", "sees")}),
        ("the dog, the cat", "der Hund, die Katze", ("en", "de"), {("dog", "Hund"), ("cat", "Katze")}),  # twice "the"
        ("the dog", "der Hund und die Katze", ("en", "de"), {("dog", "Hund")}),  # "the" may be either
        ("a cat", "Katze oder Kater", ("en", "de"), set()),
        ("big dogs", "groß", ("en", "de"), {("big", "groß")}),  # dogs is another word; ß folds to ss
        ("a doghouse", "ein Hund", ("en", "de"), set()),
        ("the dog sees it", "狗看见它", ("en", "zh"), {("dog", "狗")}),  # 看 and 看见 are two readings
        ("dog", "狗", ("de", "zh"), set()),  # neither is the pivot
        ("dog", "perro", ("en", "es"), set()),
    ],
)
def test_words_are_linked_where_there_is_one_way_to_read_them(source, target, languages, expected) -> None:
    assert linked_words(source, target, languages) == expected


def test_links_stand_where_the_tokenizer_puts_their_words(models: dict[str, Path]) -> None:
    """XGLM's tokenizer begins with </s>; words of several tokens are whole; what is cut off links nothing."""
    for name in ("xglm", "llama"):
        tokenizer = AutoTokenizer.from_pretrained(models[name])
        drawn = [Pair("x", "The cat", "Die Katze", "en", "de"), Pair("y", "it sees", "es sieht", "en", "de")]
        stream = SimpleNamespace(__getitem__=None)
        examples = Examples(tokenizer, stream, None, Sizes(2, 0), 1, packs=False, pivot="en", linker=LINKER)
        tokens = examples._pairs(drawn)
        assert tokens.linked().shape == (3, 7)
        for link in tokens.linked().tolist():
            texts = [
                tokenizer.decode(tokens.ids[row, start:end]).strip()
                for row, start, end in ((link[0], *link[1:3]), (link[0] + 2, *link[3:5]))
            ]
            assert tuple(texts) in {("The", "Die"), ("cat", "Katze"), ("sees", "sieht")}, name
        short = Examples(tokenizer, stream, None, Sizes(2, 0, pair_length=2), 1, packs=False, linker=LINKER)
        assert len(short._pairs(drawn).linked()) < 3
    slow = SimpleNamespace(is_fast=False)
    with pytest.raises(UnsupportedModelError, match="word_alignment_aligner"):
        link_tokens(slow, LINKER, drawn, tokens)


TEXTS = [[2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 10]], [[5, 6, 7], [4, 4, 9, 10]]
LINKS = [[0, 0, 2, 1, 2, 100, 200], [0, 4, 5, 2, 3, 101, 201], [1, 1, 4, 0, 2, 100, 202]]  # two of one word


def vectors(network) -> tuple[torch.Tensor, torch.Tensor]:
    found = [[], []]
    for i, a, b, c, d, *_ in LINKS:
        for side, (start, end) in enumerate(((a, b), (c, d))):
            states = network(input_ids=torch.tensor([TEXTS[side][i]]), output_hidden_states=True).hidden_states[1]
            found[side].append(states[0, start:end].mean(0))
    return torch.stack(found[0]), torch.stack(found[1])


def rows():
    return replace(pairs(*TEXTS), links=torch.tensor(LINKS))


@pytest.mark.parametrize("negatives", ["other_side", "both_sides"])
def test_contrast_is_of_linked_words_and_the_same_word_is_no_negative(negatives: str) -> None:
    network = random_model("llama", 61)
    x, y = (normalize(side, dim=1) for side in vectors(network))
    same = torch.tensor([[False, False, True], [False, False, False], [True, False, False]])
    terms = []
    for one, other in ((x, y), (y, x)):
        scores = (one @ other.T / 0.1).masked_fill(same, -torch.inf)
        if negatives == "both_sides":
            own = (one @ one.T / 0.1).masked_fill(same | torch.eye(3, dtype=torch.bool), -torch.inf)
            scores = torch.cat([scores, own], 1)
        terms.append(cross_entropy(scores, torch.arange(3)))
    found = WordAlignment(negatives=negatives)(Network(network), [rows()])
    assert_close(found, sum(terms) / 2, rtol=1e-4, atol=1e-5)


def test_distance_and_a_batch_without_links() -> None:
    network = random_model("llama", 61)
    loss = WordAlignment(by="distance")
    assert_close(loss(Network(network), [rows()]), mse_loss(*vectors(network)), rtol=1e-4, atol=1e-6)
    assert float(loss.noted([rows()])["word_links"]) == 1.5
    nothing = loss(Network(network), [pairs(*TEXTS)])
    nothing.backward()
    assert float(nothing.detach()) == 0


def test_argmax_links_tokens_that_are_each_others_nearest() -> None:
    """Of a pair with itself, each token, or another of the same state."""
    network = random_model("llama", 61)
    same = pairs([[2, 3, 4, 5, 6]], [[2, 3, 4, 5, 6]])
    assert float(WordAlignment(aligner="argmax", by="distance")(Network(network), [same]).detach()) == pytest.approx(0)
    found = WordAlignment(aligner="argmax")(Network(network), [pairs(*TEXTS)])
    assert float(found.detach()) > 0
    assert not WordAlignment(aligner="argmax").links


@pytest.mark.e2e
def test_a_run_reads_its_dictionary_and_refuses_one_of_other_languages(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    recipe = training_recipe.write(tmp_path, models["xglm"])
    recipe.write_text('method = "cao"\n' + recipe.read_text(encoding="utf-8"), encoding="utf-8")
    words = tmp_path / "data" / "en-de.txt"
    words.write_text("dog\tHund\nbarks\tbellt\n", encoding="utf-8")
    out = tmp_path / "out"
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=2"]) == 0
    captured = capsys.readouterr()
    assert "words linked by en-de.txt: 2.0 a pair, of the first 120 in de" in captured.err
    assert '"word_links": 2.0' in (out / "log.jsonl").read_text(encoding="utf-8")
    words.write_text("perro\tchien\n", encoding="utf-8")
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 2
    assert "no word of the first 120 pairs of en and de is linked by it" in capsys.readouterr().err
    words.unlink()
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 2
    assert "no dictionary from English to de" in capsys.readouterr().err
