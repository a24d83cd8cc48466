"""What aligned models learn from: translation pairs and cross-lingual instructions, as seeded streams.

    config.py         what a training file may say about data
    pairs.py          line-aligned and TSV files to translation pairs
    instructions.py   Alpaca and Bactrian-X files to instructions that several languages share
    texts.py          a pair and an instruction; AFP's strings around them
    order.py          random numbers and permutations that depend on a seed and a place, and on nothing else
    streams.py        stream[i]: the i-th pair, the i-th instruction
    contamination.py  training texts that are evaluation texts, whole or in long pieces
    missing.py        files that are not there
    undamaged.py      lines that are text
    places.py         the file and line of a row
    unlearnable.py    rows that a model cannot learn from, left out
    loading.py        all of it together, with a report
    word_pairs.py     words whose translations are looked for on the way
    held_out.py       sentences to measure on the way, without those that stand in training texts

None of these imports torch.
"""

from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.loading import load
from xling_bench.training.corpora.streams import InstructionStream, PairStream, Streams
from xling_bench.training.corpora.texts import Instruction, Pair

__all__ = ["DataConfig", "Instruction", "InstructionStream", "Pair", "PairStream", "Streams", "load"]
