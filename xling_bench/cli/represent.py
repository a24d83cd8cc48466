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
    from xling_bench.represent.corpus import Corpus
    from xling_bench.represent.questions import Questions
    from xling_bench.represent.request import Side

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
    parser.add_argument("--fit-limit", type=int, metavar="N", help="only the first N of them")
    parser.add_argument(
        "--map", type=comma_list, default=[], metavar="best,mid,last,N", help="draw these layers' sentences (t-SNE)"
    )
    parser.add_argument("--page", action="store_true", help="write index.html: all figures and tables on a page")
    parser.add_argument(
        "--transfer", type=comma_list, default=[], metavar="sib200,xnli,pawsx",
        help="train a linear head on the pivot's states of these benchmarks' items, test it in every language",
    )  # fmt: skip
    parser.add_argument(
        "--transfer-limit", type=int, default=500, metavar="N", help="items it is tested on (500); trained on up to 2 N"
    )
    parser.add_argument(
        "--answers", metavar="hplt|FILE", help="have the same instructions answered, too; FILE: JSON lines, with {lang}"
    )
    parser.add_argument("--answer-tokens", type=int, metavar="N", help="of an answer at most (default 128)")
    parser.add_argument(
        "--answer-template", metavar="chat|alpaca|afp", help="how they are asked (the model's own, else alpaca)"
    )
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
    from xling_bench.core.text import number_of
    from xling_bench.models.config import ModelConfig
    from xling_bench.report.alone import FIGURES, PAGE, check_alone, write_alone
    from xling_bench.represent import alignment
    from xling_bench.represent.corpus import KNOWN, languages_of, read_corpus
    from xling_bench.represent.interventions import FROM_DICTIONARY, check_interventions
    from xling_bench.represent.questions import check_pairs
    from xling_bench.represent.request import Job, model_names
    from xling_bench.represent.shown import answers_table, latent_table, table, transfer_table
    from xling_bench.represent.token_weights import check_pooling
    from xling_bench.represent.transfer_items import read_transfer

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
    if arguments.fit_limit is not None and not arguments.fit:
        raise UsageError("--fit-limit is of --fit; name the sentences that --intervene is fitted on.")
    fit = arguments.fit and read_corpus(arguments.fit, languages_of(corpus), pivot=corpus.pivot,
                                        limit=arguments.fit_limit)  # fmt: skip
    transfers = tuple(read_transfer(key, corpus.pivot, languages_of(corpus), arguments.transfer_limit)
                      for key in dict.fromkeys(arguments.transfer))  # fmt: skip
    questions, words = _from_dictionaries(arguments, latent, corpus, turned=FROM_DICTIONARY in interventions)
    names = model_names(models, arguments.name)
    wanted = Job(models, names, corpus, tuple(arguments.layers), pooling, arguments.output,
                     random=not arguments.no_random, interventions=interventions, fit=fit or None,
                     maps=tuple(arguments.map), transfers=transfers, words=words, latent=questions,
                     asking=_asking(arguments, [corpus.pivot, *languages_of(corpus)]))  # fmt: skip
    if arguments.page:
        check_alone(arguments.output)
    report = alignment.run(wanted)
    show(table(report.records), end="")
    if transfers:
        show("\n" + transfer_table(report.records), end="")
    if latent:
        show("\n" + latent_table(report.records), end="")
    show(answers_table(report.records), end="")
    for note in report.notes:
        tell(f"note: {note}")
    show(f"{len(report.records)} numbers in {arguments.output / alignment.ALIGNMENT}")
    drawn = write_alone(arguments.output, page=arguments.page)
    tell(f"{number_of(len(drawn.figures), 'figure')} in {arguments.output / FIGURES}")
    if arguments.page:
        show(f"{arguments.output / PAGE} (opens in a browser, offline)")
    return 0


def _asking(arguments: argparse.Namespace, languages: list[str]) -> Any:
    """What the models are to answer (`answers.Asking`), or None."""
    from xling_bench.represent.answers import TOKENS, Asking
    from xling_bench.represent.parallel_prompts import check_template, read_prompts

    template = check_template(arguments.answer_template)
    if arguments.answers is None:
        if template or arguments.answer_tokens is not None:
            raise UsageError("--answer-template and --answer-tokens belong to --answers: name what is to be answered.")
        return None
    prompts = read_prompts(arguments.answers, languages[0], languages[1:], arguments.limit)
    asking = Asking(prompts, template, TOKENS if arguments.answer_tokens is None else arguments.answer_tokens)
    asking.check()
    return asking


def _from_dictionaries(arguments: argparse.Namespace, latent: Sequence[Unit], corpus: Corpus, *,
                       turned: bool) -> tuple[tuple[Questions, ...], dict[str, tuple[Side, Side]]]:  # fmt: skip
    """What --latent asks, and the words that rotate-dictionary is fitted on (`turned`)."""
    from xling_bench.data.source import current_source
    from xling_bench.dictionaries import Dictionary, read_dictionary
    from xling_bench.represent.corpus import languages_of
    from xling_bench.represent.questions import WORDS, check_count, choose
    from xling_bench.represent.words import word_pairs

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
