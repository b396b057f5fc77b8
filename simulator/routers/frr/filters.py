"""What filters a session's announcements in a user's own frr.conf, and what to change there.

A neighbor may have four filters at once: a route map, a prefix list, a distribute list (an access list) and a filter
list (an AS path list). A route goes out where all of them permit it; one that names what is not there permits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from simulator.routers.frr.file import INSTANCE, scopes
from simulator.routers.statements import same

ROUTE_MAP, PREFIX_LIST, DISTRIBUTE_LIST, FILTER_LIST = "route-map", "prefix-list", "distribute-list", "filter-list"
_LISTS: Final = {
    PREFIX_LIST: r"{word} prefix-list",
    DISTRIBUTE_LIST: r"(?:{word} )?access-list",
    FILTER_LIST: r"(?:bgp|ip) as-path access-list",
}
"""By filter: how the entries of its list begin."""
REFILTERED: Final = frozenset(
    {
        *("export-policy", "*", "from-microsoft", "as-path-too-long"),
        *("too-many-communities", "maps-community-missing", "link-local-next-hop"),
        *("import-policy", "network-not-in-rib"),
    }
)
"""What is wrong with announcements that `refiltered` looks for, by `simulator.routers.wording`; of paths that are too
long it finds nothing that `simulator.routers.culprits` would not."""
_PERMIT, _DENY = "permit", "deny"
_ANY: Final = r"(\S+)"


FilterChange = tuple[int, int, str]
"""From where to where in the file, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One line of a list."""

    span: tuple[int, int]
    head: str
    """`ip prefix-list NAME`."""
    number: int
    """Its place in the list; FRR counts on by five where the line has none."""
    action: str
    rest: str


def exports(text: str, address: str) -> dict[str, str]:
    """The filters of what is announced on a session: kind → name. `text` has no comments."""
    found: dict[str, str] = {}
    for start, end in scopes(text, address):
        for hit in re.finditer(rf" ({'|'.join((ROUTE_MAP, *_LISTS))}) (\S+) out\b", text[start:end]):
            found.setdefault(hit[1], hit[2])
    return found


def refiltered(
    text: str,
    address: str,
    key: str,
    prefixes: Sequence[str],
    peer: str,
    remote_as: int,
    community: str,
    meant: Sequence[str] = (),
) -> list[FilterChange]:
    """What to change so that a session announces what it should; empty where the file gives no hold for it.

    `text`: without comments, every offset as in the file. `key`: what is wrong, by `simulator.routers.wording`.
    `meant`: what the peer is to announce on the session.
    """
    file = _File(text, address)
    if file.instance is None:
        return []
    if key == "export-policy":
        return file.let_out(prefixes)
    if key == "*":
        return file.keep_back(prefixes)
    if key == "from-microsoft":
        return file.keep_paths_back(f"_{remote_as}_")
    if key == "import-policy":
        return file.take_in(remote_as)
    if key == "network-not-in-rib":
        return file.rename_networks(prefixes, meant)
    sets = {
        "too-many-communities": ("set community none", "set large-community none"),
        "maps-community-missing": (f"set community 8075:{community} additive",),
        "link-local-next-hop": (f"set ipv6 next-hop global {peer}",),
    }.get(key)
    return file.let_set(sets) if sets is not None else []


class _File:
    """A user's frr.conf, as it is about one session."""

    def __init__(self, text: str, address: str) -> None:
        self._text, self._address = text, address
        self._six = ":" in address
        self._word = "ipv6" if self._six else "ip"
        self.filters = exports(text, address)
        mine = scopes(text, address)
        self.instance = next(
            (hit for hit in INSTANCE.finditer(text) if mine and hit.start() <= mine[0][0] < hit.end()), None
        )

    # --- what is wanted ---

    def let_out(self, prefixes: Sequence[str]) -> list[FilterChange]:
        """Every list that refuses one of the prefixes permits it; where none does, the route map."""
        changes: list[FilterChange] = []
        for kind in (PREFIX_LIST, DISTRIBUTE_LIST):
            if name := self.filters.get(kind, ""):
                entries = self._entries(kind, name)
                refused = [each for each in prefixes if not _permitted(kind, entries, each)]
                if refused:
                    changes += self._added(kind, name, _PERMIT, [_body(kind, name, each) for each in refused])
        if name := self.filters.get(FILTER_LIST, ""):
            entries = self._entries(FILTER_LIST, name)
            if not _permitted(FILTER_LIST, entries, ""):
                changes += self._added(FILTER_LIST, name, _PERMIT, ["^$"])
        if not changes and (name := self.filters.get(ROUTE_MAP, "")):
            own = self._free("TO-MICROSOFT", PREFIX_LIST)
            lines = [f"{self._word} prefix-list {own} seq {5 * n} permit {each}" for n, each in enumerate(prefixes, 1)]
            lines += [f"route-map {name} permit {{}}", f" match {self._word} address prefix-list {own}"]
            return self._with_map_entry(name, lines)
        return changes

    def keep_back(self, prefixes: Sequence[str]) -> list[FilterChange]:
        """One of the filters refuses the prefixes; a new prefix list does where the others cannot.

        A default route that the session itself originates passes them all.
        """
        default = [each for each in prefixes if ip_network(each).prefixlen == 0]
        if default and (changes := self._gone(rf" *neighbor +{_ANY} +default-originate\b[^\n]*")):
            others = [each for each in prefixes if each not in default]
            return changes + (self.keep_back(others) if others else [])
        for kind in (PREFIX_LIST, DISTRIBUTE_LIST):
            if name := self.filters.get(kind, ""):
                if not (entries := self._entries(kind, name)):
                    return []
                passing = [each for each in prefixes if _permitted(kind, entries, each)]
                bodies = [_body(kind, name, each) for each in passing]
                return self._added(kind, name, _DENY, bodies) if passing else []
        own = self._free("NOT-TO-MICROSOFT", PREFIX_LIST)
        head = f"{self._word} prefix-list {own} seq"
        rest = "::/0 le 128" if self._six else "0.0.0.0/0 le 32"
        lines = [f"{head} {5 * n} deny {each}" for n, each in enumerate(prefixes, 1)]
        lines.append(f"{head} {5 * len(prefixes) + 5} permit {rest}")
        return [self._before_instance(lines), self._in_family(f"prefix-list {own} out")]

    def keep_paths_back(self, path: str) -> list[FilterChange]:
        """No route goes out that has such a path."""
        if name := self.filters.get(FILTER_LIST, ""):
            if not self._entries(FILTER_LIST, name):
                return []
            return self._added(FILTER_LIST, name, _DENY, [path])
        own = self._free("NOT-FROM-MICROSOFT", FILTER_LIST)
        head = f"bgp as-path access-list {own} seq"
        lines = [f"{head} 5 deny {path}", f"{head} 10 permit .*"]
        return [self._before_instance(lines), self._in_family(f"filter-list {own} out")]

    def take_in(self, remote_as: int) -> list[FilterChange]:
        """A route map of its own takes Microsoft's routes in, in place of what filters them now."""
        paths, own = self._free("FROM-MICROSOFT", FILTER_LIST), self._free("FROM-MICROSOFT", ROUTE_MAP)
        head = f"bgp as-path access-list {paths} seq"
        lines = [f"{head} 5 deny _12076_", f"{head} 10 permit ^{remote_as}(_|$)"]
        lines += [f"route-map {own} permit 10", f" match as-path {paths}"]
        kinds = "|".join((ROUTE_MAP, *_LISTS))
        gone = self._gone(rf" *neighbor +{_ANY} +(?:{kinds}) +\S+ +in[ \t]*")
        return [self._before_instance(lines), *gone, self._in_family(f"route-map {own} in")]

    def rename_networks(self, away: Sequence[str], meant: Sequence[str]) -> list[FilterChange]:
        """`network` names a prefix that nobody is to announce, in place of one around it or in it: a wrong mask."""
        changes: list[FilterChange] = []
        assert self.instance is not None
        for hit in re.finditer(r"^ *network +(\S+)", self._text[: self.instance.end()], re.MULTILINE):
            found = _network(hit[1])
            if hit.start() < self.instance.start() or found is None or str(found) not in away or str(found) in meant:
                continue
            fit = [each for each in map(ip_network, meant) if each.version == found.version and each.overlaps(found)]
            if len(fit) == 1:
                changes.append((*hit.span(1), str(fit[0])))
        return changes if len(changes) == len(away) else []

    def let_set(self, sets: Sequence[str]) -> list[FilterChange]:
        """Every entry of the route map that permits something sets this too; where there is no route map, a new one."""
        name = self.filters.get(ROUTE_MAP, "")
        found = list(self._map_entries(name)) if name else []
        if name and not found:
            return []
        if not name:
            own = self._free("TO-MICROSOFT", ROUTE_MAP)
            lines = [f"route-map {own} permit 10", *(f" {each}" for each in sets)]
            return [self._before_instance(lines), self._in_family(f"route-map {own} out")]
        changes: list[FilterChange] = []
        for start, end, _, action in found:
            if action != _PERMIT:
                continue
            for each in sets:
                changes.append(self._setting(start, end, each))
        return changes

    # --- lines ---

    def _gone(self, line: str) -> list[FilterChange]:
        """The neighbor's own lines of a kind are taken out; `line` is a pattern whose first group is the neighbor."""
        assert self.instance is not None
        look = re.compile(rf"^{line}(?:\n|\Z)", re.MULTILINE)
        found = look.finditer(self._text, *self.instance.span())
        return [(*hit.span(), "") for hit in found if same(hit[1], self._address)]

    def _entries(self, kind: str, name: str) -> list[ListEntry]:
        head = _LISTS[kind].replace("{word}", self._word)
        if kind == DISTRIBUTE_LIST and self._six:
            head = "ipv6 access-list"
        look = rf"^({head} {re.escape(name)})(?: seq (\d+))? (permit|deny) +(.*?)[ \t]*$"
        found: list[ListEntry] = []
        for hit in re.finditer(look, self._text, re.MULTILINE):
            number = int(hit[2]) if hit[2] else max((each.number for each in found), default=0) // 5 * 5 + 5
            found.append(ListEntry(hit.span(), hit[1], number, hit[3], hit[4]))
        return sorted(found, key=lambda each: each.number)

    def _added(self, kind: str, name: str, action: str, bodies: Sequence[str]) -> list[FilterChange]:
        """Entries before the first that does otherwise; where no number is free there, the list is numbered anew."""
        entries = self._entries(kind, name)
        first = next((each for each in entries if each.action != action), None)
        before = [each for each in entries if first is None or each.number < first.number]
        last = max((each.number for each in before), default=0)
        if not entries:
            words = {PREFIX_LIST: f"{self._word} prefix-list", FILTER_LIST: "bgp as-path access-list"}
            head = f"{words.get(kind, 'ipv6 access-list' if self._six else 'access-list')} {name}"
            return [self._before_instance([f"{head} seq {5 * n} {action} {b}" for n, b in enumerate(bodies, 1)])]
        head = entries[0].head
        if first is None:
            end = max(each.span[1] for each in entries)
            lines = [f"{head} seq {last // 5 * 5 + 5 * n} {action} {body}" for n, body in enumerate(bodies, 1)]
            return [(end, end, "".join(f"\n{line}" for line in lines))]
        if first.number - last > len(bodies):
            lines = [f"{head} seq {first.number - len(bodies) + n} {action} {b}" for n, b in enumerate(bodies)]
            return [(first.span[0], first.span[0], "".join(f"{line}\n" for line in lines))]
        wanted = [(each.action, each.rest) for each in before] + [(action, body) for body in bodies]
        wanted += [(each.action, each.rest) for each in entries if each not in before]
        lines = [f"{head} seq {5 * n} {act} {rest}" for n, (act, rest) in enumerate(wanted, 1)]
        spans = sorted(each.span for each in entries)
        gone = [(start, min(end + 1, len(self._text)), "") for start, end in spans[1:]]
        return [(*spans[0], "\n".join(lines)), *gone]

    def _map_entries(self, name: str) -> Iterator[tuple[int, int, int, str]]:
        """Start, end, number and action of each entry of a route map."""
        look = rf"^route-map {re.escape(name)} (permit|deny) (\d+)[^\n]*(?:\n[ \t]+\S[^\n]*|\n[ \t]*(?=\n[ \t]+\S))*"
        for hit in re.finditer(look, self._text, re.MULTILINE):
            yield hit.start(), hit.end(), int(hit[2]), hit[1]

    def _with_map_entry(self, name: str, lines: Sequence[str]) -> list[FilterChange]:
        """A new entry before all others; empty where the first has the lowest number that there is."""
        entries = sorted(self._map_entries(name), key=lambda each: each[2])
        number = entries[0][2] // 2 if entries else 10
        if number < 1:
            return []
        text = "\n".join(lines).replace("{}", str(number)) + "\n"
        if not entries:
            return [self._before_instance(text.splitlines())]
        start = min(each[0] for each in entries)
        return [(start, start, f"{text}!\n")]

    def _setting(self, start: int, end: int, line: str) -> FilterChange:
        """One `set` of an entry, in place of one that does the same: the last one alone holds."""
        kind = re.match(r"set \S+(?: next-hop global)?", line)
        assert kind is not None, "a line that sets something"
        there = re.compile(rf"^[ \t]+({kind[0]} [^\n]*?)[ \t]*$", re.MULTILINE).search(self._text, start, end)
        if there is None:
            return end, end, f"\n {line}"
        if line.endswith(" additive"):  # beside what is set already
            value = line.split()[2]
            kept = re.sub(r"(?: none)?( additive)?$", "", there[1]).removeprefix("set community").split()
            line = " ".join(["set community", *dict.fromkeys([*kept, value]), "additive"])
        return there.start(1), there.end(1), line

    def _free(self, name: str, kind: str) -> str:
        """A name that the file has no list, or route map, of."""
        heads = "|".join((ROUTE_MAP, *(each.replace("{word}", "ipv?6?") for each in _LISTS.values())))
        taken = {hit[1] for hit in re.finditer(rf"^(?:{heads}) (\S+)", self._text, re.MULTILINE)}
        name = f"{name}-V{6 if self._six else 4}"
        return next(each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if each not in taken)

    def _before_instance(self, lines: Sequence[str]) -> FilterChange:
        assert self.instance is not None
        start = self.instance.start()
        return start, start, "".join(f"{line}\n" for line in lines) + "!\n"

    def _in_family(self, words: str) -> FilterChange:
        """A line of the neighbor in its own address family."""
        assert self.instance is not None
        line = f"  neighbor {self._address} {words}\n"
        family = "ipv6" if self._six else "ipv4"
        block = re.compile(rf"^ address-family {family}(?: unicast)?[ \t]*\n", re.MULTILINE)
        hit = block.search(self._text, *self.instance.span())
        if hit is not None:
            own = re.compile(r"^ +(?:no )?neighbor (\S+) [^\n]*\n", re.MULTILINE)
            over = re.compile(r"^ exit-address-family|^ address-family|^(?=\S)", re.MULTILINE)
            last = over.search(self._text, hit.end(), self.instance.end())
            end = last.start() if last is not None else self.instance.end()
            at = max(
                (each.end() for each in own.finditer(self._text, hit.end(), end) if same(each[1], self._address)),
                default=hit.end(),
            )
            return at, at, line
        end = len(self._text[: self.instance.end()].rstrip())
        return end, end, f"\n address-family {family} unicast\n{line} exit-address-family"


def _body(kind: str, name: str, prefix: str) -> str:
    """What an entry says of a prefix."""
    network = ip_network(prefix)
    if kind != DISTRIBUTE_LIST or not name.isdigit() or network.version == 6:
        return prefix
    wild = f"{network.network_address} {network.hostmask}"
    return f"ip {wild} any" if 100 <= int(name) <= 199 or 2000 <= int(name) <= 2699 else wild


def _permitted(kind: str, entries: Sequence[ListEntry], wanted: str) -> bool:
    """Whether the first entry that is about a prefix, or an empty path, permits it."""
    test = {PREFIX_LIST: _is_listed, DISTRIBUTE_LIST: _is_covered, FILTER_LIST: _is_path}[kind]
    return next((each.action == _PERMIT for each in entries if test(each.rest, wanted)), False)


def _is_listed(rest: str, prefix: str) -> bool:
    words = rest.split()
    if words[0] == "any":
        return True
    within, network = _network(words[0]), ip_network(prefix)
    if within is None or within.version != network.version or not network.subnet_of(within):  # type: ignore[arg-type]
        return False
    bounds: Mapping[str, int] = {k: int(v) for k, v in zip(words[1::2], words[2::2], strict=False)}
    least = bounds.get("ge", within.prefixlen)
    most = bounds.get("le", network.max_prefixlen if "ge" in bounds else within.prefixlen)
    return least <= network.prefixlen <= most


def _is_covered(rest: str, prefix: str) -> bool:
    words = rest.removeprefix("ip ").removeprefix("host ").split()
    if words[0] == "any":
        return True
    network = ip_network(prefix)
    wild = f"{words[0]}/{words[1]}" if len(words) > 1 and re.fullmatch(r"[\d.]+", words[1]) else words[0]
    wild = wild.removesuffix("/0.0.0.0")  # one address
    within = _network(wild)
    if within is None or within.version != network.version:
        return False
    return network == within if "exact-match" in words else network.subnet_of(within)  # type: ignore[arg-type]


def _is_path(rest: str, path: str) -> bool:
    try:
        return re.search(rest.replace("_", r"(?:^|[,{}() ]|$)"), path) is not None
    except re.error:
        return False


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
