"""The house rules that no other test would notice: which room may import which, and who may rule on a gate."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "simulator"
MODULES = sorted(PACKAGE.rglob("*.py"))

PURE = (
    "addresses",
    "axis",
    "counts",
    "connection",
    "session",
    "wire",
    "mrt",
    "policy",
    "rib",
    "tables",
    "gate",
    "packets",
    "views",
    "peer",
    "diagnosis",
)
"""Rooms without I/O and without a clock: the time is an argument, and so are the data."""

_BELOW = {
    *(
        "connection",
        "session",
        "gate",
        "packets",
        "views",
        "wire",
        "mrt",
        "policy",
        "rib",
        "tables",
        "places",
        "topology",
        "lab",
    ),
    *("peer", "speakers", "routers", "diagnosis"),
}
"""What moves no connection: what the engine stands on."""

MAY_IMPORT: dict[str, set[str]] = {
    "connection": set(),
    "session": set(),
    "gate": {"connection"},
    "packets": set(),
    "views": {"connection", "session", "packets"},
    "wire": {"session"},
    "policy": {"session", "wire"},
    "rib": {"session", "wire", "policy"},
    "mrt": {"session", "wire"},
    "tables": {"session", "wire", "mrt", "policy"},
    "places": set(),
    "topology": {"diagnosis", "views", "places", "connection", "session", "wire", "policy", "rib"},
    "ending_signals": set(),
    "lab": {"ending_signals", "places", "packets"},
    "peer": {"gate", "views", "connection", "session", "wire", "policy", "rib", "places"},
    "speakers": {"peer", "gate", "views", "connection", "session", "wire", "policy", "rib", "places"},
    "diagnosis": {"session", "views", "packets"},
    "report": {"views", "connection", "session", "packets"},
    "engine": _BELOW,
    "judging": {*_BELOW, "engine"},
    "testing": {*_BELOW, "engine", "faults", "judging", "recording", "report", "scenarios"},
    "preflight": {*_BELOW, "engine"},
    "rehearsal": {*_BELOW, "engine", "preflight", "report"},
    "faults": {*_BELOW, "engine", "preflight", "rehearsal", "report", "recording"},
    "scenarios": {*_BELOW, "engine", "rehearsal", "report", "faults", "recording"},
    "campaign": {*_BELOW, "engine", "preflight", "rehearsal", "report", "scenarios", "faults", "recording"},
    "recording": {*_BELOW, "engine", "preflight", "rehearsal", "report"},
    "azure": {*_BELOW, "engine"},
    "portal": {*_BELOW, "engine", "azure", "faults", "report"},
    "serving": {*_BELOW, "engine", "azure", "faults", "portal"},
    "webhook": {"engine"},
    "bench": {*_BELOW, "compiled"},
    "starting": {"addresses", "diagnosis", "policy", "routers", "topology"},
}
"""What a room may import of the others, beside `EVERYWHERE`."""

EVERYWHERE = {"addresses", "axis", "counts"}
"""Types that every room shares."""

IMPURE = {
    *("asyncio", "socket", "ssl", "select", "selectors", "subprocess", "threading", "multiprocessing", "concurrent"),
    *("time", "sched", "os", "io", "pathlib", "shutil", "tempfile", "glob", "fileinput", "signal"),
    *("http", "urllib", "fastapi", "starlette", "uvicorn", "httpx", "requests", "aiohttp", "jinja2", "sqlalchemy"),
    *("scapy", "pyroute2", "typer", "rich", "ruamel", "pydantic"),
}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
CLOCK_READERS = {"now", "today", "utcnow"}
"""Of `datetime`: a moment that is an argument may be written as text, the clock is never read."""

TOP_ROOMS = {
    *("azure", "bench", "campaign", "cli", "engine", "faults", "judging", "portal"),
    *("preflight", "recording", "rehearsal", "scenarios", "serving", "starting", "testing", "webhook"),
}
"""They know the others; the others do not know them."""

RULERS = {
    "bench/helpers/edge.py": "what is measured: the moment of the ruling is where the clock starts",
    "bench/helpers/many.py": "as above; it only denies",
    "bench/helpers/route_server.py": "as above",
    "engine/control.py": "the control plane",
    "cli/run/edge.py": "the operator's word stands for the validation",
    "engine/edges.py": "passes a ruling on",
    "speakers/speaker.py": "passes a ruling on to the session's neighbour",
    "speakers/neighbor.py": "passes a ruling on to its peer",
    "speakers/recorded.py": "passes a ruling on to the peer that it takes down",
    "peer/peer.py": "passes a ruling on to its gate",
}


def room(module: Path) -> str:
    """`session` for simulator/session/table.py, `gate` for simulator/gate.py."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def imported(source: str, package: tuple[str, ...] = ()) -> set[str]:
    """Every module that a source imports, anywhere in it, by its full name; `package` resolves relative imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


@cache
def imports_of(module: Path) -> set[str]:
    package = ("simulator", *module.relative_to(PACKAGE).parts[:-1])
    return imported(module.read_text(encoding="utf-8"), package)


def rooms_in(imports: set[str]) -> set[str]:
    parts = [full.split(".") for full in imports]
    return {part[1] for part in parts if part[0] == "simulator" and len(part) > 1}


def called(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def rulings(source: str) -> int:
    """How often a source calls a method called `rule`."""
    return sum(isinstance(call.func, ast.Attribute) and call.func.attr == "rule" for call in called(source))


def _of(rooms: tuple[str, ...] | set[str]) -> list[Path]:
    return [module for module in MODULES if room(module) in rooms]


# --- what the checks below see ---


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
import a.b
from c import d
def f():
    import e
if TYPE_CHECKING:
    from . import g
    from ..h import i
"""
    assert imported(source, ("simulator", "report")) == {
        "a.b",
        "c",
        "c.d",
        "e",
        "simulator.report",
        "simulator.report.g",
        "simulator.h",
        "simulator.h.i",
    }


def test_rooms_and_rulings_are_found() -> None:
    assert rooms_in({"simulator.gate", "simulator.places.place", "os.path", "simulator"}) == {"gate", "places"}
    assert rulings("gate.rule(1)\nself.x.rule(2)\nrule(3)\ngate.rules(4)") == 2


def test_there_is_something_to_look_at() -> None:
    assert {room(module) for module in MODULES} >= {*PURE, *MAY_IMPORT, *TOP_ROOMS}


# --- the rules ---


@pytest.mark.parametrize("module", _of(PURE), ids=name)
def test_a_pure_room_imports_no_clock_no_socket_no_file_and_no_web(module: Path) -> None:
    assert {full.split(".")[0] for full in imports_of(module)} & IMPURE == set()


@pytest.mark.parametrize("module", _of(PURE), ids=name)
def test_a_pure_room_opens_and_prints_nothing(module: Path) -> None:
    calls = called(module.read_text(encoding="utf-8"))
    assert {call.func.id for call in calls if isinstance(call.func, ast.Name)} & IMPURE_CALLS == set()


def clock_readings(source: str) -> list[str]:
    """Calls of `datetime.now()` and the like, and of `fromtimestamp` without a zone: that reads this machine's."""
    calls = [call for call in called(source) if isinstance(call.func, ast.Attribute)]
    return [
        ast.unparse(call)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in ("datetime", "date")
        and (call.func.attr in CLOCK_READERS or (call.func.attr == "fromtimestamp" and len(call.args) < 2))
    ]


def test_readings_of_the_clock_are_found() -> None:
    source = "datetime.now(UTC)\ndate.today()\ndatetime.fromtimestamp(1)\ndatetime.fromtimestamp(1, UTC)\nself.now()"
    assert len(clock_readings(source)) == 3


@pytest.mark.parametrize("module", _of(PURE), ids=name)
def test_a_pure_room_reads_no_clock(module: Path) -> None:
    assert clock_readings(module.read_text(encoding="utf-8")) == []


def prose_read(source: str) -> list[str]:
    """Where a source looks for words inside of a text: `"…" in x` with a name, `x.startswith("…")` and their like."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            literal = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
            if literal and isinstance(node.comparators[0], ast.Name | ast.Attribute | ast.Call):
                found.append(ast.unparse(node))
        called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if called in {"startswith", "endswith", "find", "index", "count", "match", "search", "lower", "casefold"}:
            found.append(ast.unparse(node))
    return found


def test_prose_that_is_read_is_found() -> None:
    source = """
if "refused" in error: pass
if says.startswith("absent"): pass
if "(Policy)" in _says(session): pass
if name in ("a", "b"): pass
if C.C1 in failed: pass
"""
    assert len(prose_read(source)) == 3


_TABLES = {"_ORDER.index", "ORDER.index", "_WORST.index"}


@pytest.mark.parametrize("module", _of({"diagnosis"}), ids=name)
def test_a_diagnosis_reads_no_prose(module: Path) -> None:
    """Facts are enumerations: a sentence, of ours or of a router's, is never read for a meaning."""
    found = prose_read(module.read_text(encoding="utf-8"))
    assert [text for text in found if text.partition("(")[0] not in _TABLES and ".index(" not in text] == []


@pytest.mark.parametrize("module", _of(set(MAY_IMPORT)), ids=name)
def test_a_room_imports_only_the_rooms_that_it_may(module: Path) -> None:
    own = room(module)
    assert rooms_in(imports_of(module)) - {own} - EVERYWHERE <= MAY_IMPORT[own]


def _reached(room_: str, arrows: dict[str, set[str]]) -> set[str]:
    """Every room that one leads to by imports, directly or not."""
    found: set[str] = set()
    waiting = [room_]
    while waiting:
        new = arrows.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def test_no_circle_of_rooms() -> None:
    arrows: dict[str, set[str]] = {}
    for module in MODULES:
        arrows.setdefault(room(module), set()).update(rooms_in(imports_of(module)) - {room(module)})
    assert [name for name in arrows if name in _reached(name, arrows)] == []


def test_a_circle_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b"}}
    assert [name for name in arrows if name in _reached(name, arrows)] == ["b", "c"]


def test_the_two_axes_do_not_know_each_other() -> None:
    for module in _of({"connection"}):
        assert "session" not in rooms_in(imports_of(module)), name(module)
    for module in _of({"session"}):
        assert "connection" not in rooms_in(imports_of(module)), name(module)


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) not in TOP_ROOMS | {"__main__"}], ids=name)
def test_nobody_below_knows_the_control_plane_or_the_command_line(module: Path) -> None:
    if name(module) != "pytest_plugin.py":  # a face, like the command line
        assert rooms_in(imports_of(module)) & TOP_ROOMS == set()


def test_only_the_wire_room_imports_exabgp() -> None:
    users = {room(module) for module in MODULES if any(full.split(".")[0] == "exabgp" for full in imports_of(module))}
    assert users == {"wire"}


# --- Azure ---

ARM_CODES = frozenset({"BadArgument", "PeerAsnNotApproved", "NotFound", "OperationNotSupported", "Conflict"})


def _azure(part: str) -> list[Path]:
    return [module for module in MODULES if name(module).startswith(f"azure/{part}/")]


def document_uses(source: str) -> set[str]:
    """Where a source looks into a client's document: its fields by Azure's names, or the document itself."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and node.slice.value == "properties"
        ):
            found.add('["properties"]')
        elif isinstance(node, ast.Attribute) and node.attr in ("document", "properties"):
            found.add(f".{node.attr}")
        elif isinstance(node, ast.Constant) and node.value in ARM_CODES:
            found.add(str(node.value))
    return found


def test_uses_of_documents_are_found() -> None:
    source = 'x["properties"]["asn"]\nresource.document\nraise Error("Conflict")\nraise ConflictError("taken")\nx["y"]'
    assert document_uses(source) == {'["properties"]', ".document", "Conflict"}


@pytest.mark.parametrize("module", _azure("provider"), ids=name)
def test_the_provider_sees_no_document_and_no_code_of_azures(module: Path) -> None:
    assert document_uses(module.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("module", _azure("provider") + _azure("model"), ids=name)
def test_the_domain_knows_no_http(module: Path) -> None:
    used = {full for full in imports_of(module) if full.startswith(("simulator.azure.rest", "fastapi", "json", "http"))}
    assert used == set()


@pytest.mark.parametrize("module", _azure("model"), ids=name)
def test_the_model_knows_neither_the_store_nor_the_provider(module: Path) -> None:
    others = {full for full in imports_of(module) if full.startswith("simulator.azure.")}
    assert {full.split(".")[2] for full in others} <= {"model"}


@pytest.mark.parametrize("module", _azure("store"), ids=name)
def test_the_store_knows_nothing_else_of_the_project(module: Path) -> None:
    assert {full for full in imports_of(module) if full.startswith("simulator.")} <= {
        full for full in imports_of(module) if full.startswith("simulator.azure.store")
    }


@pytest.mark.parametrize("module", _azure("rest"), ids=name)
def test_the_surface_holds_no_state(module: Path) -> None:
    """Its classes are frozen, but for its errors and the application, which only holds the provider; its tables are
    constants."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    stored = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
    }
    allowed = {"azure/rest/app.py": {"self._provider"}, "azure/rest/errors.py": None}
    kept = allowed.get(name(module), set())
    assert kept is None or stored == kept
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global | ast.Nonlocal)]


def test_fastapi_is_the_only_web_framework() -> None:
    """What it stands on is its own business: the decision on the web framework says why."""
    known = {"fastapi", "starlette", "sse_starlette", "fastapi_offline", "flask", "aiohttp", "quart", "litestar"}
    users: dict[str, set[str]] = {}
    for module in MODULES:
        for framework in {full.split(".")[0] for full in imports_of(module)} & known:
            users.setdefault(framework, set()).add(room(module))
    assert users == {"fastapi": {"azure", "portal", "serving"}}


def test_only_the_control_plane_and_the_operator_rule_on_gates() -> None:
    found = {name(module) for module in MODULES if rulings(module.read_text(encoding="utf-8"))}
    assert found == set(RULERS)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_nobody_reaches_into_a_gate(module: Path) -> None:
    """A ruling is the only way to open one: what it keeps of it is set in its own module alone."""
    if name(module) == "gate.py":
        return
    kept = {"_connection_state", "_validated"}
    written = {
        node.attr
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in kept
    }
    assert written == set()


@pytest.mark.parametrize("module", _of({*TOP_ROOMS, "engine", "routers"}), ids=name)
def test_a_speaker_gives_plain_data(module: Path) -> None:
    """What stands above knows the sessions of a speaker by their names: a speaker could live in another process."""
    inside = {f"simulator.speakers.{part}" for part in ("neighbor", "connections", "tcp", "runtime", "outlet")}
    assert imports_of(module) & inside == set()
    assert not any(full.startswith("simulator.peer.peer") for full in imports_of(module))
    source = module.read_text(encoding="utf-8")
    reads = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    assert {node.attr for node in reads} & {"adj_in", "inbound", "outbound", "loc_rib", "talking"} == set()


def test_only_the_workflow_moves_a_connection_on() -> None:
    """An operator, a script or a request says what is wanted; one module does what follows. A replay does it again."""
    moves = {"take_notice", "start_validation", "conclude", "provision_new", "find_conflict", "renew"}
    movers = {
        name(module)
        for module in MODULES
        for call in called(module.read_text(encoding="utf-8"))
        if isinstance(call.func, ast.Attribute) and call.func.attr in moves
    }
    assert movers == {"engine/workflow.py", "recording/decisions.py"}


def test_only_a_session_makes_a_gate() -> None:
    makers = {
        name(module)
        for module in MODULES
        for call in called(module.read_text(encoding="utf-8"))
        if isinstance(call.func, ast.Name) and call.func.id == "Gate"
    }
    assert makers == {"peer/session_gate.py"}


_FOREIGN = ("../" + "shared", "/work/" + "shared")
_SKIPPED = {
    ".git",
    ".venv",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "build",
    "dist",
}


def _files() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [sub for sub in folders if sub not in _SKIPPED and not sub.endswith(".egg-info")]
        yield from (Path(folder, file) for file in files)


def test_no_file_refers_to_anything_outside_the_repository() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _files()
        if any(text in path.read_text(encoding="utf-8", errors="ignore") for text in _FOREIGN)
    ]
    assert found == []
