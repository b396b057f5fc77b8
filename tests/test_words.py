"""One word, one thing: no class or alias is defined twice. And no circle of files or packages exists."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.test_architecture import MODULES, PACKAGE, ROOT, imports_of, name


def _is_alias(node: ast.stmt) -> str | None:
    """The name that a statement gives to a type: `Json = dict[str, Any]`, `Asn: TypeAlias = int`."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        found = node.targets[0].id
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        found = node.target.id
    else:
        return None
    return found if found[:1].isupper() and any(letter.islower() for letter in found) else None


def public_names(source: str) -> Iterator[str]:
    """The classes and type aliases that a module defines at its top, but what begins with an underscore."""
    for node in ast.parse(source).body:
        found = node.name if isinstance(node, ast.ClassDef) else _is_alias(node)
        if found and not found.startswith("_"):
            yield found


def defined_twice(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Each name that two modules or more define, with the modules."""
    where: dict[str, list[str]] = defaultdict(list)
    for module, source in sources.items():
        for found in public_names(source):
            where[found].append(module)
    return {found: modules for found, modules in sorted(where.items()) if len(modules) > 1}


def circles(arrows: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """The sets of nodes that lead to one another (Tarjan's strongly connected components of more than one node)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in arrows.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.add(frozenset(stack[at:]))
            del stack[at:]

    for node in arrows:
        if node not in index:
            visit(node)
    return found


def _file_arrows() -> dict[str, set[str]]:
    """Which file imports which: a package's `__init__` stands for the package."""
    of_module = {}
    for module in MODULES:
        parts = ("simulator", *module.relative_to(PACKAGE).with_suffix("").parts)
        of_module[".".join(parts).removesuffix(".__init__")] = name(module)
    return {
        name(module): {of_module[full] for full in imports_of(module) if full in of_module} - {name(module)}
        for module in MODULES
    }


def _package(file: str) -> str:
    """`azure/rest` for azure/rest/app.py; a file beside the rooms is a package of its own."""
    return file.rpartition("/")[0] or file


def _package_arrows() -> dict[str, set[str]]:
    """Which package imports which; a package and the packages inside it are one for this."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for file, others in _file_arrows().items():
        own = _package(file)
        for other in map(_package, others):
            if not (f"{own}/").startswith(f"{other}/") and not (f"{other}/").startswith(f"{own}/"):
                arrows[own].add(other)
    return dict(arrows)


# --- what the checks below see ---


def test_public_classes_and_aliases_are_found() -> None:
    source = """
class Public: ...
class _Private:
    class Inner: ...
Json = dict[str, object]
Asn: TypeAlias = int
LIMIT: Final = 5
limit = 5
_Hidden = int
"""
    assert list(public_names(source)) == ["Public", "Json", "Asn"]


def test_a_second_definition_is_found() -> None:
    sources = {"a.py": "class Format: ...", "b.py": "Format = str", "c.py": "Other = str"}
    assert defined_twice(sources) == {"Format": ["a.py", "b.py"]}


def test_a_circle_of_files_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": {"e"}, "e": set(), "f": {"g"}, "g": {"h"}, "h": {"f"}}
    assert circles(arrows) == {frozenset({"b", "c"}), frozenset({"f", "g", "h"})}


def test_there_are_arrows() -> None:
    assert "session/messages.py" in _file_arrows()["wire/open.py"]
    assert "rib/route_server" in _package_arrows()["speakers"]


# --- the rules ---


def test_no_class_or_alias_name_is_defined_twice() -> None:
    sources = {name(module): module.read_text(encoding="utf-8") for module in MODULES}
    assert defined_twice(sources) == {}, "give each thing a name of its own"


def test_no_circle_of_files() -> None:
    assert circles(_file_arrows()) == set()


def test_no_circle_of_packages() -> None:
    assert circles(_package_arrows()) == set()


def test_netaddr_is_for_prefixes_as_operators_write_them() -> None:
    """Decision 21: addresses as values are `ipaddress`'s."""
    users = {name(module) for module in MODULES if any(full.split(".")[0] == "netaddr" for full in imports_of(module))}
    assert users
    assert {user.split("/")[0] for user in users} <= {"policy", "topology"}


# --- plain English ---

NOT_PLAIN = re.compile(r"\b[Ww]hoever\b|\b[Ww]hom\b|\b(?:is|are|was|were) none\b|\b(?:is|are|was|were|be) told\b")
"""Forms that readers trip over whose first language is not English. Say who does what: subject, verb, object."""


def _texts() -> list[Path]:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    return [*MODULES, *pages]


@pytest.mark.parametrize("path", _texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_plain_english(path: Path) -> None:
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    assert [f"{number}: {line.strip()}" for number, line in lines if NOT_PLAIN.search(line)] == []


@pytest.mark.parametrize("text", ["Whoever asks", "to whom", "a name that is none", "what is told", "there are none"])
def test_what_is_not_plain_is_found(text: str) -> None:
    assert NOT_PLAIN.search(text)


@pytest.mark.parametrize("text", ["the value is None", "nonetheless", "he told"])
def test_plain_words_pass(text: str) -> None:
    assert not NOT_PLAIN.search(text)


# --- names in the docs ---

_FILE = re.compile(r"`((?:[\w.-]+/)+[\w-]+\.(?:py|toml))(?:::[^`]*)?`")
_BASES = (ROOT, PACKAGE, PACKAGE / "azure", ROOT / "tests")


@pytest.mark.parametrize("path", _texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_that_a_text_names_exists(path: Path) -> None:
    if path.name == "CHANGELOG.md":  # tells of the past
        return
    named = set(_FILE.findall(path.read_text(encoding="utf-8")))
    assert {file for file in named if not any((base / file).exists() for base in _BASES)} == set()
