"""The batch plan, and the file that keeps texts of a unit in flight."""

import json
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.core.errors import OutputError
from xling_bench.evaluation.generate import Request, plan_batches
from xling_bench.evaluation.partial import PartialTexts, discard, partial_path
from xling_bench.scoring.tree import common

contexts = st.lists(st.tuples(st.text(max_size=6), st.integers(1, 9), st.sampled_from("ab")), max_size=30)
HEADER = {"key": "k", "batch_size": 2}


def requests(drawn: list[tuple[str, int, str]]) -> list[Request]:
    lengths = {(text, kind): length for text, length, kind in drawn}  # a text has one length
    return [Request(f"{kind}:{text}", kind, lengths[text, kind], text) for text, _, kind in drawn]


@given(contexts, st.integers(1, 8), st.randoms())
def test_the_plan_holds_every_request_once_and_knows_no_order(drawn, size, random) -> None:
    wanted = requests(drawn)
    plan = plan_batches(wanted, size)
    names = [name for batch in plan for name in batch]
    assert sorted(names) == sorted({request.name for request in wanted})
    assert all(1 <= len(batch) <= size for batch in plan)
    random.shuffle(wanted)
    assert plan_batches([*wanted, *wanted], size) == plan


@given(contexts, st.integers(1, 8))
def test_a_batch_has_one_kind_of_settings_and_the_longest_come_first(drawn, size) -> None:
    by_name = {request.name: request for request in requests(drawn)}
    plan = [[by_name[name] for name in batch] for batch in plan_batches(by_name.values(), size)]
    assert all(len({request.settings for request in batch}) == 1 for batch in plan)
    for kind in "ab":
        batches = [batch for batch in plan if batch[0].settings == kind]
        lengths = [request.length for batch in batches for request in batch]
        assert lengths == sorted(lengths, reverse=True)
        assert all(len(batch) == size for batch in batches[:-1]), "only the last batch may be short"


@given(contexts, st.integers(1, 8), st.integers(1, 40))
def test_a_batch_has_no_more_tokens_than_fit_and_no_fewer_texts(drawn, size, tokens) -> None:
    by_name = {r.name: r._replace(own=r.length + 3) for r in requests(drawn)}
    plan = [[by_name[name] for name in batch] for batch in plan_batches(by_name.values(), size, tokens)]
    assert sorted(r.name for batch in plan for r in batch) == sorted(by_name)
    for batch, after in zip_longest(plan, plan[1:]):
        assert len(batch) == 1 or len(batch) * batch[0].own <= tokens
        full = len(batch) == size or (len(batch) + 1) * batch[0].own > tokens
        assert full or after is None or after[0].settings != batch[0].settings


@given(st.lists(st.text("ab", max_size=5), min_size=1, max_size=4))
def test_what_texts_begin_with(texts) -> None:
    length = common(texts)
    assert len({text[:length] for text in texts}) == 1
    assert length == min(map(len, texts)) or len({text[: length + 1] for text in texts}) > 1


def keeper(folder, header=HEADER, say=lambda line: None) -> PartialTexts:
    kept = PartialTexts(partial_path(folder), dict(header), say)
    kept.load()
    return kept


def test_texts_come_back_as_they_were(tmp_path) -> None:
    texts = {"a": "", "b": "two\nlines\r\u2028 and more \ufffd", "c": "扇"}
    kept = keeper(tmp_path / "0-0-none")
    kept.add(texts)
    kept.add({"d": "last"})
    again = keeper(tmp_path / "0-0-none")
    assert again.texts == {**texts, "d": "last"}
    discard(tmp_path / "0-0-none")
    assert not list(tmp_path.iterdir())
    discard(tmp_path / "0-0-none")


def test_whatever_is_cut_off_only_what_is_whole_is_used_and_the_file_goes_on(tmp_path) -> None:
    folder = tmp_path / "0-0-none"
    keeper(folder).add({"a": "über", "b": "扇"})
    whole = partial_path(folder).read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    for cut in range(len(whole) + 1):
        partial_path(folder).write_bytes(whole[:cut])
        kept = keeper(folder)
        lines = sum(end <= cut for end in ends)
        assert list(kept.texts) == ["a", "b"][: max(0, lines - 1)]
        kept.add({"c": "new"})
        assert keeper(folder).texts == {**kept.texts, "c": "new"}
        assert json.loads(partial_path(folder).read_bytes().split(b"\n")[0]) == HEADER


@pytest.mark.parametrize("tail", [b"\0" * 50, b"\0\n", b"[]\n", b'{"request": 1, "text": 2}\n', b"\xff\xfe\n"])
def test_damage_ends_the_file(tmp_path, tail: bytes) -> None:
    folder = tmp_path / "0-0-none"
    keeper(folder).add({"a": "x"})
    whole = partial_path(folder).read_bytes()
    partial_path(folder).write_bytes(whole + tail)
    assert keeper(folder).texts == {"a": "x"}
    assert partial_path(folder).read_bytes() == whole


@pytest.mark.parametrize("field", ["key", "batch_size"])
def test_texts_of_another_key_or_plan_are_dropped_and_said(tmp_path, field: str) -> None:
    folder = tmp_path / "0-0-none"
    keeper(folder).add({"a": "x"})
    said: list[str] = []
    kept = keeper(folder, {**HEADER, field: "other"}, said.append)
    assert not kept.texts
    assert "are not used" in said[0]
    kept.add({"a": "y"})
    assert keeper(folder, {**HEADER, field: "other"}).texts == {"a": "y"}
    assert not keeper(folder).texts


def test_a_disk_that_refuses_is_one_clear_error(tmp_path) -> None:
    partial_path(tmp_path / "0-0-none").mkdir()
    with pytest.raises(OutputError, match=r"cannot read .*\.0-0-none\.partial\.jsonl"):
        keeper(tmp_path / "0-0-none")
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        PartialTexts(type(tmp_path)("/dev/full"), HEADER, print).add({"a": "x"})
