"""Files that a run's data lack: all of them at once, and where they can be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xling_bench.benchmarks.textfiles import locate_any
from xling_bench.core.errors import MissingDataError
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.sources import InstructionSource, PairSource, Texts, Tsv

# How the paths of training/data/ begin, and who hands these files out.
ORIGINS = {
    "alpaca/": "Alpaca (Taori et al. 2023): https://github.com/tatsu-lab/stanford_alpaca, and translations of it",
    "bactrian/": "Bactrian-X (Li et al. 2023): https://huggingface.co/datasets/MBZUAI/Bactrian-X",
    "news-commentary/": "News-Commentary: https://opus.nlpl.eu",
    "opus100/": "OPUS-100 (Zhang et al. 2020): https://opus.nlpl.eu",
    "parallel/ntrex128/": "NTREX-128 (Federmann et al. 2022): https://github.com/MicrosoftTranslator/NTREX",
    "parallel/tatoeba": "Tatoeba Challenge (Tiedemann 2020): https://github.com/Helsinki-NLP/Tatoeba-Challenge",
    "parallel/tico19/": "TICO-19 (Anastasopoulos et al. 2020): https://tico-19.github.io",
    "wikipedia/": "Wikipedia, its articles' text: https://dumps.wikimedia.org",
    "wikimatrix/": "WikiMatrix (Schwenk et al. 2021): https://github.com/facebookresearch/LASER/tree/main/tasks/WikiMatrix",
}


def check_there(config: DataConfig, root: Path) -> None:
    """Raise MissingDataError naming every file that will be read and is not below `root`, by source."""
    told, count, all_of_them = [], 0, 0
    for title, paths in _wanted(config):
        gone = [path for path in dict.fromkeys(paths) if locate_any(root, [path]) is None]
        all_of_them += len(dict.fromkeys(paths))
        count += len(gone)
        if gone:
            origin = next((where for start, where in ORIGINS.items() if gone[0].startswith(start)), "")
            told.append(f"\n  {title}: {', '.join(gone)}{f' ({origin})' if origin else ''}")
    if count == 1:
        raise MissingDataError(f"no file{told[0].partition(':')[2]} (plain or .gz) below {root}")
    if told:
        raise MissingDataError(
            f"{count} of the data's {all_of_them} files are not (plain or .gz) below {root}:{''.join(told)}\n"
            "Put them there under these names, or name your own in a table [data]."
        )


def _wanted(config: DataConfig) -> Iterator[tuple[str, list[str]]]:
    """The sources that are read, and their files in the languages that are; dictionaries that are named to mix with."""
    for source in config.pairs:
        yield source.title, _files(source, config.languages)
    for source in config.instructions if config.offers("instructions") else ():
        yield source.title, _files(source, config.instruction_languages)
    for text in config.texts if "texts" in config.uses else ():
        yield text.title, _files(text, config.languages)
    named = [config.dictionaries[key] for key in config.mixed_languages if key in config.dictionaries]
    if named:
        yield "dictionaries", named


def _files(source: PairSource | InstructionSource | Texts, languages: tuple[str, ...]) -> list[str]:
    if isinstance(source, Tsv):
        return [source.file]
    return [path for language, paths in source.files.items() if language in languages for path in paths]
