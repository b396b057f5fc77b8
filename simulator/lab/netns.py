"""The netns link: a network namespace a node, veth pairs, and a bridge as the exchange LAN.

Every namespace is anonymous: only an open descriptor of this process holds it, and the bridge has one of its own. So
nothing is ever visible in the host's namespace, and when this process ends, however it ends, the kernel removes all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from simulator.lab.launcher import CLONE_NEWNET
from simulator.lab.link import Address, LabError, LanSpec, LinkKind, NodeSpec, Place
from simulator.lab.process import spawn
from simulator.lab.state import LabState

T = TypeVar("T")

INTERFACE = "lan"
"""The name of a node's interface on the exchange LAN, and of the bridge in the namespace of the LAN itself."""

_IFA_F_NODAD = 0x02
BGP_PORT = 179

_libc = ctypes.CDLL(None, use_errno=True)

# Nothing but what the topology says decides how a node behaves: a new namespace inherits some of these from the host.
_NODE_SYSCTLS = {
    "ipv6/conf/default/disable_ipv6": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",  # addresses are usable at once
    "ipv6/conf/default/accept_ra": "0",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/arp_ignore": "1",  # answer only for addresses of the interface that was asked
}
_LAN_SYSCTLS = {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}

_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_ETHTOOL_SGSO = 0x24


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Namespace:
    """One anonymous network namespace, held by a descriptor."""

    def __init__(self) -> None:
        """Make a new one. Raises OSError when that is not allowed."""
        self.fd = _in_thread(self._unshare)
        self.inode = os.fstat(self.fd).st_ino

    @staticmethod
    def _unshare() -> int:
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def run(self, function: Callable[[], T]) -> T:
        """Call `function` in this namespace; blocks until it returns, raises what it raises."""

        def inside() -> T:
            _check(_libc.setns(self.fd, CLONE_NEWNET), "setns")
            return function()

        return _in_thread(inside)

    def close(self) -> None:
        """Let go of it: the kernel removes it as soon as no socket or process is left inside. Safe to call twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _in_thread(function: Callable[[], T]) -> T:
    """Run in a thread made for it alone: a thread that entered a namespace ends there and needs no way back."""
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="turnup-netns")
    thread.start()
    thread.join()
    try:
        if errors:
            raise errors[0]
        return results[0]
    finally:
        errors.clear()  # the error's traceback holds the list that holds the error: leave no such ring


@dataclass(slots=True)
class NetnsPlace:
    """A node in a network namespace of its own, on the exchange LAN by its interface `lan`."""

    name: str
    namespace: Namespace
    state: LabState | None = None
    """Where the children are recorded."""
    kind: LinkKind = field(default=LinkKind.NETNS, init=False)

    @property
    def port(self) -> int:
        return BGP_PORT

    @property
    def nsenter(self) -> str:
        """The command by which a human enters this node, from another terminal."""
        user = f"--target={os.getpid()} --user --preserve-credentials " if os.environ.get("TURNUP_USERNS") else ""
        return f"nsenter {user}--net=/proc/{os.getpid()}/fd/{self.namespace.fd}"

    def host(self, address: Address) -> Address:
        return address

    def run(self, function: Callable[[], T]) -> T:
        """Call a short `function` in this node's namespace, on a thread of its own."""
        self._require_open()
        return self.namespace.run(function)

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        return self.run(lambda: socket.socket(family, type_ | socket.SOCK_CLOEXEC, proto))

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        self._require_open()
        process = await spawn(argv, log=log, env=env, netns_fd=self.namespace.fd)
        if self.state is not None:
            self.state.record_child(process.pid, f"{self.name}: {Path(argv[0]).name}")
        return process

    def tcp_counters(self) -> dict[str, int]:
        # /proc/net would show the namespace of the main thread.
        text = self.run(lambda: Path("/proc/thread-self/net/netstat").read_text())
        lines = [line.split() for line in text.splitlines() if line.startswith("TcpExt:")]
        names, values = lines[0][1:], lines[1][1:]
        return dict(zip(names, map(int, values), strict=True))

    def _require_open(self) -> None:
        if self.namespace.fd < 0:
            raise LabError(f"{self.name}: the lab is down, its network namespace is gone")


class NetnsLink:
    """Builds the LAN and its nodes on entry; on exit nothing is left."""

    kind = LinkKind.NETNS

    def __init__(self, lan: LanSpec, state: LabState | None = None) -> None:
        self._lan = lan
        self._state = state
        self._places: dict[str, NetnsPlace] = {}
        self._bridge: Namespace | None = None

    def place(self, node: str) -> NetnsPlace:
        """The place of a node. Raises KeyError for a name that the LAN does not have."""
        return self._places[node]

    async def __aenter__(self) -> NetnsLink:
        building = asyncio.ensure_future(asyncio.to_thread(self.build))
        try:
            await asyncio.shield(building)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await building  # a thread cannot be cancelled: let it end, then take away what it made
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def build(self) -> None:
        """Make all namespaces and links; blocks for some 20 ms a node. Raises LabError and then leaves nothing."""
        try:
            self._build()
        except (OSError, NetlinkError, LookupError) as error:
            self.close()
            raise LabError(_explain(error)) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all namespaces; the kernel removes what is in them. Safe to call twice."""
        for place in self._places.values():
            place.namespace.close()
        if self._bridge is not None:
            self._bridge.close()

    def _build(self) -> None:
        self._bridge = Namespace()
        for node in self._lan.nodes:
            self._places[node.name] = NetnsPlace(node.name, Namespace(), self._state)
            # Before the interface appears: it takes its settings from `default`.
            self._places[node.name].run(partial(_write_sysctls, _NODE_SYSCTLS))
        # pyroute2's synchronous calls run an event loop of their own; these threads have none yet.
        self._bridge.run(self._build_lan)
        for number, node in enumerate(self._lan.nodes, 1):
            self._places[node.name].run(partial(self._build_node, node, number))

    def _build_lan(self) -> None:
        _write_sysctls(_LAN_SYSCTLS)
        with IPRoute() as ip:
            ip.link("set", index=_index(ip, "lo"), state="up")
            ip.link(
                "add",
                ifname=INTERFACE,
                kind="bridge",
                br_stp_state=0,
                br_forward_delay=0,
                br_mcast_snooping=0,  # neighbour discovery works at once, without a querier
                mtu=self._lan.mtu,
            )
            bridge = _index(ip, INTERFACE)
            ip.link("set", index=bridge, state="up")
            for number, node in enumerate(self._lan.nodes, 1):
                peer = {
                    "ifname": INTERFACE,
                    "net_ns_fd": self._places[node.name].namespace.fd,
                    "mtu": self._lan.mtu,
                    "address": mac(number),
                }
                port = f"port{number}"
                ip.link("add", ifname=port, kind="veth", peer=peer, mtu=self._lan.mtu)
                _offloads_off(port)
                ip.link("set", index=_index(ip, port), master=bridge, state="up")

    def _build_node(self, node: NodeSpec, number: int) -> None:
        with IPRoute() as ip:
            ip.link("set", index=_index(ip, "lo"), state="up")
            _offloads_off(INTERFACE)
            lan = _index(ip, INTERFACE)
            for address in node.addresses:
                # Without it an IPv6 address may still be tentative for a moment, and nothing can bind to it.
                flags = {"flags": _IFA_F_NODAD} if address.version == 6 else {}
                length = self._lan.prefix_of(address).prefixlen
                ip.addr("add", index=lan, address=str(address), prefixlen=length, **flags)
            ip.link("set", index=lan, state="up")


def mac(number: int) -> str:
    """The MAC address of the LAN's nth node (from 1): fixed, so that captures of two runs compare."""
    return f"02:00:00:00:{number >> 8:02x}:{number & 0xFF:02x}"


def netns_place(place: Place, what: str) -> NetnsPlace:
    """`place` as a namespace. Raises LabError saying that `what` needs one."""
    if isinstance(place, NetnsPlace):
        return place
    raise LabError(f"{what} needs frames of its own LAN, and {place.name} is on {place.kind.value}: use link: netns")


def _index(ip: Any, name: str) -> int:
    found: list[int] = ip.link_lookup(ifname=name)
    return found[0]


def _write_sysctls(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        path = Path("/proc/sys/net") / name
        # A kernel without IPv6 has no such file: it fails later, and in clearer words, when an address is added.
        if path.exists() and path.read_text().strip() != value:
            path.write_text(value)


def _offloads_off(interface: str) -> None:
    """Have the kernel send frames as a wire would carry them: with checksums, none longer than the MTU."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        for command in (_ETHTOOL_STXCSUM, _ETHTOOL_SGSO):
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            # Only the beauty of a capture depends on it.
            with contextlib.suppress(OSError):
                fcntl.ioctl(control, _SIOCETHTOOL, request)


def _explain(error: Exception) -> str:
    number = error.code if isinstance(error, NetlinkError) else getattr(error, "errno", None)
    if number in (errno.EPERM, errno.EACCES):
        return "network namespaces are not allowed here: run as root or in a user namespace, or use link: loopback"
    if number == errno.EROFS:
        return "/proc/sys is read-only here: run a privileged container, or use link: loopback"
    if number == errno.EOPNOTSUPP:
        return f"the kernel lacks veth or bridge devices (modprobe veth bridge): {error}"
    return f"the exchange LAN cannot be built: {error}"
