"""Latent language: words that are asked, tokens that are counted, the logit lens; and a rotation from a dictionary."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_represent_measures import outcomes, planted, rotation

from xling_bench.core.errors import DataError, UnsupportedModelError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.dictionaries import read_dictionary
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load
from xling_bench.represent.interventions import FROM_DICTIONARY, INTERVENTIONS
from xling_bench.represent.latent import numbers
from xling_bench.represent.lens import Lens, random_of
from xling_bench.represent.questions import check_count, check_pairs, choose
from xling_bench.represent.reader import parts_of
from xling_bench.represent.shown import latent_table
from xling_bench.represent.vocabulary import Vocabulary
from xling_bench.represent.words import word_pairs

DE = {"book": ("buch",), "dog": ("hund",), "flower": ("blume",), "tree": ("baum",), "moon": ("mond",),
      "year": ("jahr",), "table": ("tisch", "tafel"), "cat": ("katze",), "and": ("und",), "radio": ("radio",),
      "plus": ("und",), "water": ("wasser",), "ice cream": ("eis",), "knife": ("messer",), "heart": ("2herz",),
      "silver": ("ag",), "window": ("fenster",)}  # fmt: skip
ZH = {"book": ("书", "書"), "dog": ("狗",), "flower": ("花", "flower"), "tree": ("树",), "moon": ("月",),
      "year": ("年",), "table": ("桌子",), "cat": ("猫",), "and": ("和",), "radio": ("收音机",), "plus": ("加",),
      "water": ("水",), "ice cream": ("冰淇淋",), "heart": ("心",), "silver": ("Ag",),
      "window": ("窗户",)}  # fmt: skip


@pytest.mark.data
def test_words_of_real_dictionaries(real_data) -> None:
    german, chinese = read_dictionary(real_data, "de"), read_dictionary(real_data, "zh")
    found = choose(Unit("de-zh"), german, chinese, 100)
    assert len({question.source for question in found.asked}) == 100
    assert ("vehicle", "fahrzeug", ("車輛",)) in [(q.english, q.source, q.targets) for q in found.asked]


def test_words_that_can_be_asked_and_why_others_cannot() -> None:
    """In the dictionary's order: `book` begins like `buch`; `table` has two translations, `und` two meanings; `radio`
    is the same, `heart` and `silver` are not words in their scripts; `knife` has no Chinese."""
    found = choose(Unit("de-zh"), DE, ZH, 100)
    assert [(q.english, q.source, q.targets) for q in found.asked] == [
        ("dog", "hund", ("狗",)), ("flower", "blume", ("花",)), ("tree", "baum", ("树",)), ("year", "jahr", ("年",)),
        ("cat", "katze", ("猫",)), ("window", "fenster", ("窗户",)),
    ]  # fmt: skip
    assert found.left_out == {"beginning alike": 4, "not one word in its script": 3, "of several meanings": 3,
                              "without a translation": 1}  # fmt: skip
    assert len(choose(Unit("de-zh"), DE, ZH, 5).asked) == 5
    few = {word: DE[word] for word in ("dog", "flower", "tree", "year", "book")}
    with pytest.raises(DataError, match=r"leave 4 words, expected 5 or more .*1 beginning alike"):
        choose(Unit("de-zh"), few, ZH, 100)
    repeated = choose(Unit("zh-zh"), ZH, ZH, 5)
    assert repeated.asked[0].targets == (repeated.asked[0].source,) == ("狗",)
    back = choose(Unit("de-fr"), DE, {word: (f"{DE[word][0][0]}x",) for word in DE} | {"tree": ("arbre",),
                  "cat": ("félin",), "dog": ("chien",), "flower": ("image",), "year": ("an",), "window": ("vitre",),
                  "moon": ("lune",)}, 9)  # fmt: skip
    assert [question.source for question in back.asked] == ["hund", "blume", "baum", "jahr", "katze", "fenster"]


def test_a_prompt_has_four_other_words_and_ends_before_the_answer() -> None:
    found = choose(Unit("de-zh"), DE, ZH, 5)
    names = {question.source: question.targets[0] for question in found.asked}
    for question, prompt in zip(found.asked, found.prompts, strict=True):
        *examples, last = prompt.split("\n")
        assert last == f'Deutsch: "{question.source}" - 中文: "'
        assert sorted(examples) == sorted(f'Deutsch: "{de}" - 中文: "{zh}"' for de, zh in names.items()
                                          if de != question.source)  # fmt: skip
    again = choose(Unit("de-zh"), DE, ZH, 5)
    assert (again.prompts, again.hash) == (found.prompts, found.hash)
    assert choose(Unit("de-zh"), DE, ZH | {"dog": ("狗", "犬")}, 5).hash != found.hash


@pytest.mark.parametrize(("word", "message"), [
    ("de-en", "English is what is looked for"), ("eng-de", "English is what is looked for"),
    ("de", "expected a source and a target"), ("de-", "expected a source and a target"),
    ("de-xyz", "unknown language 'xyz'"),
])  # fmt: skip
def test_pairs_that_are_refused(word, message) -> None:
    with pytest.raises(UsageError, match=message):
        check_pairs([word])
    assert check_pairs(["deu-zh", "de-zho", "jp-jp"]) == ("de-zh", "ja-ja")
    with pytest.raises(UsageError, match="expected 5 or more"):
        check_count(4)


def by_bytes():
    """A vocabulary by bytes as GPT-2's, of single bytes and a few pieces: 花 is E8 8A B1, written `è`, `Ĭ`, `±`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", *letters, "fl", "Ġf", "Ġfl", "èĬ", "èĬ±", "low"]
    merges = [("f", "l"), ("è", "Ĭ"), ("èĬ", "±")]
    tokenizer = Tokenizer(models.BPE({piece: at for at, piece in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=pieces[0]), pieces


def by_pieces():
    """One as SentencePiece's, with three bytes of 花, and a normalizer that resolves the Thai vowel am."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "<0xE8>", "<0x8A>", "<0xB1>", "▁f", "f", "fl", "▁flower", "flowers", "▁", "น", "ํ", "นํา", "l",
              "▁น"]  # fmt: skip
    tokenizer = Tokenizer(models.Unigram([(piece, -float(len(pieces))) for piece in pieces], unk_id=0,
                                         byte_fallback=True))  # fmt: skip
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=pieces[0]), pieces


@pytest.mark.parametrize(("make", "word", "expected"), [
    (by_bytes, "flower", {"f", "fl", "Ġf", "Ġfl"}), (by_bytes, "花", {"è", "èĬ", "èĬ±"}),
    (by_pieces, "flower", {"f", "fl", "▁f", "▁flower"}), (by_pieces, "花", {"<0xE8>"}),
    (by_pieces, "นำ", {"น", "▁น", "นํา"}),
])  # fmt: skip
def test_tokens_a_word_may_begin_with(make, word, expected) -> None:
    """By hand: prefixes in bytes, with or without a space, whatever form the vocabulary has; a special token never."""
    tokenizer, pieces = make()
    assert {pieces[number] for number in Vocabulary(tokenizer, "tiny").starting([word])} == expected


def other_model(kind: str):
    """A random model whose class names its norm and head in another way, or scales its logits; and these two."""
    import transformers

    small = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
             "intermediate_size": 32, "max_position_embeddings": 64}  # fmt: skip
    heads = {"num_key_value_heads": 1, "head_dim": 8}
    made = {
        "Gemma3Text": {**small, **heads, "sliding_window": 8},
        "Gemma2": {**small, **heads, "final_logit_softcapping": 1.5},
        "GPTNeoX": small,
        "Cohere": {**small, "logit_scale": 0.25},
        "OPT": {**small, "ffn_dim": 32, "word_embed_proj_dim": 16},
        "GPT2": {"vocab_size": 60, "n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 64},
    }[kind]
    config = getattr(transformers, f"{kind}Config")(**made, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    torch.manual_seed(1)
    name = "Gemma3" if kind == "Gemma3Text" else kind
    name += "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    model = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    norm = {"GPTNeoX": "gpt_neox.final_layer_norm", "OPT": "model.decoder.final_layer_norm", "GPT2": "transformer.ln_f"}
    return model, model.get_submodule(norm.get(kind, "model.norm"))


def held(model, tokenizer) -> SimpleNamespace:
    return SimpleNamespace(model=model, tokenizer=tokenizer, device="cpu", max_length=64, prefix_token_id=1)


def check_lens(lens: Lens, model, norm, scale=lambda logits: logits) -> None:
    """At the last layer the model's own logits, before it the norm and head that its class has, by their names."""
    ids = torch.tensor([[1, 7, 9, 4, 11]])
    with torch.inference_mode():
        out = model(ids, output_hidden_states=True)
        assert lens.depth == len(out.hidden_states) - 1
        for layer, hidden in enumerate(out.hidden_states):
            expected = scale(model.get_output_embeddings()(norm(hidden[:, -1])))
            expected = out.logits[:, -1] if layer == lens.depth else expected
            assert torch.allclose(lens.logits(hidden[:, -1], layer), expected, atol=1e-4), layer


@pytest.mark.parametrize(("name", "norm"), [
    ("llama", "model.norm"), ("bloom", "transformer.ln_f"), ("xglm", "model.layer_norm"),
])  # fmt: skip
def test_the_lens_of_checkpoints(name, norm, models) -> None:
    """And of random weights of the same shape, drawn alike each time."""
    lm = load(ModelConfig(spec=f"hf:{models[name]}", device="cpu"))
    check_lens(Lens(lm, name), lm.model, lm.model.get_submodule(norm))
    drawn = random_of(lm, name).model
    fresh = Lens(held(drawn, lm.tokenizer), name)
    check_lens(fresh, drawn, drawn.get_submodule(norm))
    one, other = drawn.get_output_embeddings().weight, lm.model.get_output_embeddings().weight
    assert not torch.equal(one, other)
    assert torch.equal(one, random_of(lm, name).model.get_output_embeddings().weight)


def test_the_lens_in_half_precision(models) -> None:
    """Its own check allows for rounding, and no more: the numbers are near those of float32."""
    found = []
    for dtype in ("bfloat16", "float32"):
        lens = Lens(load(ModelConfig(spec=f"hf:{models['llama']}", device="cpu", dtype=dtype)), "tiny")
        with torch.inference_mode():
            found.append(lens.logits(torch.ones(1, lens.width), 1))
    assert found[0].dtype == torch.float32
    assert torch.allclose(*found, atol=0.05 * float(found[1].abs().max()))


@pytest.mark.parametrize("kind", ["Gemma3Text", "Gemma2", "GPTNeoX", "Cohere", "OPT", "GPT2"])
def test_the_lens_of_other_architectures(kind) -> None:
    model, norm = other_model(kind)
    scale = {"Gemma2": lambda x: 1.5 * torch.tanh(x / 1.5), "Cohere": lambda x: 0.25 * x}.get(kind, lambda x: x)
    check_lens(Lens(held(model, by_bytes()[0]), kind), model, norm, scale)


def test_a_model_that_does_more_than_is_known_is_refused() -> None:
    model, _ = other_model("GPTNeoX")
    model.get_output_embeddings = lambda: torch.nn.Sequential(type(model).get_output_embeddings(model), torch.nn.Tanh())
    with pytest.raises(UnsupportedModelError, match="the logit lens at its last layer is not what it says"):
        Lens(held(model, by_bytes()[0]), "odd")
    model.get_output_embeddings = lambda: None
    with pytest.raises(UnsupportedModelError, match="has no output layer"):
        Lens(held(model, by_bytes()[0]), "odd")


@pytest.mark.parametrize("name", ["xglm", "llama"])
def test_probabilities_are_those_of_single_prompts(name, models, monkeypatch) -> None:
    """Whatever the batches: the model's own softmax after one prompt, summed over tokens found by looking at each."""
    monkeypatch.setattr("xling_bench.represent.lens.ROWS", 2)
    lm = load(ModelConfig(spec=f"hf:{models[name]}", device="cpu"))
    lens = Lens(lm, name)
    questions = choose(Unit("de-zh"), DE, ZH, 6)
    lens.ask(questions.answers)
    encoded = lens.encode(questions.prompts, "de-zh")
    batches = [batch for part in parts_of([len(text.tokens) for text in encoded], 130) for batch in part]
    assert len(batches) > 1
    found = lens.read(encoded, batches, [0, 1, 2])  # (words, layers, sides)
    vocabulary = {number: token for token, number in lm.tokenizer.get_vocab().items()}
    for row, place in enumerate(place for batch in batches for place in batch):
        ids = lm.tokenizer(questions.prompts[place], return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            likely = lm.model(ids).logits[0, -1].softmax(-1)
        question = questions.asked[place]
        for side, words in enumerate(([question.english], question.targets, [question.source])):
            own = [number for number, token in vocabulary.items()
                   if any(word.startswith(token.removeprefix("▁") or "-") for word in words)]  # fmt: skip
            assert found[row, 2, side] == pytest.approx(float(likely[own].sum()), rel=1e-3), (question, side)
        assert found[row, 0, 0] != pytest.approx(found[row, 2, 0], rel=1e-3)


def test_words_without_a_token(models) -> None:
    lens = Lens(load(ModelConfig(spec=f"hf:{models['llama']}", device="cpu")), "tiny")
    with pytest.raises(UnsupportedModelError, match="none of its tokens begins any of the words, such as 'ꦲ'"):
        lens.ask([[("dog",), ("ꦲ",)]])


def test_means_and_the_share_by_hand() -> None:
    """The share is a ratio of means: 0.4 / (0.4 + 0.1); words that say nothing change no share."""
    found = np.array([[0.8, 0.2, 0.1], [0.0, 0.0, 0.3]])
    by = {each.measure: each for each in numbers(Unit("de-zh"), 3, found)}
    assert {name: each.value for name, each in by.items()} == pytest.approx(
        {"latent_english": 0.4, "latent_target": 0.1, "latent_source": 0.2, "latent_share_english": 0.8}
    )
    assert {(each.layer, each.n) for each in by.values()} == {(3, 2)}
    for each in by.values():
        assert each.low <= each.value <= each.high
    assert [each.measure for each in numbers(Unit("de-de"), 3, found)] == [
        "latent_english", "latent_target", "latent_share_english",
    ]  # fmt: skip
    assert [each.value for each in numbers(Unit("de-zh"), 0, 0 * found)] == [0, 0, 0, None]


def record(measure: str, layer: int, value: float | None, low: float = 0.0, high: float = 1.0) -> dict:
    return {"model": "m", "pair": "de-zh", "layer": layer, "measure": f"latent_{measure}", "value": value,
            "interval": None if value is None else [low, high]}  # fmt: skip


@pytest.mark.parametrize(("english", "heard", "low", "said"), [
    ([0.0, 0.4, 0.1], 0.02, 0.6, "yes"), ([0.0, 0.4, 0.1], 0.02, 0.4, "no"), ([0.0, 0.4, 0.1], 0.005, 0.6, "no"),
    ([0.0, 0.1, 0.4], 0.02, 0.6, "no"),
])  # fmt: skip
def test_english_before_target(english, heard, low, said) -> None:
    """Only at an earlier layer than the target's best, where it is more than 1 % and above a half for sure."""
    records = [record("english", layer, value, heard) for layer, value in enumerate(english)]
    records += [record("target", layer, value) for layer, value in enumerate([0.0, 0.1, 0.5])]
    records += [record("share_english", layer, None if layer == 0 else 0.7, low) for layer in range(3)]
    row = latent_table(records).splitlines()[2].split(" | ")
    assert row[-1] == f"{said} |"
    assert row[1:4] == ["de-zh", f"40.0% [{heard:.1%}, 100.0%]", str(english.index(0.4))]
    assert latent_table([]) == ""


def test_a_rotation_planted_in_words_is_undone_in_sentences() -> None:
    """Words are turned as sentences are, but lie elsewhere: their own offset says nothing of the sentences'."""
    fit, held_out = planted(3), planted(4)
    rng = np.random.default_rng(0)
    words = {}
    for key, seed in (("de", 1), ("zh", 2)):
        meaning = rng.normal(size=(200, 12)) * np.linspace(3, 1, 12)
        own = (meaning + 0.05 * rng.normal(size=meaning.shape)) @ rotation(seed, 12)
        words[key] = meaning - 30.0, own + 50.0
    changes = INTERVENTIONS[FROM_DICTIONARY](fit, "en", words)
    turned = {key: change(held_out[key]) for key, change in changes.items()}
    for key in ("de", "zh"):
        assert changes[key].turn @ changes[key].turn.T == pytest.approx(np.eye(12), abs=1e-9)
        assert outcomes(held_out["en"], held_out[key])["weak"].mean() < 0.2
        assert outcomes(turned["en"], turned[key])["weak"].mean() == 1.0
    assert turned["de"].mean(0) == pytest.approx(turned["zh"].mean(0), abs=1.0)


def test_words_of_a_rotation() -> None:
    """The first translation that is one; names and what is no word are left out."""
    assert word_pairs({"a b": ("x",), "radio": ("radio", "funk"), "bern": ("bern",), "heart": ("2", "herz")}, "de") == (
        ("radio", "heart"), ("funk", "herz"),
    )  # fmt: skip
    with pytest.raises(DataError, match="0 words in its script"):
        word_pairs({"radio": ("radio",)}, "de")
