"""Active probes from a node of the lab: who answers for an address on the LAN, ping, and is a TCP port open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Literal

from simulator.addresses import IpAddress
from simulator.lab import netlink
from simulator.lab.netns import NetnsPlace, netns_place
from simulator.lab.packet_socket import PacketSocket
from simulator.lab.streams import load_scapy
from simulator.places.errors import LabError
from simulator.places.place import Place

_QUIET = 0.3
"""Seconds without a further answer after which no second one is expected."""

ICMP_ECHO = {4: (8, 0), 6: (128, 129)}
"""Echo request and echo reply types."""

# ip(7), ipv6(7); not all of them are in the socket module.
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_PROBE = 3

PortState = Literal["open", "refused", "filtered", "unreachable"]


@dataclass(frozen=True, slots=True)
class L2Probe:
    """Who answered ARP or neighbour discovery for an address."""

    address: IpAddress
    macs: frozenset[str]
    """One: as it should be. None: nobody is there. Several: the address is used twice, or somebody proxies."""
    requests: int


_APART: Final = 0.01
"""Seconds between two echoes (simulator)."""


@dataclass(frozen=True, slots=True)
class PingResult:
    """The outcome of one ICMP echo."""

    answered: bool
    rtt_ms: float | None
    error: str = ""
    """Why there was no answer, in words."""
    lost: int = 0
    """Of several echoes of which one was answered, those that were not."""


@contextlib.contextmanager
def reading(fd: int, callback: Callable[[], None]) -> Iterator[None]:
    """Call back whenever the descriptor can be read."""
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, callback)
    try:
        yield
    finally:
        loop.remove_reader(fd)


def macs_of(place: NetnsPlace) -> frozenset[str]:
    """The MACs of a node's own interfaces. Raises LabError."""

    def look() -> frozenset[str]:
        with netlink.IPRoute() as ip:
            return frozenset(filter(None, (link.get_attr("IFLA_ADDRESS") for link in ip.get_links())))

    try:
        return place.run(look)
    except (netlink.NetlinkError, OSError) as error:
        raise LabError(f"the interfaces of {place.name} cannot be looked at: {error}") from error


async def neighbors_on_lan(place: Place, address: IpAddress, *, deadline: float = 3.0, resend: float = 0.5) -> L2Probe:
    """Ask the LAN, as `place`, who has `address`; times in seconds.

    Returns a little after the first answer, so that a second owner is heard too, or at the deadline. Raises LabError
    when the place has no interface of its own.
    """
    node = netns_place(place, "an ARP or ND probe")
    await asyncio.to_thread(load_scapy)
    try:
        interface = node.interface_to(address)
        request, receiver = node.run(lambda: (_who_has(address, interface), PacketSocket(interface)))
    except OSError as error:
        raise LabError(f"no ARP or ND probe from {place.name}: {error.strerror or error}") from error
    macs: set[str] = set()
    heard = asyncio.Event()

    def read() -> None:
        with contextlib.suppress(OSError):  # nothing left to read
            while True:
                frame, _ = receiver.receive()
                mac = _answer(frame, address)
                if mac is not None:
                    macs.add(mac)
                    heard.set()

    requests = 0
    try:
        with reading(receiver.fileno(), read):
            end = asyncio.get_running_loop().time() + deadline
            while not heard.is_set() and (left := end - asyncio.get_running_loop().time()) > 0:
                receiver.send(request)
                requests += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(resend, left)):
                        await heard.wait()
            while heard.is_set():
                heard.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_QUIET):
                        await heard.wait()
    finally:
        receiver.close()
    return L2Probe(address, frozenset(macs), requests)


def _who_has(address: IpAddress, interface: str) -> bytes:
    """The request as a whole frame; to be called in the namespace, whose own addresses it asks for."""
    from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6, in6_getnsma, in6_getnsmac
    from scapy.layers.l2 import ARP, Ether

    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as frames:
        frames.bind((interface, 0))
        mac = frames.getsockname()[4].hex(":")
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as routed:
        # A UDP socket sends nothing on connect, but learns which of our addresses would be used.
        routed.connect((str(address), 9))
        source = routed.getsockname()[0]
    if isinstance(address, IPv4Address):
        request = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=mac, psrc=source, pdst=str(address))
    else:
        group = in6_getnsma(address.packed)
        request = (
            Ether(src=mac, dst=in6_getnsmac(group))
            / IPv6(src=source, dst=socket.inet_ntop(socket.AF_INET6, group), hlim=255)
            / ICMPv6ND_NS(tgt=str(address))
            / ICMPv6NDOptSrcLLAddr(lladdr=mac)
        )
    return bytes(request)


def _answer(frame: bytes, address: IpAddress) -> str | None:
    """The MAC that this frame says `address` has; None when it is no such answer."""
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr
    from scapy.layers.l2 import ARP, Ether

    # A busy LAN shows many other frames: look before dissecting.
    if frame[12:14] != (b"\x08\x06" if address.version == 4 else b"\x86\xdd"):
        return None
    packet: Any = Ether(frame)
    if ARP in packet and packet[ARP].op == 2 and packet[ARP].psrc == str(address):
        return str(packet[ARP].hwsrc).lower()
    if ICMPv6ND_NA in packet and IPv6Address(packet[ICMPv6ND_NA].tgt) == address:
        option = packet.getlayer(ICMPv6NDOptDstLLAddr)
        return str(option.lladdr if option is not None else packet[Ether].src).lower()
    return None


async def ping(
    place: Place,
    address: IpAddress,
    *,
    size: int | None = None,
    dont_fragment: bool = False,
    count: int = 1,
    timeout: float = 1.0,  # noqa: ASYNC109 - no answer is a result, not an exception
) -> PingResult:
    """An ICMP echo request from `place`, the whole IP packet `size` bytes long (default 84); `timeout` in seconds.

    With `count` so many, a hundredth of a second apart; the time is that of the first answer.

    With `dont_fragment` a packet longer than the interface's MTU is refused at once, with that as the error.
    """
    target = place.host(address)
    overhead = 28 if target.version == 4 else 48
    payload = bytes((size if size is not None else 84) - overhead)
    try:
        sock = icmp_socket(place, target, dont_fragment)
    except OSError as error:
        return PingResult(False, None, f"no raw socket in {place.name}: {error.strerror}")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[None] = loop.create_future()
    pending = {os.urandom(4) for _ in range(count)}
    arrived: list[float] = []

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    packet = sock.recv(1 << 16)
                except BlockingIOError:
                    raise
                except OSError as error:
                    # An ICMP error: it becomes the reason, if nothing better comes.
                    if not answer.done():
                        answer.set_exception(error)
                    return
                echo = packet[(packet[0] & 0x0F) * 4 :] if target.version == 4 else packet
                if echo[:1] == bytes([ICMP_ECHO[target.version][1]]) and echo[4:8] in pending:
                    pending.discard(echo[4:8])
                    arrived.append(loop.time())
                    if not pending and not answer.done():
                        answer.set_result(None)

    with sock, reading(sock.fileno(), read):
        try:
            sock.connect((str(target), 0))
            started = loop.time()
            for number, identifier in enumerate(list(pending)):
                if number:
                    await asyncio.sleep(_APART)
                sock.send(echo_request(target, identifier, payload))
            async with asyncio.timeout(timeout):
                await answer
        except TimeoutError:
            if not arrived:
                return PingResult(False, None, f"no answer within {timeout:g} s")
        except OSError as error:
            return PingResult(False, None, reason(error))
        finally:
            answer.cancel()
    return PingResult(True, round((arrived[0] - started) * 1000, 3), lost=len(pending))


def icmp_socket(place: Place, target: IpAddress, dont_fragment: bool) -> socket.socket:
    """A raw ICMP socket of a place. Raises OSError."""
    if target.version == 4:
        sock = place.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    else:
        sock = place.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sock.setblocking(False)
    # Set DF and believe no cached path MTU; without it let long packets be fragmented.
    discover = _PMTUDISC_PROBE if dont_fragment else 0
    if target.version == 4:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, discover)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, discover)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DONTFRAG, int(dont_fragment))
    return sock


def echo_request(target: IpAddress, identifier: bytes, payload: bytes) -> bytes:
    """An ICMP echo request; `identifier` is its identifier and sequence number, four octets."""
    kind = ICMP_ECHO[target.version][0]
    if target.version == 6:
        return struct.pack("!BBH", kind, 0, 0) + identifier + payload  # the kernel fills in the checksum
    message = struct.pack("!BBH", kind, 0, 0) + identifier + payload
    total = sum(struct.unpack(f"!{(len(message) + 1) // 2}H", message + b"\0" * (len(message) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBH", kind, 0, ~total & 0xFFFF) + message[4:]


def reason(error: OSError) -> str:
    """Why a packet could not be sent, in words."""
    if error.errno == errno.EMSGSIZE:
        return "the packet is longer than the path MTU and must not be fragmented"
    if error.errno == errno.EHOSTUNREACH:
        return "host unreachable: nobody answers ARP or ND for it"
    if error.errno == errno.ENETUNREACH:
        return "network unreachable: no route to it"
    return error.strerror or str(error)


async def tcp_port(
    place: Place,
    local: IpAddress,
    remote: IpAddress,
    port: int,
    timeout: float = 3.5,  # noqa: ASYNC109 - silence is a result, not an exception
    prepare: Callable[[socket.socket], None] | None = None,
) -> PortState:
    """Try a TCP connection from `local` to a port; `filtered` means silence for `timeout` seconds.

    `prepare`: what is done to the socket before it calls, as to sign its segments.

    The kernel needs 3 s to find that nobody answers ARP or ND: with less, `unreachable` looks like `filtered`.

    An open connection is closed with a RST, so that it leaves no trace in the remote kernel. A BGP daemon still sees
    it: one that takes a connection from a configured peer may start its FSM on it, or count a collision with the real
    session. Probe port 179 before the session is up, or where no session is. An MD5 key at one end alone makes an open
    port look filtered.
    """
    family = socket.AF_INET if remote.version == 4 else socket.AF_INET6
    with place.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            sock.bind((str(place.host(local)), 0))
            if prepare is not None:
                prepare(sock)
            async with asyncio.timeout(timeout):
                await _connect(sock, (str(place.host(remote)), port))
        except TimeoutError:
            return "filtered"
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            # ETIMEDOUT: the kernel gave up first; EACCES: a filter said so.
            if error.errno in (errno.ETIMEDOUT, errno.EACCES, errno.EPERM):
                return "filtered"
            if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN):
                return "unreachable"
            raise LabError(f"cannot probe {remote} port {port} from {local}: {error.strerror}") from error
        return "open"


async def _connect(sock: socket.socket, target: tuple[str, int]) -> None:
    """Connect a socket that does not block. Raises OSError.

    Not the event loop's sock_connect: it takes a wake-up without an error for a connection, and the kernel wakes also
    for the first news of an unreachable host, which leaves the socket connecting and its error still to come.
    """
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    error = sock.connect_ex(target)
    loop.add_writer(sock.fileno(), woken.set)
    try:
        while error == errno.EINPROGRESS:
            await woken.wait()
            woken.clear()
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error == 0:
                try:
                    sock.getpeername()
                except OSError:
                    error = errno.EINPROGRESS
    finally:
        loop.remove_writer(sock.fileno())
    if error:
        raise OSError(error, os.strerror(error))
