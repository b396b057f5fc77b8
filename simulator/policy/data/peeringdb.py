"""PeeringDB's `net` records: how many prefixes a network says that it announces, which is a hint for max-prefix."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.policy.data.reading import DataError, asn_of, read_json
from simulator.session.messages import Family

_WHAT = 'PeeringDB\'s net JSON ({"data": [{"asn": …, "info_prefixes4": …, "info_prefixes6": …}]})'


@dataclass(frozen=True, slots=True)
class PrefixCounts:
    """info_prefixes4 and info_prefixes6; 0 means that the network says nothing."""

    ipv4: int
    ipv6: int

    def of(self, family: Family) -> int:
        return self.ipv4 if family is Family.IPV4 else self.ipv6


def read(data: bytes) -> dict[int, PrefixCounts]:
    """By ASN; one record or the API's list of them. Raises DataError."""
    document = read_json(data, _WHAT)
    records = document.get("data", [document]) if isinstance(document, dict) else document
    if not isinstance(records, list) or not records:
        raise DataError(f"there is no record in it: {_WHAT} is expected")
    found = {}
    for number, record in enumerate(records, 1):
        try:
            if not isinstance(record, dict):
                raise DataError(f"{record!r} is not an object")
            found[asn_of(record.get("asn"))] = PrefixCounts(*(_count(record, f"info_prefixes{v}") for v in (4, 6)))
        except DataError as error:
            raise DataError(f"record {number}: {error}") from None
    return found


def _count(record: dict[str, object], key: str) -> int:
    value = record.get(key)
    if value is None:
        return 0
    if type(value) is not int or value < 0:
        raise DataError(f"{key} is {value!r}, not a number of prefixes")
    return value
