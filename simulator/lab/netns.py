"""The netns link: a network namespace a node; a bridge as the exchange LAN, and a veth pair as each Direct cable.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from simulator.addresses import IpAddress, IpNetwork
from simulator.lab import host_interface, netlink
from simulator.lab.namespace import Namespace
from simulator.lab.netem import impair
from simulator.lab.state import LabState
from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.places.link import (
    CABLE,
    INTERFACE,
    PERFECT,
    CableSpec,
    HostInterfaceSpec,
    LanSpec,
    LinkKind,
    NodeSpec,
    Quality,
    addresses_by_node,
    outside_nodes,
)
from simulator.places.place import OutsidePlace, Place
from simulator.places.process import spawn
from simulator.places.sandbox import Sandbox

T = TypeVar("T")

_FIRST_TABLE = 1000
"""VRFs have the routing tables behind this one."""

_IFA_F_NODAD = 0x02

# Nothing but what the topology says decides how a node behaves: a new namespace inherits some of these from the host.
_NODE_SYSCTLS = {
    "ipv6/conf/default/disable_ipv6": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",  # addresses are usable at once
    "ipv6/conf/default/accept_ra": "0",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/arp_ignore": "1",  # answer only for addresses of the interface that was asked
    "ipv4/ip_forward": "0",  # nodes with two links are no shortcut between them
    "ipv6/conf/all/forwarding": "0",
}
_LAN_SYSCTLS = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    # A switch has no packet filter: where the host's kernel has br_netfilter, each frame would be put to one.
    "bridge/bridge-nf-call-iptables": "0",
    "bridge/bridge-nf-call-ip6tables": "0",
    "bridge/bridge-nf-call-arptables": "0",
}

_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_ETHTOOL_SGSO = 0x24


@dataclass(slots=True)
class NetnsPlace:
    """A node in a network namespace of its own: `lan` is its interface on the exchange LAN, `pni<n>` on a cable."""

    name: str
    namespace: Namespace
    state: LabState | None = None
    """Where the children are recorded."""
    interfaces: dict[str, tuple[IpNetwork, ...]] = field(default_factory=dict)
    """Its interfaces, and the prefixes that each is on."""
    vrfs: list[str] = field(default_factory=list)
    """The VRFs that some of them are in."""
    kind: LinkKind = field(default=LinkKind.NETNS, init=False)

    @property
    def port(self) -> int:
        return BGP_PORT

    @property
    def nsenter(self) -> str:
        """The command by which a human enters this node, from another terminal."""
        user = f"--target={os.getpid()} --user --preserve-credentials " if os.environ.get("TURNUP_USERNS") else ""
        return f"nsenter {user}--net=/proc/{os.getpid()}/fd/{self.namespace.fd}"

    def host(self, address: IpAddress) -> IpAddress:
        return address

    def interface_to(self, address: IpAddress) -> str:
        """The interface by which this node reaches a neighbour; the first one where none is on its prefix."""
        names = (name for name, prefixes in self.interfaces.items() if any(address in prefix for prefix in prefixes))
        return next(names, next(iter(self.interfaces), INTERFACE))

    def index_of(self, interface: str) -> int:
        """The kernel's number of an interface. Raises OSError for a name that no interface has."""
        return self.run(lambda: socket.if_nametoindex(interface))

    def run(self, function: Callable[[], T]) -> T:
        """Call a short `function` in this node's namespace, on a thread of its own."""
        self._require_open()
        return self.namespace.run(function)

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        return self.run(lambda: socket.socket(family, type_ | socket.SOCK_CLOEXEC, proto))

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, sandbox: Sandbox | None = None
    ) -> asyncio.subprocess.Process:
        self._require_open()
        process = await spawn(argv, log=log, env=env, netns_fd=self.namespace.fd, sandbox=sandbox)
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
    """Builds the LAN, the cables and their nodes on entry; on exit nothing is left."""

    def __init__(
        self,
        lan: LanSpec,
        state: LabState | None = None,
        cables: Sequence[CableSpec] = (),
        *,
        leads_out: bool = False,
        offloads: bool = False,
    ) -> None:
        """`leads_out`: links that name an interface of this host are joined with it.

        `offloads`: what is sent is cut into frames late, as by a NIC; a capture would not show what a wire carries.
        """
        self.kind = LinkKind.INTERFACE if leads_out else LinkKind.NETNS
        self._lan = lan
        self._cables = tuple(cables)
        self._state = state
        self._offloads = offloads
        self._places: dict[str, NetnsPlace] = {}
        self._outside = {
            name: OutsidePlace(name, {address: address for address in addresses}, BGP_PORT, LinkKind.NETNS)
            for name, addresses in addresses_by_node(lan, cables).items()
            if name in outside_nodes(lan, cables)
        }
        self._bridge: Namespace | None = None
        self._plugged = 0
        self.quality_problem = ""

    def place(self, node: str) -> NetnsPlace:
        """The place of a node of the lab's own. Raises KeyError for a name that it does not have."""
        return self._places[node]

    def outside(self, node: str) -> OutsidePlace | None:
        """Where a node is that the lab does not run; None for others."""
        return self._outside.get(node)

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
            with told_by_the_lab(leads_out=self.kind is LinkKind.INTERFACE):
                self._build()
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
        for name in addresses_by_node(self._lan, self._cables):
            if name in self._outside:
                continue
            self._places[name] = NetnsPlace(name, Namespace(), self._state)
            # Before an interface appears: it takes its settings from `default`.
            self._places[name].run(partial(_write_sysctls, _NODE_SYSCTLS))
        # pyroute2's synchronous calls run an event loop of their own; these threads have none yet.
        lan_out = self._leads_out(self._lan)
        mine = [node for node in self._lan.nodes if node.outside is None]
        if lan_out is not None:
            for node in mine:
                self._plug(lan_out, self._lan, node, node.interface or INTERFACE)
        elif self._lan.nodes:
            self._bridge = Namespace()
            self._bridge.run(self._build_lan)
        for node in mine:
            lengths = {address: self._lan.prefix_of(address).prefixlen for address in node.addresses}
            quality = node.quality if lan_out is None else PERFECT
            self._attach(node, node.interface or INTERFACE, self._lan.prefixes, lengths, quality)
        for number, cable in enumerate(self._cables, 1):
            self._build_cable(cable, number)

    def _leads_out(self, link: LanSpec | CableSpec) -> HostInterfaceSpec | None:
        if self.kind is not LinkKind.INTERFACE or link.interface is None:
            return None
        ends = link.nodes if isinstance(link, LanSpec) else (*link.ends, NodeSpec(link.name, (), link.quality))
        if any(not node.quality.is_perfect for node in ends):
            self.quality_problem = (
                f"{link.interface.name} of this host has its own latency, jitter and loss, and no other"
            )
        return link.interface

    def _plug(self, out: HostInterfaceSpec, link: LanSpec | CableSpec, node: NodeSpec, name: str) -> None:
        """Give a node its interface on a bridge or NIC of this host."""
        self._plugged += 1
        identity = f"{node.name} {' '.join(map(str, node.addresses))}"
        port = host_interface.Port(self._places[node.name].namespace.fd, name, node.mtu or link.mtu, identity)
        with netlink.IPRoute() as ip:
            host_interface.plug(ip, host_interface.check(out, port.mtu), port, self._plugged)

    def _build_lan(self) -> None:
        _write_sysctls(_LAN_SYSCTLS)
        with netlink.IPRoute() as ip:
            ip.link("set", index=netlink.index_of(ip, "lo"), state="up")
            ip.link(
                "add",
                ifname=INTERFACE,
                kind="bridge",
                br_stp_state=0,
                br_forward_delay=0,
                br_mcast_snooping=0,  # neighbour discovery works at once, without a querier
                mtu=self._lan.mtu,
            )
            bridge = netlink.index_of(ip, INTERFACE)
            ip.link("set", index=bridge, state="up")
            for number, node in enumerate(self._lan.nodes, 1):
                if node.outside is not None:
                    continue
                peer = {
                    "ifname": node.interface or INTERFACE,
                    "net_ns_fd": self._places[node.name].namespace.fd,
                    "mtu": node.mtu or self._lan.mtu,
                    "address": mac(number),
                }
                port = f"port{number}"
                ip.link("add", ifname=port, kind="veth", peer=peer, mtu=self._lan.mtu)
                if not self._offloads:
                    _offloads_off(port)
                index = netlink.index_of(ip, port)
                ip.link("set", index=index, master=bridge, state="up")
                self._impair(ip, index, node.quality)

    def _build_cable(self, cable: CableSpec, number: int) -> None:
        """A veth pair, one end in the namespace of each node; or the near end alone, on what leads out to the other."""
        near, far = cable.ends
        name = f"{CABLE}{number}"
        out = self._leads_out(cable)
        if out is not None:
            self._plug(out, cable, near, near.interface or name)
        elif far.outside is None:
            self._lay(cable, name, number)
        else:
            raise LabError(f"{far.name} is not in this lab, and {cable.name} has no interface that leads to it")
        for end in cable.ends if out is None else (near,):
            lengths = {address: cable.prefix_of(address).prefixlen for address in end.addresses}
            quality = PERFECT if out is not None else cable.quality
            self._attach(end, end.interface or name, cable.prefixes, lengths, quality)

    def _lay(self, cable: CableSpec, name: str, number: int) -> None:
        near, far = cable.ends

        def lay() -> None:
            peer = {
                "ifname": far.interface or name,
                "net_ns_fd": self._places[far.name].namespace.fd,
                "mtu": far.mtu or cable.mtu,
                "address": mac(2, cable=number),
            }
            own = {"mtu": near.mtu or cable.mtu, "address": mac(1, cable=number)}
            with netlink.IPRoute() as ip:
                ip.link("add", ifname=near.interface or name, kind="veth", peer=peer, **own)

        self._places[near.name].run(lay)

    def _attach(
        self,
        node: NodeSpec,
        interface: str,
        prefixes: tuple[IpNetwork, ...],
        lengths: dict[IpAddress, int],
        quality: Quality,
    ) -> None:
        """Bring a node's new interface up with these addresses, each with its prefix length."""
        place = self._places[node.name]
        place.interfaces[interface] = prefixes
        is_new = bool(node.vrf) and node.vrf not in place.vrfs
        if is_new:
            place.vrfs.append(node.vrf)

        def bring_up() -> None:
            with netlink.IPRoute() as ip:
                ip.link("set", index=netlink.index_of(ip, "lo"), state="up")
                if not self._offloads:
                    _offloads_off(interface)
                index = netlink.index_of(ip, interface)
                if is_new:
                    _make_vrf(ip, node.vrf, _FIRST_TABLE + len(place.vrfs), node.name)
                if node.vrf:  # before it has addresses: the kernel takes IPv6 ones away from what moves into a VRF
                    ip.link("set", index=index, master=netlink.index_of(ip, node.vrf))
                for address, length in lengths.items():
                    # Without it an IPv6 address may still be tentative for a moment, and nothing can bind to it.
                    flags = {"flags": _IFA_F_NODAD} if address.version == 6 else {}
                    ip.addr("add", index=index, address=str(address), prefixlen=length, **flags)
                ip.link("set", index=index, state="up")
                self._impair(ip, index, quality)

        place.run(bring_up)

    def _impair(self, ip: Any, index: int, quality: Quality) -> None:
        if quality != PERFECT:
            self.quality_problem = impair(ip, index, quality) or self.quality_problem


def mac(number: int, cable: int = 0) -> str:
    """The MAC address of the LAN's nth node, or of a cable's nth end (all from 1): fixed, so that captures compare."""
    return f"02:00:{cable >> 8:02x}:{cable & 0xFF:02x}:{number >> 8:02x}:{number & 0xFF:02x}"


def netns_place(place: Place, what: str) -> NetnsPlace:
    """`place` as a namespace. Raises LabError saying that `what` needs one."""
    if isinstance(place, NetnsPlace):
        return place
    raise LabError(f"{what} needs frames of its own LAN, and {place.name} is on {place.kind.value}: use link: netns")


def _make_vrf(ip: Any, name: str, table: int, node: str) -> None:
    try:
        ip.link("add", ifname=name, kind="vrf", vrf_table=table)
    except netlink.NetlinkError as error:
        if error.code != errno.EOPNOTSUPP:
            raise
        raise LabError(f"VRF {name} of {node}: this kernel has no VRF devices (as root: modprobe vrf)") from None
    ip.link("set", index=netlink.index_of(ip, name), state="up")


def _write_sysctls(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        path = Path("/proc/sys/net") / name
        # A kernel without IPv6 has no such file: it fails later, and in clearer words, when an address is added. One
        # without br_netfilter has none of that, and needs none.
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


@contextlib.contextmanager
def told_by_the_lab(*, leads_out: bool = False) -> Iterator[None]:
    """LabError in the lab's words in place of what the kernel says of namespaces, links, addresses and routes.

    `leads_out`: the link is attached to an interface of this host.
    """
    try:
        yield
    except (OSError, netlink.NetlinkError, LookupError) as error:
        raise LabError(_explain(error, leads_out=leads_out)) from error


def _explain(error: Exception, *, leads_out: bool) -> str:
    number = error.code if isinstance(error, netlink.NetlinkError) else getattr(error, "errno", None)
    if number in (errno.EPERM, errno.EACCES) and leads_out:
        return "attaching to an interface of this host is not allowed: run as root, outside of any user namespace"
    if number in (errno.EPERM, errno.EACCES):
        return "network namespaces are not allowed here: run as root or in a user namespace, or use link: loopback"
    if number == errno.EROFS:
        return "/proc/sys is read-only here: run a privileged container, or use link: loopback"
    if number == errno.EOPNOTSUPP:
        return f"the kernel lacks veth, bridge or macvlan devices (modprobe veth bridge macvlan): {error}"
    return f"the lab's links cannot be built: {error}"
