"""Methods of the data move what they are meant to move, on real text: Extrapolating's, COMMIT's, translation LM.

A small Llama (1 M parameters, from nothing, its vocabulary of the texts) learns 30 updates by each method, with three
seeds, and 300 by two of them. Measured: the loss of 200 rows of other files in the method's own form, beside the model
before and a method that lacks just that part, of as many updates and the same seed. What is won has to be more than
seeds change in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from xling_bench.training.corpora import load
from xling_bench.training.job import train
from xling_bench.training.recipe import Recipe, resolve

pytestmark = [pytest.mark.slow, pytest.mark.data]
CODES = {"el": "ell", "hi": "hin", "th": "tha"}
NTREX = {key: f"parallel/ntrex128/newstest2019-ref.{code}.txt" for key, code in CODES.items()}
TATOEBA = "parallel/tatoeba_v2021-08-07/eng-{0}/tatoeba-test-v2021-08-07.{1}"
RUN = {"pairs": 0, "instructions": 16, "length": 128, "lr": 3e-3, "save_every": 1000}
SEEDS, ROWS = (0, 1, 2), 200
# {method: (one without the part, what of the data it is measured on)}
MEANT = {
    "xllama": "alpaca-en",  # translations, asked as the evaluation asks
    "cpt": "alpaca-en",  # texts of the target languages
    "tlm": "cpt",  # pairs, joined
    "commit": "alpaca-en",  # instructions, code-mixed
    "commit-naive": "alpaca-en",  # the same with a mixed template
    "commit-align": "cpt",  # texts, code-mixed
}


def data(files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"languages": ["en", *CODES], "decontaminate": [], **files, **more}


def learnt() -> dict[str, Any]:
    pairs = [{"kind": "lines", "files": {"en": "parallel/ntrex128/newstest2019-src.eng.txt", **NTREX}}]
    tasks = [{"kind": "alpaca", "files": {"en": "alpaca/en/alpaca_data-0-3252-英文.json"}}]
    return data({"pairs": pairs, "instructions": tasks})


def measured() -> dict[str, Any]:
    """Other files of the same kinds."""
    pairs = [
        {"kind": "moses", "files": {"en": TATOEBA.format(code, "eng"), key: TATOEBA.format(code, code)}, "limit": 200}
        for key, code in CODES.items()
    ]
    tasks = [{"kind": "alpaca", "files": {"en": "alpaca/en/alpaca_data-51009-52002-英文.json"}}]
    return data({"pairs": pairs, "instructions": tasks})


def recipe(method: str, base: Path, own: dict[str, Any], steps: int = 1, seed: int = 0) -> Recipe:
    """The named method's [data] and [run] below these files and sizes."""
    found = resolve(f"llama-7b/open-el-hi-th/{method}", [f"model.path={base}"]).model_dump(exclude_unset=True)
    kept = {key: value for key, value in found["data"].items() if key not in ("overlap", "decontaminate")}
    files = {key: value for key, value in own.items() if not (key in kept and kept[key] == ())}
    return Recipe(**found | {"data": {**kept, **files}, "model": {"path": str(base)},
                             "run": {**RUN, "steps": steps, "seed": seed}})  # fmt: skip


@pytest.fixture(scope="module")
def base(real_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model before: its vocabulary is of the training texts, its weights are random."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    streams = [
        load(recipe(method, folder, learnt()).data, seed=0, root=real_files).instructions
        for method in ("xllama", "commit", "cpt")
    ]
    texts = [stream[i].prompt + stream[i].response for stream in streams for i in range(2000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=6000, special_tokens=["<s>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    special = {"bos_token": "<s>", "eos_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=96, intermediate_size=256,
                         num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=512,
                         tie_word_embeddings=True, bos_token_id=0, eos_token_id=1, pad_token_id=1)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def loss(model: Path, method: str, base: Path, root: Path) -> float:
    """Of the first rows of the other files, in the method's form: the mean over what it learns of them, in nats."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from xling_bench.training.examples import Examples, Sizes

    asked = recipe(method, base, measured())
    only = {"uses": ("translations",)} if method == "xllama" else {}
    stream = load(asked.data.model_copy(update=only), seed=9, root=root).instructions
    tokenizer = AutoTokenizer.from_pretrained(model)
    sizes = Sizes(0, 1, length=512, learn=asked.method.learn)
    examples = Examples(tokenizer, None, stream, sizes, 1, packs=False)
    network = AutoModelForCausalLM.from_pretrained(model).eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for i in range(ROWS):
            sample = examples.sample(stream[i], i)
            ids = torch.tensor(list(sample.ids))
            said = torch.nn.functional.log_softmax(network(ids[None]).logits[0, :-1], -1)
            every = -said[torch.arange(len(ids) - 1), ids[1:]]
            total += float(every[max(1, sample.start) - 1 :].sum())
            count += len(ids) - max(1, sample.start)
    return total / count


def trained(method: str, base: Path, output: Path, root: Path, steps: int, seed: int) -> Path:
    made = recipe(method, base, learnt(), steps, seed)
    return train(made, load(made.data, seed=seed, root=root), output / f"{method}-{steps}-{seed}", "0" * 16)


def test_every_method_moves_what_it_is_meant_to_move(real_data: Path, base: Path, tmp_path: Path) -> None:
    made = {
        (method, seed): trained(method, base, tmp_path, real_data, 30, seed)
        for method in {*MEANT, *MEANT.values()}
        for seed in SEEDS
    }
    print(f"{'loss in the form of':20s} before   after 30 (3 seeds)      without it")
    wrong = []
    for method, without in MEANT.items():
        before = loss(base, method, base, real_data)
        own = [loss(made[method, seed], method, base, real_data) for seed in SEEDS]
        other = [loss(made[without, seed], method, base, real_data) for seed in SEEDS]
        print(f"{method:20s} {before:6.3f}   {' '.join(f'{x:.3f}' for x in own)}   {without} "
              f"{' '.join(f'{x:.3f}' for x in other)}")  # fmt: skip
        gains = [[before - x for x in own], [y - x for x, y in zip(own, other, strict=True)]]
        if any(min(each) <= max(each) - min(each) for each in gains):
            wrong.append(method)
    assert not wrong


def test_at_300_updates(real_data: Path, base: Path, tmp_path: Path) -> None:
    made = {name: trained(name, base, tmp_path, real_data, 300, 0) for name in ("xllama", "commit", "alpaca-en")}
    for method in ("xllama", "commit"):
        own, other = (loss(made[name], method, base, real_data) for name in (method, "alpaca-en"))
        print(f"{method} at 300 updates: {own:.3f}, English instructions alone {other:.3f}")
        assert own < other - 0.5
