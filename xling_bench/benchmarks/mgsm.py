"""MGSM: 250 grade-school problems of GSM8K in eleven languages, and eight of its examples worked out in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Item, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import locate, read_json, read_tsv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.errors import DataError, MissingDataError
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit

EXAMPLES = "mgsm/exemplars.json"
ENGLISH = "en"
Example = tuple[str, str, str]  # a problem, its worked answer, the number


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """`mgsm/mgsm_<lang>.tsv` (problem, number), parallel by line; the worked examples are `mgsm/exemplars.json`, the
    tables of the repository's `exemplars.py` as JSON."""
    if split == "train":
        path = locate(root, [EXAMPLES])
        worked, english = (_examples(read_json(path), language, path) for language in (str(unit), ENGLISH))
        return [
            row("mgsm", split, number, *worked[number], solution_en=english[number][1]) for number in worked
        ], str(path.relative_to(root)), {}
    path = locate(root, [f"{folder}mgsm_{unit}.tsv" for folder in ("mgsm/", "")])
    rows = []
    for line, (question, answer) in read_tsv(path, 2):
        number = number_text(answer, f"{path}, line {line}")
        rows.append(row("mgsm", split, line, question, number, number, solution_en=number))
    return rows, str(path.relative_to(root)), {}


def _examples(tables: object, language: str, path: Path) -> dict[int, Example]:
    """{number: (problem, worked answer, number)} of one language, without the labels that begin both."""
    try:
        answers = tables["EXEMPLAR_NUMBER_ANSWERS"]  # type: ignore[index]  # whatever is wrong with it ends below
        known = tables["MGSM_EXEMPLARS"]  # type: ignore[index]
        if language not in known:
            raise MissingDataError(f"{path} has no worked examples in {language!r}")
        texts = {int(number): (text["q"], text["a"]) for number, text in known[language].items()}
        return {
            n: (unlabelled(q), unlabelled(a), number_text(answers[n - 1], str(path))) for n, (q, a) in texts.items()
        }
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path}: expected MGSM_EXEMPLARS (by language and number: q, a) and EXEMPLAR_NUMBER_ANSWERS: {error!r}"
        ) from error


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`juletxara/mgsm`: question, answer (worked, with labels as the examples'; null in test), answer_number."""
    if split == "train":
        english = [unlabelled(str(record["answer"])) for record in records(ENGLISH)]
        rows = zip(records(unit), english, strict=True)
        return [
            row("mgsm", split, number, unlabelled(str(record["question"])), unlabelled(str(record["answer"])),
                number_text(record["answer_number"], unit), solution_en=solution)
            for number, (record, solution) in enumerate(rows, start=1)
        ], {}  # fmt: skip
    return list(_unworked(split, records(unit), unit)), {}


def _unworked(split: str, records: Iterator[Record], where: str) -> Iterator[Record]:
    for number, record in enumerate(records, start=1):
        answer = number_text(record["answer_number"], where)
        yield row("mgsm", split, number, str(record["question"]), answer, answer, solution_en=answer)


def row(key: str, split: str, number: int, question: str, solution: str, answer: str, **more: str) -> Record:
    """A canonical row; `solution` is the number alone where no worked answer is published."""
    return {"id": f"{key}-{split}-{number:03d}", "question": question, "answer": answer, "solution": solution, **more}


def unlabelled(text: str) -> str:
    """An example without what begins it: `Frage: `, `问题：`."""
    marks = [place for mark in (":", "：") if (place := text.find(mark)) >= 0]
    if not marks:
        raise ValueError(f"expected a label and a colon before {text[:40]!r}")
    return text[min(marks) + 1 :].removeprefix(" ")


def number_text(value: object, where: str) -> str:
    """A right answer as plain digits: `2,125` and 2125.0 are `2125`. Raises DataError for what is no whole number."""
    text = str(value).strip().replace(",", "").removesuffix(".0")
    if not text.removeprefix("-").isdecimal() or not text.isascii():
        raise DataError(f"{where}: the answer should be a whole number, got {value!r}")
    return text


PROBLEMS = {  # to buy more, to give away, how the answer is said
    "de": (
        "Mira hat {a} Orangen. Sie kauft noch {b}. Wie viele Orangen hat sie jetzt?",
        "Mira hat {a} Orangen. Sie verschenkt {b}. Wie viele Orangen hat sie noch?",
        "Die Antwort lautet {c}.",
    ),
    "en": (
        "Mira has {a} oranges. She buys {b} more. How many oranges does she have now?",
        "Mira has {a} oranges. She gives {b} away. How many oranges does she have left?",
        "The answer is {c}.",
    ),
    "es": (
        "Mira tiene {a} naranjas. Compra {b} más. ¿Cuántas naranjas tiene ahora?",
        "Mira tiene {a} naranjas. Regala {b}. ¿Cuántas naranjas le quedan?",
        "La respuesta es {c}.",
    ),
    "fr": (
        "Mira a {a} oranges. Elle en achète encore {b}. Combien d'oranges a-t-elle maintenant ?",
        "Mira a {a} oranges. Elle en donne {b}. Combien d'oranges lui reste-t-il ?",
        "La réponse est {c}.",
    ),
    "ja": (
        "ミラはみかんを{a}個持っています。さらに{b}個買いました。今、みかんは何個ありますか？",
        "ミラはみかんを{a}個持っています。{b}個を友達にあげました。みかんは何個残っていますか？",
        "答えは{c}です。",
    ),
    "ru": (
        "у Миры {a} апельсинов. Она покупает ещё {b}. Сколько апельсинов у неё теперь?",
        "у Миры {a} апельсинов. Она дарит друзьям {b}. Сколько апельсинов у неё осталось?",
        "Ответ — {c}.",
    ),
    "sw": (
        "Mira ana machungwa {a}. Ananunua mengine {b}. Sasa ana machungwa mangapi?",
        "Mira ana machungwa {a}. Anagawa {b}. Amebaki na machungwa mangapi?",
        "Jibu ni {c}.",
    ),
    "zh": (
        "米拉有{a}个橙子。她又买了{b}个。她现在有多少个橙子？",
        "米拉有{a}个橙子。她送出去{b}个。她还剩多少个橙子？",
        "答案是 {c}。",
    ),
}
NUMBERS = ((5, 6), (31, 4), (17, 20), (1200, 80), (7, 7), (64, 25), (300, 9), (41, 33), (12, 3), (8, 5), (50, 11),
           (4, 2), (90, 60))  # fmt: skip
TESTED = 8  # the first of them


def invented(key: str, problems: Mapping[str, tuple[str, str, str]], *, english: bool) -> tuple[Item, ...]:
    """The sample: problems of two numbers, to be added and subtracted in turn; the last ones are demonstrations."""
    items = []
    for place, (a, b) in enumerate(NUMBERS):
        minus, demo = place % 2, place >= TESTED
        c = a - b if minus else a + b
        texts = {}
        for language, forms in problems.items():
            worked = f"{a} {'-' if minus else '+'} {b} = {c}. {forms[2].format(c=c)}"
            texts[language] = {"question": forms[minus].format(a=a, b=b), "solution": worked if demo else str(c)}
        shared = {"answer": str(c)} | ({"solution_en": texts[ENGLISH]["solution"]} if english else {})
        items.append(Item(f"sample-{key}-{place + 1:02d}", "demo" if demo else "test", texts, shared))
    return tuple(items)


IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=texts_of("question"), sample=invented("mgsm", PROBLEMS, english=True)
)
