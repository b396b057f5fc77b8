"""What tshark says of a capture, and which of its frames are of a kind by its words alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from simulator.packets.kinds import FIRST, Packets
from simulator.packets.kinds import PacketKind as K
from simulator.report.findings import diagnosis_of
from simulator.report.model import Report

FIELDS = (
    *("frame.number", "frame.time_epoch", "eth.src", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.ttl", "ipv6.hlim"),
    *(
        "tcp.srcport",
        "tcp.dstport",
        "tcp.flags",
        "tcp.len",
        "tcp.stream",
        "tcp.option_kind",
        "tcp.options.md5",
        "udp.srcport",
    ),
    *("udp.srcport", "arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "icmp.type", "icmp.ident", "icmp.seq"),
    *("icmpv6.type", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number"),
    *("icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address", "bgp.type", "bgp.notify.major_error"),
    *(f"bgp.notify.minor_error_{name}" for name in ("open", "update", "expired", "state", "cease")),
    *("bgp.nlri_prefix", "bgp.mp_reach_nlri_ipv6_prefix", "bgp.prefix_length", "bgp.update.withdrawn_routes.length"),
    *("bgp.update.path_attributes.length", "bgp.update.path_attribute.type_code", "_ws.col.Protocol"),
)
SYN, ACK, RST, FIN = 0x02, 0x10, 0x04, 0x01
ADDRESS = IPv4Address | IPv6Address


class Row:
    """One frame."""

    def __init__(self, line: str) -> None:
        self._values = dict(zip(FIELDS, line.split("\t"), strict=True))

    def all(self, *names: str) -> list[str]:
        return [value for name in names for value in self._values[name].split(",") if value]

    def first(self, *names: str) -> str:
        return next(iter(self.all(*names)), "")

    @property
    def number(self) -> int:
        return int(self.first("frame.number"))

    @property
    def time(self) -> float:
        return float(self.first("frame.time_epoch"))

    @property
    def ends(self) -> tuple[ADDRESS, ADDRESS] | None:
        source, target = self.first("ip.src", "ipv6.src"), self.first("ip.dst", "ipv6.dst")
        return (ip_address(source), ip_address(target)) if source else None

    @property
    def ends_within(self) -> tuple[ADDRESS, ADDRESS] | None:
        """Of the packet that an ICMP error quotes."""
        sources, targets = self.all("ip.src", "ipv6.src"), self.all("ip.dst", "ipv6.dst")
        return (ip_address(sources[1]), ip_address(targets[1])) if len(sources) > 1 else None

    @property
    def flags(self) -> int:
        return int(self.first("tcp.flags") or "0", 16)

    @property
    def is_bgp(self) -> bool:
        return self.ends_within is None and "179" in self.all("tcp.srcport", "tcp.dstport")

    @property
    def flow(self) -> tuple[object, ...]:
        return self.ends, self.first("tcp.srcport"), self.first("tcp.dstport")

    @property
    def flow_back(self) -> tuple[object, ...]:
        assert self.ends is not None
        return self.ends[::-1], self.first("tcp.dstport"), self.first("tcp.srcport")


def read(file: Path) -> list[Row]:
    """Every frame, as tshark dissects it."""
    command = ["tshark", "-r", str(file), "-T", "fields", *(word for name in FIELDS for word in ("-e", name))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [Row(line) for line in done.stdout.splitlines()]


def numbers(rows: Iterable[Row], packets: Packets, until: float) -> list[int]:
    """The frames that tshark's words make those of a kind, up to a moment."""
    rows = [row for row in rows if row.time <= until]
    return [number for row in rows for number in [row.number] * _times(row, rows, packets)]


def _times(row: Row, rows: list[Row], packets: Packets) -> int:
    edge, peer = packets.ends
    kind = packets.kind
    if kind in (K.NEIGHBOR_ASKED, K.NEIGHBOR_ANSWERED):
        asks = [each for each in rows if _asks(each, peer)]
        answers = [each.number for each in rows if _answers(each, peer)]
        if kind is K.NEIGHBOR_ANSWERED:
            return row.number in answers
        return row in asks and not any(number > row.number for number in answers)
    if kind in (K.UNREACHABLE, K.REJECTED):
        about = row.ends_within == (edge, peer) and bool(row.all("icmp.type", "icmpv6.type"))
        return about and (kind is K.UNREACHABLE or "179" in row.all("tcp.srcport", "tcp.dstport"))
    sent, received = row.ends == (edge, peer), row.ends == (peer, edge)
    if not (sent or received) or row.ends_within is not None:
        return False
    return PREDICATES[kind](row, rows, sent, packets.detail)


def _asks(row: Row, address: ADDRESS) -> bool:
    arp = row.first("arp.opcode") == "1" and row.first("arp.src.proto_ipv4") != str(address)
    return (arp and row.first("arp.dst.proto_ipv4") == str(address)) or (
        row.first("icmpv6.type") == "135" and row.first("icmpv6.nd.ns.target_address") == str(address)
    )


def _answers(row: Row, address: ADDRESS) -> bool:
    said = row.first("arp.opcode") == "2" or row.first("arp.dst.proto_ipv4") == str(address)
    arp = said and row.first("arp.src.proto_ipv4") == str(address)
    return arp or (row.first("icmpv6.type") == "136" and row.first("icmpv6.nd.na.target_address") == str(address))


def _of_a_socket(row: Row) -> bool:
    return row.is_bgp and bool(row.flags & SYN or int(row.first("tcp.len") or "0"))


def _ttl(row: Row) -> int:
    return int(row.first("ip.ttl", "ipv6.hlim"))


def _syn(row: Row, sent: bool, wanted: bool) -> bool:
    return sent is wanted and row.is_bgp and row.flags & (SYN | ACK | RST) == SYN


def _answered(row: Row, rows: list[Row]) -> bool:
    """A SYN-ACK or RST comes back later, or an ICMP error."""
    later = [each for each in rows if each.number > row.number]
    return any(
        each.ends_within is None and each.flow == row.flow_back and each.flags & (SYN | RST)
        for each in later
        if each.ends
    ) or any(each.ends_within == row.ends and row.first("tcp.srcport") in each.all("tcp.srcport") for each in later)


def _said(kind: str, wanted: bool) -> Callable[[Row, list[Row], bool, str], int]:
    return lambda row, rows, sent, detail: sent is wanted and row.all("bgp.type").count(kind)


def _notified(wanted: bool) -> Callable[[Row, list[Row], bool, str], int]:
    def told(row: Row, rows: list[Row], sent: bool, detail: str) -> int:
        if sent is not wanted or "3" not in row.all("bgp.type"):
            return False
        minor = row.first(*(name for name in FIELDS if name.startswith("bgp.notify.minor")))
        return not detail or detail == f"{row.first('bgp.notify.major_error')}/{minor or 0}"

    return told


def _announces(wanted: bool) -> Callable[[Row, list[Row], bool, str], int]:
    def told(row: Row, rows: list[Row], sent: bool, detail: str) -> int:
        prefixes = row.all("bgp.nlri_prefix", "bgp.mp_reach_nlri_ipv6_prefix")
        if sent is not wanted or not prefixes:
            return False
        if not detail:
            return row.all("bgp.type").count("2") - _ends_of_rib(row)
        network = ip_network(detail)
        return str(network.network_address) in prefixes and str(network.prefixlen) in row.all("bgp.prefix_length")

    return told


def _ends_of_rib(row: Row) -> int:
    updates = row.all("bgp.type").count("2")
    lengths = row.all("bgp.update.path_attributes.length")
    nothing = sum(length == "0" for length in lengths)
    return nothing + sum(length in ("6", "7") for length in lengths) if updates else 0


PREDICATES: dict[K, Callable[[Row, list[Row], bool, str], int]] = {
    K.SYN_SENT: lambda row, rows, sent, detail: _syn(row, sent, True),
    K.SYN_SENT_UNANSWERED: lambda row, rows, sent, detail: _syn(row, sent, True) and not _answered(row, rows),
    K.SYN_RECEIVED_UNANSWERED: lambda row, rows, sent, detail: _syn(row, sent, False) and not _answered(row, rows),
    K.SYN_SENT_UNSIGNED: lambda row, rows, sent, detail: (
        _syn(row, sent, True) and "19" not in row.all("tcp.option_kind")
    ),
    K.SYN_RECEIVED_SIGNED: lambda row, rows, sent, detail: (
        _syn(row, sent, False) and "19" in row.all("tcp.option_kind")
    ),
    K.SYN_RECEIVED_UNSIGNED: lambda row, rows, sent, detail: (
        _syn(row, sent, False) and "19" not in row.all("tcp.option_kind")
    ),
    K.OPENED: lambda row, rows, sent, detail: (
        not sent and row.is_bgp and row.flags & (SYN | ACK) == SYN | ACK and not row.flags & RST
    ),
    K.SIGNED: lambda row, rows, sent, detail: not sent and row.is_bgp and "19" in row.all("tcp.option_kind"),
    K.UNSIGNED: lambda row, rows, sent, detail: not sent and row.is_bgp and "19" not in row.all("tcp.option_kind"),
    K.RST_RECEIVED: lambda row, rows, sent, detail: not sent and row.is_bgp and bool(row.flags & RST),
    K.RST_SENT: lambda row, rows, sent, detail: sent and row.is_bgp and bool(row.flags & RST),
    K.REFUSED: lambda row, rows, sent, detail: (
        not sent
        and row.is_bgp
        and bool(row.flags & RST)
        and any(each.flow == row.flow_back and _syn(each, True, True) for each in rows if each.number < row.number)
        and not any(each.flow == row.flow and each.flags & (SYN | RST) for each in rows if each.number < row.number)
    ),
    K.FIN_RECEIVED: lambda row, rows, sent, detail: not sent and row.is_bgp and bool(row.flags & FIN),
    K.TTL_LOW: lambda row, rows, sent, detail: not sent and _of_a_socket(row) and _ttl(row) < 255,
    K.TTL_FULL: lambda row, rows, sent, detail: not sent and _of_a_socket(row) and _ttl(row) == 255,
    K.ECHO_UNANSWERED: lambda row, rows, sent, detail: sent and _echo(row) and not _echoed(row, rows),
    K.OPEN_SENT: _said("1", True),
    K.OPEN_RECEIVED: _said("1", False),
    K.NOTIFICATION_SENT: _notified(True),
    K.NOTIFICATION_RECEIVED: _notified(False),
    K.UPDATE_SENT: _announces(True),
    K.UPDATE_RECEIVED: _announces(False),
    K.PREFIX_RECEIVED: _announces(False),
    K.END_OF_RIB_RECEIVED: lambda row, rows, sent, detail: _ends_of_rib(row) if not sent else 0,
    K.DATAGRAM_SENT: lambda row, rows, sent, detail: sent and bool(row.first("udp.srcport")),
    K.DATAGRAM_RECEIVED: lambda row, rows, sent, detail: not sent and bool(row.first("udp.srcport")),
}


def _echo(row: Row) -> bool:
    return row.first("icmp.type") == "8" or row.first("icmpv6.type") == "128"


def _echoed(row: Row, rows: list[Row]) -> bool:
    names = ("icmp.ident", "icmp.seq", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number")
    asked = [row.first(name) for name in names]
    return any(
        (each.first("icmp.type") == "0" or each.first("icmpv6.type") == "129")
        and each.number > row.number
        and [each.first(name) for name in names] == asked
        for each in rows
    )


def agrees_with_tshark(report: Report, rows: list[Row]) -> None:
    """Of everything that was looked for: as many frames as tshark counts, and the first ones have its numbers."""
    asked = {
        (packets, report.ended(connection.id, cause.explains))
        for connection in report.connections
        for cause in diagnosis_of(report, connection)
        for packets in cause.packets
    }
    assert asked
    for packets, until in asked:
        found = report.frames.get((packets, until))
        if packets.kind is K.FORBIDDEN:
            continue
        expected = numbers(rows, packets, until)
        assert (found.count if found else 0) == len(expected), (str(packets), found, expected)
        assert (found.first if found else []) == expected[:FIRST], str(packets)
