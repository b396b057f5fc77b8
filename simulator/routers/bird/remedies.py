"""What mends a cause, as it is typed for BIRD."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "local-as-wrong": "protocol bgp {{ local as {expected}; … }}",
    "remote-as-wrong": "protocol bgp {{ neighbor {edge} as {local_as}; … }}",
    "not-listening": (
        "birdc: show protocols all, enable <protocol>; bird.conf: local {peer} as {expected}; neighbor "
        "{edge} as {local_as};"
    ),
    "session-missing": (
        "protocol bgp {{ local {peer} as {expected}; neighbor {edge} as {local_as}; {channel} {{ … }}; }}"
    ),
    "md5": 'protocol bgp {{ password "<the key of md5AuthenticationKey>"; … }}',
    "gtsm": "protocol bgp {{ ttl security on; … }}    or remove it, as at the other end",
    "not-configured": "protocol bgp {{ local {peer} as {expected}; neighbor {edge} as {local_as}; … }}",
    "router-id-ours": "router id {peer};",
    "hold-time": "hold time 90;",
    "family-missing": "protocol bgp {{ {channel} {{ import all; export filter …; }}; … }}",
    "asn4-missing": "enable as4 on;",
    "refresh-missing": "enable route refresh on;",
    "shut-down": "birdc enable <protocol>",
    "peer-limit": (
        "protocol bgp {{ {channel} {{ import limit <more> action restart; }}; … }}    birdc enable <protocol>"
    ),
    "no-export": ("protocol bgp {{ {channel} {{ export filter …; }}; … }}    birdc: show route export <protocol>"),
    "nothing-to-announce": "protocol static {{ {channel}; route <prefix> unreachable; }}    birdc: show route all",
    "export-policy": (
        "protocol bgp {{ {channel} {{ export filter …; }}; … }}    birdc: show route export <protocol>, "
        "show route noexport <protocol>"
    ),
    "import-policy": (
        "protocol bgp {{ {channel} {{ import all; import limit 2000; }}; … }}    birdc: show route "
        "filtered protocol <protocol>"
    ),
}
