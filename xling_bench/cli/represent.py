"""`xling-bench represent`: a model's states of parallel sentences, and how near translations are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.cli.common import add_data, apply_data, comma_list, show, tell
from xling_bench.core.errors import UsageError

if TYPE_CHECKING:
    from xling_bench.core.unit import Unit
    from xling_bench.represent.alignment import Side
    from xling_bench.represent.corpus import Corpus
    from xling_bench.represent.questions import Questions

EXAMPLE = "example: xling-bench represent hf:./my-checkpoint --pairs flores --langs de,sw,zh -o states/mine"


def add(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "represent", help="how near translations are in a model's layers; resumes where it stopped", epilog=EXAMPLE
    )
    parser.add_argument("models", nargs="+", metavar="hf:PATH_OR_NAME|gguf:FILE", help="one model or several")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="folder for states and numbers")
    parser.add_argument(
        "--pairs", metavar="flores|flores-dev|ntrex|tatoeba|FILE",
        help="parallel sentences (default flores); FILE: a TSV whose header names languages, or a name with {lang}",
    )  # fmt: skip
    parser.add_argument("--langs", type=comma_list, default=[], metavar="CODE,...", help="languages beside the pivot")
    parser.add_argument("--pivot", default="en", metavar="CODE", help="what they are paired with (default en)")
    parser.add_argument(
        "--layers", type=comma_list, default=["all"], metavar="N,mid,last|all",
        help="0 is the embedding's output, last after the final norm (default all)",
    )  # fmt: skip
    parser.add_argument("--pooling", default="mean", metavar="mean|weighted|last", help="tokens to one vector (mean)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N sentences")
    parser.add_argument("--name", type=comma_list, default=[], metavar="A,...", help="what the models are called")
    parser.add_argument(
        "--intervene", type=comma_list, default=[], metavar="centre,lsar,rotate,rotate-dictionary",
        help="measure changed states, too",
    )
    parser.add_argument("--fit", metavar="flores-dev|ntrex|FILE", help="the sentences that --intervene is fitted on")
    parser.add_argument(
        "--latent", type=comma_list, default=[], metavar="de-zh,...",
        help="how likely English is, layer by layer, where words are translated between other languages",
    )  # fmt: skip
    parser.add_argument("--latent-words", type=int, metavar="N", help="words a pair (default 100)")
    parser.add_argument("--dictionary", metavar="FILE", help="words of your own for --latent and rotate-dictionary: a "
                        "name with {lang}, an English word and its translation a line")  # fmt: skip
    parser.add_argument("--no-random", action="store_true", help="leave out the baseline of random weights")
    parser.add_argument("--peft", metavar="PATH", help="adapter to load on top of the model")
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument("--dtype", default="auto", help="auto (default), float32, bfloat16, float16")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens of a text that count, if not the model's")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the model's own code: dangerous")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, measure, print a table."""
    apply_data(arguments)
    from xling_bench.core.chatter import quiet
    from xling_bench.models.config import ModelConfig
    from xling_bench.represent import alignment
    from xling_bench.represent.corpus import KNOWN, languages_of, read_corpus
    from xling_bench.represent.interventions import FROM_DICTIONARY, check_interventions
    from xling_bench.represent.questions import check_pairs
    from xling_bench.represent.shown import latent_table, table
    from xling_bench.represent.token_weights import check_pooling

    quiet()
    if len(arguments.models) > 1 and (arguments.peft or arguments.revision):
        raise UsageError("--peft and --revision are of one model; got several.")
    shared = {name: getattr(arguments, name)
              for name in ("peft", "revision", "dtype", "device", "max_length", "trust_remote_code")}  # fmt: skip
    models = tuple(ModelConfig(spec=spec, **shared) for spec in arguments.models)
    pooling = check_pooling(arguments.pooling)
    latent = check_pairs(arguments.latent)
    langs = arguments.langs or [key for pair in latent for key in pair.languages]
    corpus = read_corpus(arguments.pairs or KNOWN[0], langs, pivot=arguments.pivot, limit=arguments.limit)
    interventions = check_interventions(arguments.intervene)
    fit = arguments.fit and read_corpus(arguments.fit, languages_of(corpus), pivot=corpus.pivot)
    questions, words = _from_dictionaries(arguments, latent, corpus, turned=FROM_DICTIONARY in interventions)
    names = alignment.model_names(models, arguments.name)
    wanted = alignment.Job(models, names, corpus, tuple(arguments.layers), pooling, arguments.output,
                     random=not arguments.no_random, interventions=interventions, fit=fit or None,
                     words=words, latent=questions)  # fmt: skip
    report = alignment.run(wanted)
    show(table(report.records), end="")
    if latent:
        show("\n" + latent_table(report.records), end="")
    for note in report.notes:
        tell(f"note: {note}")
    show(f"{len(report.records)} numbers in {arguments.output / alignment.ALIGNMENT}")
    return 0


def _from_dictionaries(arguments: argparse.Namespace, latent: Sequence[Unit], corpus: Corpus, *,
                       turned: bool) -> tuple[tuple[Questions, ...], dict[str, tuple[Side, Side]]]:  # fmt: skip
    """What --latent asks, and the words that rotate-dictionary is fitted on (`turned`)."""
    from xling_bench.data.source import current_source
    from xling_bench.represent.corpus import languages_of
    from xling_bench.represent.dictionary import Dictionary, read_dictionary, word_pairs
    from xling_bench.represent.questions import WORDS, check_count, choose

    if arguments.latent_words is not None and not latent:
        raise UsageError("--latent-words says how many words --latent asks for; name its languages, such as "
                         "--latent de-zh.")  # fmt: skip
    if not latent and not turned:
        if arguments.dictionary:
            raise UsageError("--dictionary is for --latent and --intervene rotate-dictionary; neither is given.")
        return (), {}
    if turned and corpus.pivot != "en":
        raise UsageError("--intervene rotate-dictionary: dictionaries are from English; expected --pivot en, got "
                         f"{corpus.pivot}.")  # fmt: skip
    root = current_source().root

    @cache
    def dictionary(language: str) -> Dictionary:
        return read_dictionary(root, language, arguments.dictionary)

    most = check_count(WORDS if arguments.latent_words is None else arguments.latent_words)
    questions = tuple(choose(pair, dictionary(pair.source), dictionary(pair.target), most) for pair in latent)
    words: dict[str, tuple[Side, Side]] = {}
    for key in languages_of(corpus) if turned else ():
        english, own = word_pairs(dictionary(key), key)
        words[key] = (f"en.{key}", english), (key, own)
    return questions, words
