"""Whether methods learn what they are for: a tiny model, 200 fixed pairs and tasks, a few updates, three seeds.

`python tests/learning.py [UPDATES]` prints the table of all methods: of XLING_DATA_DIR's real texts, else made-up ones.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize

from xling_bench.core import content
from xling_bench.training import job
from xling_bench.training.batches import Tokens
from xling_bench.training.losses.kl_to_base import KlToBase
from xling_bench.training.losses.l2_to_base import L2ToBase
from xling_bench.training.losses.transport import Transport
from xling_bench.training.model import Network
from xling_bench.training.pooling import pool
from xling_bench.training.recipe import Recipe, resolve
from xling_bench.training.start import prepare
from xling_bench.training.step import AlignmentStep, optimizer, update
from xling_bench.training.word_vectors import linked

ROWS, SEEDS = 200, (0, 1, 2)
TATOEBA = "parallel/tatoeba_v2021-08-07/eng-zho/tatoeba-test-v2021-08-07"
PIECE = "alpaca_data-15323-18280"
ALPACA = {"en": f"alpaca/en/{PIECE}-英文.json.gz", "zh": f"alpaca/zh/{PIECE}-中文.json.gz"}
TOML = """
method = "{method}"

[model]
path = "{model}"

[data]
languages = ["en", "zh"]
decontaminate = []
{words}

[[data.pairs]]
kind = "moses"
files = {{ en = "pairs.en", zh = "pairs.zh" }}

[[data.instructions]]
kind = "alpaca"
files = {{ en = "tasks.en.json", zh = "tasks.zh.json" }}

[run]
parts = 1
pair_length = 32
length = 256
"""


def recipe_text(method: str, model: Path) -> str:
    """The recipe of a method; with the dictionary where it reads one, for a setting that nothing uses is refused."""
    declared = content.file(f"training/methods/{method}.toml").read_text(encoding="utf-8")
    reads = "data.mix" in declared or "word_alignment_weight" in declared
    return TOML.format(method=method, model=model, words='dictionaries.zh = "en-zh.txt"' if reads else "")


def write(folder: Path, real: Path | None) -> None:
    """200 pairs and tasks in English and Chinese, and a dictionary: real ones' first, or made-up ones."""
    made = {"en": "the dog sees house {}", "zh": "狗 看 房子 {}"}
    pairs = {key: [text.format(n) for n in range(ROWS)] for key, text in made.items()}
    tasks = {
        key: [{"instruction": text, "input": "", "output": text} for text in texts] for key, texts in pairs.items()
    }
    words = "dog\t狗\nsees\t看\nhouse\t房子\n"
    if real is not None:
        for key, code in {"en": "eng", "zh": "zho"}.items():
            # One of every fifty, for neighbours are translations of one sentence.
            lines = gzip.decompress((real / f"{TATOEBA}.{code}.gz").read_bytes()).decode().splitlines()
            pairs[key] = lines[::50][:ROWS]
            tasks[key] = json.loads(gzip.decompress((real / ALPACA[key]).read_bytes()))[:ROWS]
        words = gzip.decompress((real / "dictionaries/cosda_ml/zh2.txt.gz").read_bytes()).decode()
    folder.mkdir()
    for key in made:
        (folder / f"pairs.{key}").write_text("".join(f"{text}\n" for text in pairs[key]), encoding="utf-8")
        (folder / f"tasks.{key}.json").write_text(json.dumps(tasks[key]), encoding="utf-8")
    (folder / "en-zh.txt").write_text(words, encoding="utf-8")


def base(folder: Path, data: Path) -> None:
    """A random Llama of two layers, with 2,000 pieces of bytes as its tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    texts = [line for key in ("en", "zh") for line in (data / f"pairs.{key}").read_text("utf-8").splitlines()]
    tasks = [row for key in ("en", "zh") for row in json.loads((data / f"tasks.{key}.json").read_text("utf-8"))]
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    special, alphabet = ["<s>", "<pad>", "</s>"], pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    pieces.train_from_iterator(texts + [row["output"][:200] for row in tasks], trainer)
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, **names)
    torch.manual_seed(0)
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "vocab_size": len(tokenizer)}
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(**ids, **shape, initializer_range=0.2, max_position_embeddings=512))
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


# Quantities, of rows that do not change


def nearness(step: AlignmentStep, rows: Sequence[Tokens], layer: int) -> float:
    """How much nearer translations are than other pairs of sentences: the mean cosine less theirs, mean pooling."""
    (pairs,) = rows
    one, other = normalize(pool(step.network.states(pairs, layer), pairs.counted, "mean"), dim=-1).chunk(2)
    cosines = one @ other.T
    same = float(cosines.diagonal().mean())
    return same - (float(cosines.sum()) - same * len(cosines)) / (len(cosines) * (len(cosines) - 1))


def distance(step: AlignmentStep, rows: Sequence[Tokens], layer: int) -> float:
    """The mean squared distance of translations."""
    (pairs,) = rows
    one, other = pool(step.network.states(pairs, layer), pairs.counted, "mean").chunk(2)
    return float((one - other).square().mean())


def from_the_bases(step: AlignmentStep, rows: Sequence[Tokens], layer: int) -> float:
    """The mean squared distance of the other side from the base's vector of the pivot side."""
    (pairs,) = rows
    pivot, other = pairs.sides()
    then = pool(step.network.references.base().states(pairs, [layer])[0], pairs.counted, "mean")[pivot]
    return float((pool(step.network.states(pairs, layer), pairs.counted, "mean")[other] - then).square().mean())


def words(step: AlignmentStep, rows: Sequence[Tokens], layer: int) -> float:
    """How much nearer linked words are than other pairs of words."""
    (pairs,) = rows
    vectors = linked(step.network.states(pairs, layer), pairs, pairs.linked())
    one, other = (normalize(each, dim=-1) for each in vectors)
    cosines = one @ other.T
    same = float(cosines.diagonal().mean())
    return same - (float(cosines.sum()) - same * len(cosines)) / (len(cosines) * (len(cosines) - 1))


def nats(step: AlignmentStep, rows: Sequence[Tokens], _layer: int) -> float:
    """Of a token that is to be learnt, by all logits."""
    found = []
    for part in rows:
        logits = step.network.head.logits(step.network.states(part).flatten(0, 1)[part.places])
        found.append(torch.nn.functional.cross_entropy(logits, part.targets, reduction="sum"))
    return float(torch.stack(found).sum()) / sum(len(part.places) for part in rows)


def cost(step: AlignmentStep, rows: Sequence[Tokens], layer: int) -> float:
    """Of transport, at half the usual epsilon."""
    return float(Transport(layer=layer, epsilon=0.05, iterations=30)(step.network, rows))


@dataclass(frozen=True)
class Quantity:
    """What a loss is meant to move: `up` or down; or, for a loss that holds others back, to be less than without it."""

    name: str
    measure: Callable[[AlignmentStep, Sequence[Tokens], int], float]
    up: bool = False
    holds: bool = False


NEARNESS = Quantity("cosine of translations less others'", nearness, up=True)
QUANTITIES = {
    "contrastive": NEARNESS,
    "labse": NEARNESS,
    "momentum": NEARNESS,
    "instruction": Quantity("nats per learnt token", nats),
    "xeroalign": Quantity("squared distance of translations", distance),
    "distillation": Quantity("squared distance to the base's pivot side", from_the_bases),
    "word_alignment": Quantity("cosine of linked words less others'", words, up=True),
    "transport": Quantity("cost of transport", cost),
    "kl_to_base": Quantity("KL to the base", lambda step, rows, _: float(KlToBase()(step.network, rows)), holds=True),
    "l2_to_base": Quantity(
        "squared distance to the base",
        lambda step, rows, layer: float(L2ToBase(layer=layer)(step.network, rows)),
        holds=True,
    ),
}
HELD = {"kl_to_base": "kl_to_base_weight=20", "l2_to_base": "l2_to_base_weight=20"}  # so that 30 updates show it


@dataclass(frozen=True)
class Row:
    """A loss of a method: its quantity at first, and what it was changed by under each seed; where it holds others
    back, at first is without it."""

    method: str
    loss: str
    quantity: Quantity
    first: float
    changes: tuple[float, ...]

    @property
    def change(self) -> float:
        """The mean over seeds."""
        return sum(self.changes) / len(self.changes)

    @property
    def spread(self) -> float:
        """Of the seeds."""
        return max(self.changes) - min(self.changes)

    @property
    def moved(self) -> bool:
        """The right way, and by more than the seeds are apart."""
        return (self.change if self.quantity.up else -self.change) > self.spread

    def __str__(self) -> str:
        numbers = f"{self.first:9.4f} {self.first + self.change:9.4f} {self.change:+9.4f} {self.spread:8.4f}"
        return f"{self.method:14} {self.loss:16} {self.quantity.name:42} {numbers}  {'yes' if self.moved else 'NO'}"


HEADER = f"{'method':14} {'loss':16} {'quantity':42} {'before':>9} {'after':>9} {'change':>9} {'spread':>8}  moved"


class Bench:
    """A folder with data and a base; methods are tried in it."""

    def __init__(self, folder: Path, real: Path | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.known: dict[tuple[str, ...], dict[str, Any]] = {}  # of a method and its settings
        self.folder, self.data, self.model = folder, folder / "data", folder / "base"
        write(self.data, real)
        base(self.model, self.data)

    def recipe(self, method: str, *settings: str) -> Recipe:
        """Everything but the method alike."""
        path = self.folder / f"{method}.toml"
        path.write_text(recipe_text(method, self.model), encoding="utf-8")
        return resolve(str(path), [*settings, "run.warmup=0", 'run.schedule="constant"'])

    def trained(self, method: str, updates: int, seed: int, *settings: str) -> list[dict[str, float]]:
        """{loss: its quantity} before and after; of all 200 rows, as the method shows them."""
        sizes = ["run.pairs=16", "run.instructions=4", f"run.steps={updates}", f"run.seed={seed}", "run.lr=3e-3"]
        step, batches = self._ready(self.recipe(method, *settings, *sizes))
        torch.manual_seed(seed)
        optimiser = optimizer(step.model, lr=3e-3)
        before = self._measured(step, method, settings)
        for n in range(updates):
            (part,) = batches[n]
            update(step, optimiser, part.pairs, part.instructions)
        return [before, self._measured(step, method, settings, anew=True)]

    def _measured(self, step: AlignmentStep, method: str, settings: Sequence[str], *, anew: bool = False) -> Any:
        """Of the base once."""
        known = self.known.setdefault((method, *settings), {})
        if not known:
            every = [f"run.pairs={ROWS}", f"run.instructions={ROWS}", "run.steps=1", "run.seed=0"]
            every += ["data.mix.rate=0"] if "commit" in method else []
            (known["rows"],) = self._ready(self.recipe(method, *settings, *every))[1][0]
        if "base" not in known or anew:
            with torch.no_grad():
                found = {
                    loss.name: QUANTITIES[loss.name].measure(
                        step, known["rows"].rows(loss.needs), getattr(loss, "layer", 1)
                    )
                    for loss in step.losses
                }
            return found if anew else known.setdefault("base", found)
        return known["base"]

    def _ready(self, recipe: Recipe) -> tuple[AlignmentStep, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(self.model, dtype=torch.float32)
        streams = prepare(recipe, None, data_dir=self.data).streams
        tokenizer = AutoTokenizer.from_pretrained(self.model)
        examples = job._examples(recipe, streams, tokenizer, Network(model).packs, linker=streams.linker)
        return AlignmentStep(model, recipe.method.objective()), examples

    def rows(self, method: str, updates: int, *settings: str) -> list[Row]:
        """A row for each of the method's losses."""
        own = {loss.name for loss in self.recipe(method, *settings).method.objective().active}
        held = [*settings, *(f"method.{HELD[name]}" for name in own if name in HELD)]
        runs = [self.trained(method, updates, seed, *held) for seed in SEEDS]
        found = []
        for loss in sorted(own - HELD.keys()):
            changes = tuple(after[loss] - before[loss] for before, after in runs)
            found.append(Row(method, loss, QUANTITIES[loss], runs[0][0][loss], changes))
        for loss in sorted(own & HELD.keys()):
            # With a weight of next to nothing, the loss is still measured.
            without = [*settings, f"method.{loss}_weight=1e-9"]
            free = [self.trained(method, updates, seed, *without)[1][loss] for seed in SEEDS]
            changes = tuple(run[1][loss] - other for run, other in zip(runs, free, strict=True))
            found.append(Row(method, loss, QUANTITIES[loss], sum(free) / len(free), changes))
        return found


def main() -> None:
    """The table."""
    import os
    import tempfile

    from xling_bench.training.recipe import named

    root = os.environ.get("XLING_DATA_DIR")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "bench", Path(root) if root else None)
        sys.stdout.write(f"{HEADER}\n")
        for method in named()["method"]:
            for row in bench.rows(method, int(sys.argv[1]) if len(sys.argv) > 1 else 30):
                sys.stdout.write(f"{row}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
