"""What mends a cause, as it is typed for ExaBGP; `*` is for a rule of the policy without words of its own."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "local-as-wrong": "neighbor {edge} {{ local-as {expected}; }}",
    "remote-as-wrong": "neighbor {edge} {{ peer-as {local_as}; }}",
    "source-address": "neighbor {edge} {{ local-address {peer}; }}",
    "session-missing": (
        "neighbor {edge} {{ router-id {peer}; local-address {peer}; local-as {expected}; peer-as "
        "{local_as}; family {{ {channel} unicast; }} }}"
    ),
    "not-configured": (
        "neighbor {edge} {{ router-id {peer}; local-address {peer}; local-as {expected}; peer-as "
        "{local_as}; family {{ {channel} unicast; }} }}"
    ),
    "not-listening": (
        "neighbor {edge} {{ local-address {peer}; local-as {expected}; peer-as {local_as}; }}    "
        "(ExaBGP calls; it needs no port)"
    ),
    "md5-missing": "neighbor {edge} {{ md5-password KEY; }}    with {key} for KEY",
    "md5-not-agreed": "take md5-password out of neighbor {edge}",
    "md5": "neighbor {edge} {{ md5-password KEY; }}    with {key} for KEY",
    "gtsm": "neighbor {edge} {{ outgoing-ttl 255; incoming-ttl 255; }}",
    "gtsm-at-peer": "take incoming-ttl out of neighbor {edge}",
    "router-id-ours": "neighbor {edge} {{ router-id {peer}; }}",
    "hold-time": "neighbor {edge} {{ hold-time 90; }}",
    "hold-time-zero": "neighbor {edge} {{ hold-time 90; }}",
    "hold-time-short": "neighbor {edge} {{ hold-time 90; }}",
    "family-missing": "neighbor {edge} {{ family {{ {channel} unicast; }} }}",
    "asn4-missing": "neighbor {edge} {{ capability {{ asn4 enable; }} }}",
    "refresh-missing": "neighbor {edge} {{ capability {{ route-refresh enable; }} }}",
    "passive": "neighbor {edge} {{ passive false; }}",
    "no-export": ("neighbor {edge} {{ announce {{ {channel} {{ unicast {prefix} next-hop {peer}; }} }} }}"),
    "one-session-only": (
        "neighbor {edge} {{ announce {{ {channel} {{ unicast ... next-hop {peer}; }} }} }} for these prefixes"
    ),
    "next-hop": ("neighbor {edge} {{ announce {{ {channel} {{ unicast {prefix} next-hop {peer}; }} }} }}"),
    "link-local-next-hop": ("neighbor {edge} {{ announce {{ {channel} {{ unicast {prefix} next-hop {peer}; }} }} }}"),
    "*": "take the route {prefix} out of neighbor {edge}",
}
