"""BGP's socket options on Linux: MD5 (RFC 2385), GTSM (RFC 5082), listening and dialling sockets."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import termios

from simulator.addresses import IpAddress
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.session.md5 import md5_fault

_TCP_MD5SIG = 14
_IP_MINTTL = 21
_IPV6_MINHOPCOUNT = 73
_GTSM_TTL = 255
_BYTES_ACKED = 120
"""Where struct tcp_info (linux/tcp.h) has tcpi_bytes_acked."""
BACKLOG = 1024
"""Callers that may wait at once."""
ACCEPTED_AT_ONCE = 16
"""Callers that are accepted before the sessions there are get their turn; asyncio takes it for the backlog as well."""


def family_of(address: IpAddress) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def set_md5(sock: socket.socket, peer: IpAddress, key: str) -> None:
    """Require TCP MD5 signatures with `peer`; an empty key lifts that. Raises LabError where the kernel will not.

    The kernel drops unsigned and wrongly signed segments silently and counts them (TcpExtTCPMD5*).
    """
    secret = key.encode()
    if fault := md5_fault(key):
        raise LabError(f"the MD5 key for {peer} {fault}")
    if peer.version == 4:
        sockaddr = struct.pack("=HH4s120x", socket.AF_INET, 0, peer.packed)
    else:
        sockaddr = struct.pack("=HHI16s104x", socket.AF_INET6, 0, 0, peer.packed)
    option = sockaddr + struct.pack("=BBHI80s", 0, 0, len(secret), 0, secret)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG, option)
    except OSError as error:
        if not key and error.errno == errno.ENOENT:
            return
        raise LabError(
            f"TCP MD5 for {peer} cannot be set: {error.strerror} (does this kernel have TCP_MD5SIG?)"
        ) from None


def octets_written(sock: socket.socket) -> int:
    """How many octets the kernel has taken for a TCP connection: acknowledged ones and those it still holds (SIOCOUTQ).

    The one that dialled counts its SYN too. Raises OSError where the connection is gone.
    """
    while True:
        before = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        (held,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))
        after = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        acked = [struct.unpack_from("Q", info, _BYTES_ACKED)[0] for info in (before, after)]
        if acked[0] == acked[1]:  # or an acknowledgement came between the two questions
            return int(acked[0] + held)


def set_ttl(sock: socket.socket, address: IpAddress, ttl: int) -> None:
    """The TTL or hop limit of everything that this socket sends."""
    if address.version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)


def set_gtsm(sock: socket.socket, address: IpAddress) -> None:
    """Send with TTL 255 and take nothing that travelled a hop (RFC 5082 §3)."""
    set_ttl(sock, address, _GTSM_TTL)
    if address.version == 4:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, _GTSM_TTL)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, _GTSM_TTL)


def travelled(sock: socket.socket, address: IpAddress) -> bool:
    """Whether an accepted connection came from further than a hop away: the TTL of the ACK that made it is kept here.

    What arrives before the connection is accepted is read without any check of `set_gtsm`.
    """
    if address.version == 4:
        return sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) != _GTSM_TTL
    return sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS) != _GTSM_TTL


def listening_socket(place: Place, address: IpAddress, port: int) -> socket.socket:
    """A bound, listening socket. Raises LabError when the address or port is not to be had."""
    sock = place.socket(family_of(address), socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Before listen(): the SYN-ACK is sent with the listener's TTL, and a GTSM peer drops it below 255.
        set_ttl(sock, address, _GTSM_TTL)
        sock.bind((str(address), port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        where = Endpoint(address, port)
        hint = {
            errno.EADDRINUSE: "the port is in use: stop what listens there, or choose another",
            errno.EADDRNOTAVAIL: "this machine has no such address",
            errno.EACCES: "ports below 1024 need root: choose a higher one",
        }.get(error.errno or 0, error.strerror or str(error))
        raise LabError(f"cannot listen on {where}: {hint}") from None
    return sock


def dialling_socket(place: Place, local: IpAddress, peer: IpAddress, *, md5: str | None, gtsm: bool) -> socket.socket:
    """An unconnected socket bound to `local`, ready to dial `peer`."""
    sock = place.socket(family_of(local), socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        if md5:
            set_md5(sock, peer, md5)
        if gtsm:
            set_gtsm(sock, local)
        sock.bind((str(local), 0))
    except BaseException:
        sock.close()
        raise
    return sock
