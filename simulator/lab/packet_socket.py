"""A raw socket on one interface (packet(7)): every frame that it sends and receives, with the kernel's time.

scapy's own listening socket asks select(2) when it is opened, which no descriptor above 1023 survives: a lab of two
hundred peers has more.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Final

_ETH_P_ALL: Final = 3
_ETH_P_8021Q: Final = 0x8100
_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP: Final = 1
_STATISTICS: Final = 6
_AUXDATA: Final = 8
_MR_PROMISC: Final = 1
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35

_VLAN_VALID: Final = 1 << 4
_VLAN_TPID_VALID: Final = 1 << 6
_AUX: Final = struct.Struct("IIIHHHH")
"""struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid."""
_TIMESPEC: Final = struct.Struct("ll")

_RECEIVE_BUFFER: Final = 64 << 20
"""Octets that the kernel holds for us while the event loop is busy."""
_MOST: Final = 0xFFFF
"""Octets of one frame, as the kernel puts segments together."""
_ANCILLARY: Final = socket.CMSG_SPACE(_AUX.size) + socket.CMSG_SPACE(_TIMESPEC.size)


class PacketSocket:
    """Not blocking, promiscuous. Make it in the namespace of its interface; raises OSError where that is refused."""

    def __init__(self, interface: str) -> None:
        # Protocol 0 first: nothing of other interfaces may come in before it is bound.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        try:
            self._prepare(interface)
        except BaseException:
            self._socket.close()
            raise

    def _prepare(self, interface: str) -> None:
        sock = self._socket
        promiscuous = struct.pack("IHH8s", socket.if_nametoindex(interface), _MR_PROMISC, 0, b"")
        sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, promiscuous)
        sock.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        except PermissionError:
            # In a user namespace the host's limit holds; what then gets lost is counted.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.bind((interface, _ETH_P_ALL))
        self.lost()  # what was lost before this point was never promised

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> tuple[bytes, float]:
        """The next frame, its VLAN tag in place, and its time (UNIX, seconds). Raises OSError: none is there."""
        frame, ancillary, _, _ = self._socket.recvmsg(_MOST, _ANCILLARY)
        seconds = 0.0
        for level, kind, data in ancillary:
            if level == _SOL_PACKET and kind == _AUXDATA and len(data) == _AUX.size:
                status, *_, tci, tpid = _AUX.unpack(data)
                if status & _VLAN_VALID:  # the kernel has taken the tag off
                    tag = struct.pack("!HH", tpid if status & _VLAN_TPID_VALID else _ETH_P_8021Q, tci)
                    frame = frame[:12] + tag + frame[12:]
            elif level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                whole, nano = _TIMESPEC.unpack(data)
                seconds = whole + nano * 1e-9
        return frame, seconds

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def lost(self) -> int:
        """Frames that the kernel had to drop since it was last asked. Raises OSError."""
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        return int(dropped)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()
