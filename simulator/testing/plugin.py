"""The pytest plugin `turnup`: it imports nothing of the simulator until a test asks for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simulator.testing.offline import OfflinePolicy
    from simulator.topology.schema import Topology

_MARKER = (
    "topology(topology='exchange', router=None, family=None, security=None, changes=None, scope='function'): the lab "
    "of a test: a shipped topology's name, a file beside the test's or a mapping; scope='module': one for the module"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of turnup's labs."""
    group = parser.getgroup("turnup", "labs of turnup")
    group.addoption("--turnup-report", metavar="DIR", help="keep each lab's report, events, packets and logs there")
    group.addoption("--turnup-keep", action="store_true", help="the same in .turnup/, of tests that fail alone")
    group.addoption("--turnup-router", metavar="KIND", help="the peers' routers of every lab: simulated, bird, frr, …")
    group.addoption(
        "--turnup-require-routers",
        action="store_true",
        help="a lab whose router or privilege is missing fails its test, which is skipped otherwise",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that forgot an `await` has proven nothing: it fails. Why a test failed, its lab's report says too."""
    bench = getattr(item, "_turnup_bench", None)
    try:
        yield
        if bench is not None and (told := bench.unawaited()):
            pytest.fail(told, pytrace=False)
    except BaseException as error:
        if bench is not None and not isinstance(error, pytest.skip.Exception):
            bench.fell_short(item.name, error)
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Whether the test failed, for the lab that is taken down after it."""
    report: Any = yield
    if report.failed and (bench := getattr(item, "_turnup_bench", None)) is not None:
        bench.failed = True
    return report  # type: ignore[no-any-return]


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem() -> Iterator[None]:
    """An async test that asks for a lab is pytest-asyncio's also where that has no `asyncio_mode = auto`.

    The innermost of the wrappers: pytest-asyncio takes the tests with its marker when it is next.
    """
    made: Any = yield
    for item in made if isinstance(made, list) else [made]:
        asks = "_turnup_bench" in getattr(item, "fixturenames", ())
        if not asks or not inspect.iscoroutinefunction(getattr(item, "function", None)):
            continue
        taken = any(item.get_closest_marker(name) is not None for name in ("asyncio", "anyio", "trio"))
        if not taken and item.config.pluginmanager.hasplugin("asyncio"):
            item.add_marker("asyncio")
    return made  # type: ignore[no-any-return]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A recording is a test: it has to come out as it was recorded. A scenario file has a test for each case."""
    if file_path.name.endswith(".scenario.yaml"):
        from simulator.testing.scenario_files import ScenarioCollector

        return ScenarioCollector.from_parent(parent, path=file_path)
    if file_path.suffix != ".recording":
        return None
    from simulator.testing.recordings import RecordingFile

    return RecordingFile.from_parent(parent, path=file_path)


@pytest.fixture(scope="session")
def turnup_policy() -> Callable[..., OfflinePolicy]:
    """Makes session policies that judge without a lab: `turnup_policy("exchange", topology="lab.yaml")`."""
    from simulator.testing import offline

    return offline.turnup_policy


@pytest.fixture(scope="module")
def _turnup_module_labs() -> Iterator[dict[Any, Any]]:
    benches: dict[Any, Any] = {}
    yield benches
    _close(list(benches.values()))


def _close(benches: list[Any]) -> None:
    errors = []
    for bench in benches:
        try:
            bench.close()
        except Exception as error:  # each of them is to be taken down
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def _turnup_bench(request: pytest.FixtureRequest, _turnup_module_labs: dict[Any, Any]) -> Iterator[Any]:
    from simulator.testing.bench import Bench

    marker = request.node.get_closest_marker("topology")
    given, named = (marker.args, marker.kwargs) if marker is not None else ((), {})
    bench = Bench.of(given, named, request.node, request.config, _turnup_module_labs)
    request.node._turnup_bench = bench
    yield bench
    if bench not in _turnup_module_labs.values():
        _close([bench])


@pytest.fixture
def topology(_turnup_bench: Any) -> Topology:
    """The topology of the test's lab, as `@pytest.mark.topology` asks for it."""
    found: Topology = _turnup_bench.lab.topology
    return found


@pytest.fixture
def lab(request: pytest.FixtureRequest, _turnup_bench: Any) -> Any:
    """The test's lab (`simulator.testing.lab.Lab`); in a test without `async` nothing is awaited."""
    return _turnup_bench.handle(awaits=inspect.iscoroutinefunction(request.function))


@pytest.fixture
def peering(lab: Any) -> Any:
    """The lab's first peering (`simulator.testing.handles.LabPeering`)."""
    return lab.peering()


@pytest.fixture
def edge(lab: Any) -> Any:
    """The lab's first edge (`simulator.testing.handles.LabEdge`)."""
    return lab.edge()


@pytest.fixture
def router(lab: Any) -> Any:
    """The router of the lab's first peer (`simulator.testing.handles.LabRouter`)."""
    return lab.router()
