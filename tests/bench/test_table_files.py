"""The feeds: different prefixes, the same routes in every format, the same octets for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from simulator.bench import table_files as feeds
from simulator.tables.input_formats import READERS, InputFormat
from simulator.tables.table_entries import TableEntry, TableRoutes

_READ_AS = {
    "table-dump-v2": InputFormat.MRT,
    "bgp4mp": InputFormat.MRT,
    "bird": InputFormat.BIRD,
    "json": InputFormat.JSON,
}


def _read(entries: Iterable[TableEntry]) -> Counter[tuple[bytes, str, tuple[int, ...]]]:
    found: Counter[tuple[bytes, str, tuple[int, ...]]] = Counter()
    for entry in entries:
        assert isinstance(entry, TableRoutes), entry
        found.update((key, entry.path.as_path_text, entry.path.communities) for key in entry.keys)
    return found


@pytest.mark.parametrize("kind", feeds.FEEDS)
def test_every_format_holds_the_routes_of_the_feed(kind: str) -> None:
    rows = feeds.routes(3000, 400)
    wanted = Counter((key, path.as_path_text, path.communities) for key, path in rows)
    assert len({key for key, _ in rows}) == 3000
    assert len({id(path) for _, path in rows}) == 400
    assert _read(READERS[_READ_AS[kind]](feeds.FEEDS[kind](rows))) == wanted


@pytest.mark.parametrize("kind", feeds.FEEDS)
def test_the_same_seed_gives_the_same_octets(kind: str) -> None:
    one, same, other = (b"".join(feeds.FEEDS[kind](feeds.routes(100, 20, seed))) for seed in (1, 1, 2))
    assert one == same != other


def test_no_prefix_comes_twice_in_the_largest_feed() -> None:
    assert len({feeds._key(number) for number in range(feeds.MOST)}) == feeds.MOST


@pytest.mark.parametrize(("count", "sets"), [(10, 11), (0, 0), (feeds.MOST + 1, 1), (5, 0)])
def test_counts_that_do_not_fit_are_refused(count: int, sets: int) -> None:
    with pytest.raises(ValueError, match="at most"):
        feeds.routes(count, sets)
