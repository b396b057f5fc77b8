"""What mends a cause, as it is typed for GoBGP; `*` is for a rule of the policy without words of its own."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "shut-down": ("gobgp neighbor {edge} enable    (or take `admin-down = true` out of [neighbors.config] of {edge})"),
    "local-as-wrong": ("[global.config] as = {expected}    (or [neighbors.config] local-as = {expected} of {edge})"),
    "remote-as-wrong": "[neighbors.config] of {edge}: peer-as = {local_as}",
    "source-address": '[neighbors.transport.config] of {edge}: local-address = "{peer}"',
    "session-missing": (
        '[[neighbors]] [neighbors.config] neighbor-address = "{edge}", peer-as = {local_as}; '
        '[neighbors.transport.config] local-address = "{peer}"'
    ),
    "not-configured": (
        '[[neighbors]] [neighbors.config] neighbor-address = "{edge}", peer-as = {local_as}; '
        '[neighbors.transport.config] local-address = "{peer}"'
    ),
    "not-listening": (
        "start gobgpd; [global.config] port = 179, and no other address in local-address-list than {peer}"
    ),
    "md5-missing": '[neighbors.config] of {edge}: auth-password = "KEY"    with {key} for KEY',
    "md5-not-agreed": "take auth-password out of [neighbors.config] of {edge}",
    "md5": '[neighbors.config] of {edge}: auth-password = "KEY"    with {key} for KEY',
    "gtsm": "[neighbors.ttl-security.config] of {edge}: enabled = true, ttl-min = 255",
    "gtsm-at-peer": "take [neighbors.ttl-security.config] out of neighbor {edge}",
    "router-id-ours": '[global.config] router-id = "{peer}"',
    "hold-time": "[neighbors.timers.config] of {edge}: hold-time = 90, keepalive-interval = 30",
    "hold-time-zero": "[neighbors.timers.config] of {edge}: hold-time = 90, keepalive-interval = 30",
    "hold-time-short": "[neighbors.timers.config] of {edge}: hold-time = 90, keepalive-interval = 30",
    "family-missing": (
        '[[neighbors.afi-safis]] [neighbors.afi-safis.config] of {edge}: afi-safi-name = "{channel}-unicast"'
    ),
    "passive": "take passive-mode = true out of [neighbors.transport.config] of {edge}",
    "peer-limit": (
        "[neighbors.afi-safis.prefix-limit.config] of {edge}: max-prefixes = {limit}    then "
        "gobgp neighbor {edge} reset"
    ),
    "peer-limit-near": "[neighbors.afi-safis.prefix-limit.config] of {edge}: max-prefixes = {limit}",
    "nothing-to-announce": "gobgp global rib add {prefix} -a {channel}",
    "export-policy": (
        "gobgp neighbor {edge} adj-out; let a policy of [global.apply-policy.config] export-policy-list accept them"
    ),
    "no-export": (
        "gobgp neighbor {edge} adj-out; let a policy of [global.apply-policy.config] "
        "export-policy-list accept your prefixes"
    ),
    "one-session-only": (
        "gobgp neighbor {edge} adj-out; let a policy of [global.apply-policy.config] export-policy-list accept them"
    ),
    "import-policy": (
        'gobgp neighbor {edge} adj-in; [global.apply-policy.config] default-import-policy = "accept-route"'
    ),
    "*": (
        "a policy-definition of export-policy-list that rejects {prefix} on neighbor {edge}: "
        'route-disposition = "reject-route"'
    ),
}
