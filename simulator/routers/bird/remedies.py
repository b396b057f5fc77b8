"""What mends a cause, as it is typed for BIRD; `*` is for a rule of the policy without words of its own."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "shut-down": "birdc enable {name}    (or take `disabled` out of protocol bgp {name})",
    "local-as-wrong": "protocol bgp {name} {{ local {peer} as {expected}; }}",
    "remote-as-wrong": "protocol bgp {name} {{ neighbor {edge} as {local_as}; }}",
    "source-address": "protocol bgp {name} {{ local {peer} as {expected}; }}",
    "session-missing": (
        "protocol bgp {{ local {peer} as {expected}; neighbor {edge} as {local_as}; {channel} {{ "
        "import all; export all; }}; }}    (turnup config --format bird writes it whole)"
    ),
    "not-configured": (
        "protocol bgp {{ local {peer} as {expected}; neighbor {edge} as {local_as}; {channel} {{ "
        "import all; export all; }}; }}    (turnup config --format bird writes it whole)"
    ),
    "not-listening": (
        "birdc show protocols all {name}; birdc enable {name}; bird.conf: local {peer} as "
        "{expected}; neighbor {edge} as {local_as};"
    ),
    "md5-missing": 'protocol bgp {name} {{ password "KEY"; }}    with {key} for KEY',
    "md5-not-agreed": "take the line `password` out of protocol bgp {name}",
    "md5": 'protocol bgp {name} {{ password "KEY"; }}    with {key} for KEY',
    "gtsm": "protocol bgp {name} {{ ttl security on; }}",
    "gtsm-at-peer": "protocol bgp {name} {{ ttl security off; }}",
    "router-id-ours": "router id {peer};",
    "hold-time": "protocol bgp {name} {{ hold time 90; }}",
    "hold-time-zero": "protocol bgp {name} {{ hold time 90; }}",
    "hold-time-short": "protocol bgp {name} {{ hold time 90; }}",
    "family-missing": "protocol bgp {name} {{ {channel} {{ import all; export all; }}; }}",
    "asn4-missing": "protocol bgp {name} {{ enable as4 on; }}",
    "refresh-missing": "protocol bgp {name} {{ enable route refresh on; }}",
    "role": "take the line `local role` out of protocol bgp {name}",
    "peer-limit": (
        "protocol bgp {name} {{ {channel} {{ import limit {limit} action restart; }}; }}    then "
        "birdc configure; birdc enable {name}"
    ),
    "peer-limit-near": "protocol bgp {name} {{ {channel} {{ import limit {limit} action restart; }}; }}",
    "no-export": (
        "birdc show route export {name}, show route noexport {name}; let the export filter of "
        "protocol {name} pass your prefixes"
    ),
    "export-policy": (
        "birdc show route noexport {name}; let the export filter of protocol {name}, channel "
        "{channel}, accept these prefixes"
    ),
    "nothing-to-announce": ("protocol static {{ {channel}; route {prefix} unreachable; }}    birdc show route all"),
    "one-session-only": (
        "birdc show route noexport {name}; let the export filter of protocol {name}, channel "
        "{channel}, accept these prefixes"
    ),
    "import-policy": (
        "birdc show route filtered protocol {name}; let the import filter of protocol {name}, "
        "channel {channel}, accept them"
    ),
    "passive": "take the line `passive` out of protocol bgp {name}",
    "next-hop": "protocol bgp {name} {{ {channel} {{ next hop self; }}; }}",
    "link-local-next-hop": "protocol bgp {name} {{ {channel} {{ next hop address {peer}; }}; }}",
    "*": ("the export filter of protocol {name}, channel {channel}: if net = {prefix} then reject;"),
}
