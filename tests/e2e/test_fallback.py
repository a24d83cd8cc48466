"""Models that cannot be scored with shared prefixes, and a self-check that fails: loud, and right all the same."""

import copy
import functools
import json
import logging

import pytest
import torch
import transformers
from architectures import random_model
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizers import processors

from xling_bench import evaluate
from xling_bench.core.errors import ModelError, UnsupportedModelError
from xling_bench.demo import make_tokenizer, training_text
from xling_bench.models.shared_prefix import SharedPrefixLM
from xling_bench.scoring.decoder import Decoder, Prefix
from xling_bench.scoring.engine import Score
from xling_bench.scoring.selfcheck import Agreement, Request
from xling_bench.scoring.tree import PrefixTree

pytestmark = pytest.mark.e2e
TEXTS = [("", "the dog sleeps"), ("the dog", " sleeps in the house"), ("the dog", " runs"), ("a", " cat")]


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(training_text()[:400])


def requests(texts=TEXTS):
    return [Instance("loglikelihood", {}, text, i) for i, text in enumerate(texts)]


def scores(lm, texts=TEXTS):
    return lm.loglikelihood(requests(texts), disable_tqdm=True)


def same(mine, theirs) -> None:
    for (a, greedy), (b, also) in zip(mine, theirs, strict=True):
        assert a == pytest.approx(b, abs=1e-3, rel=1e-6)
        assert greedy == also


def test_a_state_space_model_is_scored_by_lm_evals_code_and_says_so(tokenizer, tmp_path, sample_data) -> None:
    config = transformers.MambaConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, state_size=4)
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(tmp_path / "mamba")
    tokenizer.save_pretrained(tmp_path / "mamba")
    said = []
    options = {"tasks": ["xling_xcopa_th"], "max_length": 512}
    report = evaluate(f"hf:{tmp_path / 'mamba'}", output=tmp_path / "run", progress=said.append, **options)
    assert not report.failed
    assert any("ranked by lm-eval's own code, which is slow" in line for line in said), said
    own = report.results()[0]["xling"]
    assert own["scoring"]["backend"] == "lm-eval"
    assert own["scoring"]["why"]
    plain = evaluate(f"lm-eval-hf:{tmp_path / 'mamba'}", output=tmp_path / "plain", **options)
    mine, theirs = (
        [json.loads(line)["filtered_resps"] for line in (r.finished[0] / "samples.jsonl").read_text().splitlines()]
        for r in (report, plain)
    )
    assert mine == theirs


def test_a_wrong_number_in_the_self_check_gives_the_engine_up(tokenizer, monkeypatch, caplog) -> None:
    network = random_model("llama", len(tokenizer))
    plain = scores(HFLM(network, tokenizer=tokenizer, batch_size=2))
    real = Decoder.run
    monkeypatch.setattr(Decoder, "run", lambda self, tokens, positions, *rest: real(self, tokens, positions + 1, *rest))
    shifted = SharedPrefixLM(network, tokenizer=tokenizer)
    same(scores(shifted), plain)
    assert shifted.engine is not None, "rotary positions are relative: a common shift changes nothing"
    monkeypatch.setattr(Decoder, "run", lambda self, tokens, positions, *rest: real(self, tokens, positions * 2, *rest))
    wrong = SharedPrefixLM(network, tokenizer=tokenizer)
    log = logging.getLogger("lm_eval.models.huggingface")  # which libraries turn off in a process of many tests
    monkeypatch.setattr(log, "disabled", False)
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    with caplog.at_level(logging.WARNING, logger=log.name):
        same(scores(wrong), plain)
    assert wrong.engine is None
    assert "a self-check found its scores" in wrong.why_plain
    assert "without shared prefixes" in caplog.text
    assert wrong.provenance()["backend"] == "lm-eval"


def test_longer_requests_are_checked_too(tokenizer, monkeypatch) -> None:
    """Something that only goes wrong in longer texts than the first ones."""
    network = random_model("llama", len(tokenizer))
    real = Decoder.run
    monkeypatch.setattr(
        Decoder, "run", lambda self, tokens, positions, *rest: real(self, tokens, positions.clamp(max=30) ** 1, *rest)
    )
    lm = SharedPrefixLM(network, tokenizer=tokenizer)
    scores(lm)
    assert lm.engine is not None
    long = [("the dog sleeps " * 30, "in the house"), ("the dog sleeps " * 30, "in the street")]
    same(scores(lm, long), scores(HFLM(network, tokenizer=tokenizer, batch_size=2), long))
    assert lm.engine is None


@pytest.mark.parametrize("name", ["xglm", "bloom", "llama"])
def test_rolling_requests_and_truncated_ones_without_a_begin_token_are_as_lm_evals(name, tokenizer) -> None:
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.backend_tokenizer.post_processor = processors.Sequence([])
    network = random_model(name, len(tokenizer))
    texts = [("the dog sleeps in the house " * 6, "and the cat runs"), *TEXTS]
    mine, theirs = (cls(network, tokenizer=tokenizer, max_length=24) for cls in (SharedPrefixLM, HFLM))
    same(scores(mine, texts), scores(theirs, texts))
    rolling = [Instance("loglikelihood_rolling", {}, (texts[0][0],), 0)]
    found = mine.loglikelihood_rolling(rolling, disable_tqdm=True)
    assert found == pytest.approx(theirs.loglikelihood_rolling(rolling, disable_tqdm=True), abs=1e-3)
    assert mine.engine is not None


def test_parts_of_the_requests_give_what_all_together_give(tokenizer, monkeypatch) -> None:
    network = random_model("xglm", len(tokenizer))
    texts = [(f"{word} sleeps", f" in the {place}") for word in "abcdefgh" for place in ("house", "street", "sun")]
    whole = scores(SharedPrefixLM(network, tokenizer=tokenizer), texts)
    monkeypatch.setattr("xling_bench.models.shared_prefix.NODES", 10)
    parts = SharedPrefixLM(network, tokenizer=tokenizer, token_budget=2)
    assert len(list(parts._parts([(*parts._split(*text), text) for text in texts], 10))) > 2
    same(scores(parts, texts), whole)


def test_a_model_that_breaks_on_a_tree_is_scored_by_lm_evals_code(tokenizer, monkeypatch) -> None:
    network = random_model("llama", len(tokenizer))
    monkeypatch.setattr(Decoder, "run", lambda *_: (_ for _ in ()).throw(IndexError("list index out of range")))
    lm = SharedPrefixLM(network, tokenizer=tokenizer)
    same(scores(lm), scores(HFLM(network, tokenizer=tokenizer, batch_size=2)))
    assert "does not take a tree of tokens (IndexError: list index out of range)" in lm.why_plain


def test_an_argument_that_our_attention_does_not_know_is_named_and_never_swallowed(tokenizer, monkeypatch) -> None:
    """transformers 5.24 renamed `past_key_values` to `cache`, which was swallowed: every prefix was dropped."""
    network = random_model("xglm", len(tokenizer))
    plain = scores(HFLM(network, tokenizer=tokenizer, batch_size=2))
    usual = type(network.model.layers[0]).forward

    def newer(self, *given, **named):
        own = self.self_attn.forward
        self.self_attn.forward = functools.partial(own, window=2)
        try:
            return usual(self, *given, **named)
        finally:
            self.self_attn.forward = own

    monkeypatch.setattr(type(network.model.layers[0]), "forward", newer)
    decoder = Decoder(network)
    with pytest.raises(UnsupportedModelError, match="XGLM's attention is given window, which"), decoder.ready():
        network.model(torch.tensor([[5, 6]]))
    with pytest.raises(UnsupportedModelError, match="the cache is given window"):
        Prefix([], keep=False).update(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), 0, window=2)
    monkeypatch.undo()
    lm = SharedPrefixLM(network, tokenizer=tokenizer)
    monkeypatch.setattr(type(network.model.layers[0]), "forward", newer)
    assert lm.engine is not None
    assert lm._trusted(lm.engine, [Request([5, 6, 7], 1)]) is False
    assert "is given window" in lm.why_plain
    monkeypatch.undo()
    same(scores(lm), plain)


def test_a_body_that_takes_no_cache_is_refused_by_name(tokenizer, monkeypatch) -> None:
    network = random_model("llama", len(tokenizer))
    usual = network.model.forward
    monkeypatch.setattr(network.model, "forward", lambda input_ids, states=None, **_: usual(input_ids))
    lm = SharedPrefixLM(network, tokenizer=tokenizer)
    assert "takes no keys and values of earlier tokens (cache, past_key_values)" in lm.why_plain


def test_scaled_logits(tokenizer) -> None:
    """Granite divides logits, Cohere multiplies them."""
    settings = {"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2}
    for name, scale in (("granite", {"logits_scaling": 4.0}), ("cohere", {"logit_scale": 0.1})):
        network = transformers.AutoModelForCausalLM.from_config(
            transformers.AutoConfig.for_model(
                name, vocab_size=len(tokenizer), intermediate_size=48, pad_token_id=1, **settings, **scale
            )
        ).eval()
        lm = SharedPrefixLM(network, tokenizer=tokenizer)
        same(scores(lm), scores(HFLM(network, tokenizer=tokenizer, batch_size=2)))
        assert lm.engine is not None, lm.why_plain


@pytest.mark.parametrize("terminal", [True, False])
def test_a_failed_self_check_is_told_and_recorded_and_ends_with_its_unit(
    terminal, models, tmp_path, sample_data, monkeypatch
) -> None:
    """Wrong in texts of 150 tokens or more only: each unit's result says who computed it, whatever ran before."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    real = Decoder.run
    monkeypatch.setattr(
        Decoder, "run", lambda self, tokens, places, *rest: real(self, tokens, places.clamp(max=150), *rest)
    )
    said, backends = [], {}
    for name, shots in (("a", (5, 0)), ("b", (0, 5))):
        report = evaluate(
            f"hf:{models['xglm']}", output=tmp_path / name, tasks=["xling_xnli_de"], shots=shots, progress=said.append
        )
        for folder, result in zip(report.finished, report.results(), strict=True):
            own = result["xling"]
            backends[name, folder.name] = own["scoring"]["backend"]
            assert f"|scoring:{own['scoring']['backend']}|" in own["signature"]
            assert own["facts"]["scoring"] == own["scoring"]["backend"], "facts and signature agree on who computed"
            check = own["scoring"]["self_check"]
            assert (check["difference"] > check["threshold"]) == (own["scoring"]["backend"] == "lm-eval")
    assert backends == {
        ("a", "5-0-same"): "lm-eval", ("a", "0-0-none"): "shared-prefix",
        ("b", "5-0-same"): "lm-eval", ("b", "0-0-none"): "shared-prefix",
    }  # fmt: skip
    assert sum("ranked by lm-eval's own code, which is slow: a self-check found" in line for line in said) == 2
    again = evaluate(f"hf:{models['xglm']}", output=tmp_path / "a", tasks=["xling_xnli_de"], shots=(0, 5))
    assert again.reused == 2, "a unit that fell back is finished"
    for unit in ("0-0-none", "5-0-same"):
        first, second = (tmp_path / run / "xling_xnli_de" / unit for run in "ab")
        for file in ("results.json", "samples.jsonl"):
            assert (first / file).read_bytes() == (second / file).read_bytes()


def test_a_window_in_the_configuration_that_no_layer_uses(tokenizer) -> None:
    settings = {"sliding_window": 8, "use_sliding_window": True, "max_window_layers": 2}
    network = random_model("qwen2", len(tokenizer), **settings, layer_types=["full_attention"] * 2)
    lm = SharedPrefixLM(network, tokenizer=tokenizer)
    texts = [("the dog sleeps in the house and in the street and", " runs"), *TEXTS]
    same(scores(lm, texts), scores(HFLM(network, tokenizer=tokenizer, batch_size=1), texts))
    assert lm.engine is not None, lm.why_plain


def test_models_with_local_attention_are_refused(tokenizer) -> None:
    settings = {"hidden_size": 16, "num_heads": 2, "num_layers": 2, "attention_types": [[["global", "local"], 1]]}
    config = transformers.AutoConfig.for_model("gpt_neo", vocab_size=len(tokenizer), **settings)
    lm = SharedPrefixLM(transformers.AutoModelForCausalLM.from_config(config), tokenizer=tokenizer)
    assert "see a window only" in lm.why_plain


def test_a_tokenizer_with_more_tokens_than_the_model_is_an_error(tokenizer) -> None:
    """A candidate's last token is looked up in the output only: no embedding complains of it."""
    lm, tree = SharedPrefixLM(random_model("llama", 40), tokenizer=tokenizer), PrefixTree()
    tree.add([5, 6, 7, 40], 2)
    with pytest.raises(ModelError, match="token 40 is outside the model's output layer of 40 tokens"):
        lm.engine.score(tree)
    with pytest.raises(ModelError, match=r"the token '.+' \(number 40\), but the model has 40 rows of embeddings"):
        lm._loglikelihood_tokens([(None, [5, 6], [7, 40])], disable_tqdm=True)


def test_a_fallback_holds_the_logits_of_few_rows_at_once(tokenizer, monkeypatch) -> None:
    network = random_model("llama", len(tokenizer))
    plain = scores(HFLM(network, tokenizer=tokenizer, batch_size=4))
    lm, rows = SharedPrefixLM(network, tokenizer=tokenizer, batch_size=4), []
    lm._give_up("told to")
    longest = max(sum(map(len, lm._split(*text))) for text in TEXTS)
    monkeypatch.setattr("xling_bench.models.shared_prefix.PLAIN_BYTES", 2 * 4 * longest * len(tokenizer))
    usual = lm._model_call

    def noted(batch, *given, **named):
        rows.append(len(batch))
        return usual(batch, *given, **named)

    monkeypatch.setattr(lm, "_model_call", noted)
    same(scores(lm), plain)
    assert max(rows) == 2
    assert lm.batch_size == 4, "texts are generated in the batches asked for"


def test_near_ties_are_documents_whose_best_candidate_is_best_by_rounding_only(tokenizer) -> None:
    lm = SharedPrefixLM(random_model("llama", len(tokenizer)), tokenizer=tokenizer)
    pairs = [("the dog", " sleeps"), ("the dog", " runs"), ("a", " cat"), ("a", " cat")]
    asked = [Instance("loglikelihood", {}, pair, i % 2, metadata=("t", i // 2, 1)) for i, pair in enumerate(pairs)]
    lm.loglikelihood(asked, disable_tqdm=True)
    assert lm.provenance()["near_ties"] == [1]
    lm.start_afresh()
    assert lm.provenance().get("near_ties") == []
    lm.check = Agreement(100, 0.01, 0.01, 0.02)
    lm._note_near_ties([0, 0, 0], [Score(-10.0, False, 4), Score(-10.5, False, 4), Score(-10.6, False, 2000)])
    assert lm.near_ties == [0], "a long third candidate may be nearer than the second, by its own rounding"
