"""The same cells on the machines of a Ray cluster that is there: one task an attempt, where there is what it needs.

Ray is asked for a processor's share, and tells of lost machines; which attempts there are, and what came of each, is
the journal's.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from simulator.campaign import worker
from simulator.campaign.local import TRIES
from simulator.campaign.model import Attempt, CellOrder, Ending
from simulator.campaign.parcel import away, changed, packed
from simulator.campaign.worker import WorkerFacts
from simulator.places.errors import LabError

CLIENT_PORT: Final = 10001
"""Of `ray://HOST`, as Ray has it."""
NAMESPACES: Final = "turnup-namespaces"
"""A resource that a machine may declare: how many cells with network namespaces it plays at once."""
SHARE: Final = 0.33
"""Of a processor, for a cell: it waits most of its time, as `jobs_by_default` has it."""
_LOOK: Final = 5.0
"""Seconds after which the cluster's machines are looked at again."""
_PROBE: Final = 60.0
"""Seconds in which a machine has to say what it has (simulator)."""
_ANSWER: Final = 10.0
"""Seconds in which the head of a cluster has to take a connection (simulator)."""
_AWAY: Final = 20.0
"""Seconds after which a head that does not answer is gone. Ray itself ends the process after 60 (simulator)."""
_LOOPBACK: Final = ("127.", "localhost", "[::1]", "::1")


class ClusterError(LabError):
    """No cluster there, or none that can be used: one line."""


@dataclass(slots=True)
class _Running:
    """One task."""

    order: CellOrder
    began: int
    """How manieth time."""
    able: tuple[str, ...]
    """The machines that it may run on."""


@dataclass(slots=True)
class ClusterCells:
    """The cells of a cluster. A context: at its end no task runs."""

    address: str
    """`auto`, `HOST:PORT` or `ray://HOST[:PORT]`."""
    reports: Path
    _ray: Any = None
    _facts: dict[str, WorkerFacts] = field(default_factory=dict)
    """By the machine's id."""
    _useless: dict[str, str] = field(default_factory=dict)
    """The machines that can play no cell, each with the reason."""
    _parcels: dict[tuple[str, ...], tuple[str, Any]] = field(default_factory=dict)
    _running: dict[Any, _Running] = field(default_factory=dict)
    _probes: dict[Any, str] = field(default_factory=dict)
    _nodes: list[Mapping[str, Any]] = field(default_factory=list)
    """The machines as Ray told of them when they were looked at last."""
    _head: str = ""
    """Where its head listens: while nobody does, Ray's calls do not come back. Empty: its client tells of that."""
    _answered: float = field(default_factory=time.monotonic)
    """When somebody did last."""
    _looked: float = 0.0
    """When that was, by `time.monotonic`."""
    _task: Any = None
    """What a worker runs. The cluster keeps each function that it gets: it gets this one time."""
    lost: dict[str, WorkerFacts] = field(default_factory=dict)
    """The machines that are gone."""

    def __enter__(self) -> ClusterCells:
        with _own_signals():
            self._ray = _connected(self.address)
        if not self.address.startswith("ray://"):
            self._head = self._ray.get_runtime_context().gcs_address
        self._task = self._ray.remote(_attempt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = [] if isinstance(error, ClusterError) else list(self._running)  # what is gone has ended them
        with suppress(Exception):
            for ref in running:
                self._ray.cancel(ref, force=False)
            if running:  # their labs are taken down
                self._ray.wait(running, num_returns=len(running), timeout=15)
        with suppress(Exception):
            self._ray.shutdown()

    @property
    def lacks(self) -> list[str]:
        """What each machine lacks, one line each."""
        lines = [f"{self._name(node)}: {why}" for node, why in self._useless.items()]
        lines += [f"{self._name(node)}: it was lost" for node in self.lost]
        for node, facts in self._facts.items():
            lines += [f"{self._name(node)}: {why}" for _, why in facts.lacks]
        return lines

    def _name(self, node: str) -> str:
        """A machine, for people: its host, and the beginning of its id, as attempts have it."""
        known = self._facts.get(node) or self.lost.get(node)
        told = (each["NodeManagerHostname"] for each in self._nodes if each["NodeID"] == node)
        return "/".join(filter(None, (known.host if known else next(told, ""), node[:6])))

    @property
    def lanes(self) -> int:
        """Attempts at once, as the processors of the machines have it."""
        nodes = (node for node in self._nodes if node["Alive"] and node["NodeID"] in self._facts)
        return max(1, int(sum(node["Resources"].get("CPU", 0) for node in nodes) / SHARE))

    def look(self) -> None:
        """Ask every machine what it has, and wait for it. Raises ClusterError where none can play any cell."""
        with self._answering():
            self._look_around()
            while self._probes:
                done, _ = self._ray.wait(list(self._probes), timeout=_PROBE)
                if not done:
                    for node in self._probes.values():
                        self._useless[node] = f"it did not say within {_PROBE:.0f} s what it has"
                    self._probes.clear()
                for ref in done:
                    self._learn(ref)
        if not self._facts:
            raise ClusterError("; ".join(["no machine of the cluster can play a cell", *self.lacks]))

    def run(self, orders: Sequence[CellOrder], jobs: int | None) -> Iterator[Attempt]:
        """Yield each as it is over; at most `jobs` at once. A task whose machine is lost is begun again elsewhere.

        Raises ClusterError where the cluster, or its last machine, is gone.
        """
        waiting = deque((order, 1) for order in orders)
        stuck: list[CellOrder] = []
        while waiting or self._running:
            with self._answering():
                over = self._turn(waiting, stuck, jobs)
            yield from over
            if stuck and not waiting and not self._running and not self._probes:
                waiting.extend((order, 1) for order in stuck if self._able(order))
                yield from (self._skipped(order) for order in stuck if not self._able(order))
                stuck.clear()

    def _turn(self, waiting: deque[tuple[CellOrder, int]], stuck: list[CellOrder], jobs: int | None) -> list[Attempt]:
        """Begin what there is room for, and wait for what is over; what no machine can play now is `stuck`."""
        over: list[Attempt] = []
        most = jobs or 2 * self.lanes  # Ray lets those wait for which no processor is free
        while waiting and len(self._running) < most:
            order, began = waiting.popleft()
            if why := changed(order.cell):
                over.append(Attempt(order.cell.key, order.number, Ending.BAD, why))
            elif able := self._able(order):
                over += self._begin(order, began, able)
            else:
                stuck.append(order)
        watched = [*self._probes, *self._running]
        done, _ = self._ray.wait(watched, num_returns=1, timeout=_LOOK) if watched and not over else ([], [])
        for ref in done:
            if ref in self._probes:
                self._learn(ref)
                continue
            running = self._running.pop(ref)
            made = self._over(ref, running)
            if made is None:
                waiting.append((running.order, running.began + 1))
            else:
                over.append(made)
        if time.monotonic() - self._looked >= _LOOK:  # machines join and go, however much there is to do
            self._look_around()
        if not self._facts and not self._probes and (waiting or self._running or stuck):
            raise ClusterError("; ".join([f"--on {self.address}: no machine of the cluster is left", *self.lacks]))
        return over

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Whatever Ray raises where it is gone is one line."""
        try:
            yield
        except LabError:
            raise
        except Exception as error:
            if isinstance(error, ConnectionError):
                why = "it does not answer any more"
            elif isinstance(error, RuntimeError) or type(error).__module__.split(".")[0] in ("ray", "grpc"):
                why = _line(error)
            else:
                raise
            text = f"--on {self.address}: the cluster is gone: {why}; --resume goes on when it is back"
            raise ClusterError(text) from None

    # --- machines ---

    def _look_around(self) -> None:
        """Ask machines that are new; forget those that are gone."""
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        self._looked = time.monotonic()
        if self._head and _silence(self._head):
            if self._looked - self._answered > _AWAY:
                raise ConnectionError
            return
        self._answered = self._looked
        known = {*self._facts, *self._useless, *self._probes.values()}
        probe = self._ray.remote(worker.facts)
        self._nodes = self._ray.nodes()
        for node in self._nodes:
            name = node["NodeID"]
            if node["Alive"] and name not in known:
                pinned = probe.options(num_cpus=0, max_retries=0, scheduling_strategy=strategy(name, soft=False))
                self._probes[pinned.remote()] = name
            elif not node["Alive"] and name in self._facts:
                self.lost[name] = self._facts.pop(name)
        for ref, running in self._running.items():
            if not set(running.able) & self._facts.keys():
                self._ray.cancel(ref)  # it would wait for ever for a machine that is gone

    def _learn(self, ref: Any) -> None:
        node = self._probes.pop(ref)
        try:
            found = self._ray.get(ref)
        except Exception as error:
            cause = getattr(error, "cause", None) or error
            missing = isinstance(cause, ModuleNotFoundError) or "No module named" in str(error)
            self._useless[node] = "turnup is not installed there" if missing else _line(error)
            return
        facts = WorkerFacts(found["host"], found["version"], tuple(map(tuple, found["lacks"])))
        if facts.version != worker.version():
            self._useless[node] = f"it has turnup {facts.version}, and here it is {worker.version()}"
        else:
            self._facts[node] = facts

    def _able(self, order: CellOrder) -> list[str]:
        """The machines that have what a cell needs."""
        needs = set(order.cell.needs)
        return [node for node, facts in self._facts.items() if not needs & {what for what, _ in facts.lacks}]

    # --- attempts ---

    def _begin(self, order: CellOrder, began: int, able: Sequence[str]) -> list[Attempt]:
        """Where its files cannot be sent, what came of it."""
        if order.cell.files not in self._parcels:
            try:
                parcel = packed(order.cell.files)
            except (LabError, OSError) as error:
                return [Attempt(order.cell.key, order.number, Ending.BAD, str(error))]
            self._parcels[order.cell.files] = parcel.root, self._ray.put(parcel)
        root, parcel = self._parcels[order.cell.files]
        words = {"cell": away(order.cell, root).as_json(), "key": order.cell.key, "number": order.number}
        words |= {"limit": order.limit, "require": order.require}
        task = self._task.options(
            name=f"turnup {order.cell}",
            num_cpus=SHARE,
            resources={NAMESPACES: 1} if "namespaces" in order.cell.needs and self._declared(able) else {},
            label_selector={"ray.io/node-id": f"in({','.join(able)})"},
            max_retries=0,  # what is lost is begun again by `run`, on a machine that is there
        )
        self._running[task.remote(words, parcel)] = _Running(order, began, tuple(able))
        return []

    def _declared(self, able: Sequence[str]) -> bool:
        """Whether any of those machines limits its namespaces."""
        return any(NAMESPACES in node["Resources"] for node in self._nodes if node["NodeID"] in able)

    def _over(self, ref: Any, running: _Running) -> Attempt | None:
        """What came of it; None: its machine was lost, and it is to be begun again."""
        order = running.order
        try:
            made, report = self._ray.get(ref)
            return worker.unpacked(made, report, self.reports / order.key)
        except self._ray.exceptions.RayTaskError as error:
            return Attempt(order.cell.key, order.number, Ending.LAB, f"on the cluster: {_line(error.cause or error)}")
        except self._ray.exceptions.RayError as error:
            self._look_around()
            if running.began < TRIES:
                return None
            text = f"the machine that ran it was lost {TRIES} times: {_line(error)}"
            return Attempt(order.cell.key, order.number, Ending.LOST, text)

    def _skipped(self, order: CellOrder) -> Attempt:
        needs = set(order.cell.needs)
        for node, facts in self.lost.items():
            if not needs & {what for what, _ in facts.lacks}:
                text = f"the machines that have what it needs are gone: {self._name(node)}"
                return Attempt(order.cell.key, order.number, Ending.LOST, text)
        why = sorted({text for facts in self._facts.values() for what, text in facts.lacks if what in needs})
        text = f"no machine of the cluster has what it needs ({', '.join(order.cell.needs)}): {'; '.join(why)}"
        return Attempt(order.cell.key, order.number, Ending.LAB if order.require else Ending.SKIPPED, text)


def _attempt(order: dict[str, Any], parcel: Any) -> tuple[dict[str, Any], bytes]:
    """The task."""
    import ray

    return worker.attempt(order, parcel, ray.get_runtime_context().get_node_id()[:6])


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((number for number, line in enumerate(lines) if not line.endswith(":")), 0)  # `Failure:` goes on
    return " ".join([f"{type(error).__name__}:", *lines[: said + 1]])


def _connected(address: str) -> Any:
    """Ray, connected to a cluster that runs; it never starts one. Raises ClusterError."""
    if address.startswith("ray://") and ":" not in address.removeprefix("ray://"):
        address = f"{address}:{CLIENT_PORT}"
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if _is_loopback(address):
        # Otherwise Ray takes a cluster on 127.0.0.1 to be reachable at this machine's other address.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ.setdefault("RAY_gcs_rpc_server_connect_timeout_s", "5")
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError:
        raise ClusterError("--on needs Ray: pip install 'turnup[cluster]'") from None
    there = _address_of_auto() if address == "auto" else address
    if why := _silence(there):  # Ray itself tries for minutes
        at = f" at {there}" if there != address else ""
        raise ClusterError(f"--on {address}: nobody answers{at}: {why}")
    try:
        ray.init(address=there, log_to_driver=False, logging_level=logging.CRITICAL, namespace="turnup")
    except Exception as error:
        raise ClusterError(f"--on {address}: {_line(error)}") from None
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it connects, and aborts at it: without a report, and without its tasks' end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _address_of_auto() -> str:
    """The cluster that this machine is part of, as Ray finds it. Raises ClusterError where it is part of none."""
    from ray._private.services import get_ray_address_from_environment

    try:
        return str(get_ray_address_from_environment("auto", None))
    except ConnectionError:
        text = "this machine is part of no Ray cluster: start one (ray start --head), or name the address of its head"
        raise ClusterError(f"--on auto: {text}") from None


def _silence(address: str) -> str:
    """Why nobody takes a connection there; empty where somebody does, or Ray knows better what the address is."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return ""
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER).close()
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _is_loopback(address: str) -> bool:
    if address == "auto":
        try:
            address = Path("/tmp/ray/ray_current_cluster").read_text(encoding="utf-8")
        except OSError:
            return False
    return address.removeprefix("ray://").startswith(_LOOPBACK)
