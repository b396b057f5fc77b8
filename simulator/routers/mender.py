"""Remedies in the words of the router at hand, with its real names: of a user's own file the very line to change."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Final

from simulator.diagnosis.about import About
from simulator.diagnosis.router_answer import Setting
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.bird.config import protocol_names
from simulator.routers.culprits import culprits
from simulator.routers.edits import BLOT, EDITS, Edit, EditKind, edit_of, readdressed, reexported, rewritten
from simulator.routers.frr.filters import REFILTERED, ROUTE_MAP, exports, refiltered
from simulator.routers.own_file import OwnFile, name_of_session, neighbors_of, sources, statements_of
from simulator.routers.statements import same
from simulator.routers.wording import ALIASES, MOST, YOURS, Wording, filled, snippet, values_of
from simulator.session.messages import Family
from simulator.topology.kinds import KINDS, LANGUAGES

_AGREED: Final = "the_agreed_key"
_SAID: Final = f"({_AGREED}: `md5` of the peering in the topology, md5AuthenticationKey of the resource)"
_SIX: Final = Family.IPV6
_TABLES: Final = frozenset({"gobgp"})
"""Their files have a table for each kind of setting."""
_TABLE: Final = re.compile(r"^[ \t]*\[\[?[a-z][\w.-]*\]", re.MULTILINE)


def wording_of(language: str) -> Wording | None:
    """None for what is no language of `turnup config`."""
    if language not in LANGUAGES:
        return None
    if language in KINDS:
        found: Wording = import_module(f"simulator.routers.{language}.remedies").DIALECT
        return found
    return import_module("simulator.routers.configs.remedies").DIALECTS[language]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class RouterMender:
    """Of one session. `config` is what was agreed, with the user's own file where there is one."""

    wording: Wording
    config: RouterConfig
    session: RouterSession
    own: OwnFile | None = None

    @property
    def language(self) -> str:
        return self.wording.language

    def remedy(self, cause: str, about: About) -> str:
        """What mends a cause or a rule; empty where the language has no words of its own."""
        about = self._known(about)
        key = ALIASES.get(cause, cause)
        edit = self.edit(cause, about)
        if edit is not None:
            secret = dict(self.own.settings).get(Setting.MD5) if self.own is not None else None
            shown = edit.shown(secret, _AGREED if key == "md5" else BLOT)
            return "\n".join(filter(None, (shown, _SAID if _AGREED in shown else "", self.after(key, about))))
        if key == "session-missing" and self._is_there():
            return ""  # another one would not help
        # A report may be shown to anybody: the key that was agreed is in the topology.
        session = self.session if self.session.md5 is None else replace(self.session, md5=_AGREED)
        text = self._snippet(cause, session, about)
        if f"{key}.there" in self.wording.says and self._says(text):
            if self._has_no_route_map():
                return ""
            text = self._snippet(f"{key}.there", session, about)
        if self._names_no_policy(key) or self._is_of_another_syntax(text):
            return ""
        return "\n".join(filter(None, (text, _SAID if _AGREED in text else "", self._place(text))))

    def _names_no_policy(self, key: str) -> bool:
        """Of FRR: a snippet would name a policy that the user's file does not have, or that could not be changed so."""
        if self.own is None or self.config.file is None or self.language != "frr":
            return False
        return "{export}" in self.wording.says.get(key, "") and (key in REFILTERED or self._has_no_route_map())

    def _is_of_another_syntax(self, text: str) -> bool:
        """Of GoBGP: the lines are TOML, and the user's file is YAML or JSON."""
        if self.own is None or self.config.file is None or self.language not in _TABLES:
            return False
        whole = "\n".join(each for _, each in sources(self.own, self.config.file))
        return _TABLE.search(text) is not None and _TABLE.search(whole) is None

    def _has_no_route_map(self) -> bool:
        """FRR: the user's file is there, and filters what the session announces by lists, or not at all."""
        if self.language != "frr" or self.own is None or self.config.file is None:
            return False
        text = self.own.blank("\n".join(each for _, each in sources(self.own, self.config.file)))
        return ROUTE_MAP not in exports(text, str(self.session.remote_address))

    def _place(self, text: str) -> str:
        """Where the user's file has the session that lines are for; commands need no place."""
        if self.own is None or self.config.file is None or not text or only_commands(text):
            return ""
        address = str(self.session.remote_address)
        found = [each for there, each in neighbors_of(self.own, self.config.file).items() if same(there, address)]
        return f"(the session with {address} stands at {found[0][0][0]}:{found[0][0][1]})" if found else ""

    @property
    def _generated(self) -> str:
        """BIRD's name for the session where turnup has written its file."""
        return f"'{protocol_names(self.config.sessions)[self.session.name]}'"

    def _snippet(self, cause: str, session: RouterSession, about: About) -> str:
        text = snippet(self.wording, cause, self.config, session, about)
        if self.language != "bird" or not about.name:
            return text
        return text.replace(f"protocol bgp {self._generated} {{", f"protocol bgp {about.name} {{")

    def _is_there(self) -> bool:
        if self.own is None or self.config.file is None:
            return False
        return any(same(each, str(self.session.remote_address)) for each in neighbors_of(self.own, self.config.file))

    def _says(self, text: str) -> bool:
        """The user's file has the last line of a snippet for this session already."""
        if self.own is None or self.config.file is None:
            return False
        whole = self.own.blank("\n".join(each for _, each in sources(self.own, self.config.file)))
        told = [line.strip() for line in text.splitlines() if line.strip(" \t};")]
        parts = [whole[start:end] for start, end in self.own.scopes(whole, str(self.session.remote_address))]
        return bool(told) and any(told[-1] in part for part in parts)

    def after(self, key: str, about: About) -> str:
        """What makes the router take the changed file."""
        commands = [self.wording.apply, self.wording.clear if key in ("peer-limit", "sent-limit") else ""]
        values = values_of(self.wording, self.config, self.session, about)
        return "; ".join(filled(each, values, ()) for each in commands if each)

    def look(self, about: About) -> str:
        about = self._known(about)
        return filled(self.wording.show, values_of(self.wording, self.config, self.session, about), ())

    def edit(self, cause: str, about: About) -> Edit | None:
        """The change of the user's own file that mends a cause; None where there is no such file, or no such change."""
        key = ALIASES.get(cause, cause)
        if self.own is None or self.config.file is None:
            return None
        if key == "session-missing":
            return self._readdressed(self.own, self.config.file)
        export = about.export if re.fullmatch(r"[\w.-]+", about.export) else ""
        mistake = "next-hop" if key == "link-local-next-hop" else key
        if said := culprits(self.language, self.own, self.config.file, mistake, about.values, export):
            return said
        if self.language == "bird" and key in ("export-policy", "*"):
            return reexported(self.own, self.config.file, str(self.session.remote_address), about.prefixes, key == "*")
        if self.language == "frr" and key in REFILTERED:
            return self._refiltered(self.own, self.config.file, key, about)
        if key not in EDITS:
            return None
        setting, action = EDITS[key]
        if setting in (Setting.NEXT_HOP, Setting.IMPORT) and setting not in dict(self.own.settings):
            return None  # its language says it of routes
        return edit_of(
            self.own,
            self.config.file,
            str(self.session.remote_address),
            setting,
            action,
            self._value(setting, about),
            lambda: self._statement(key, action, about),
        )

    def _refiltered(self, own: OwnFile, path: Path, key: str, about: About) -> Edit | None:
        """Of FRR, whose filters are of four kinds: another line where the session's own filter stands."""
        text = next(text for _, text in sources(own, path))
        values = values_of(self.wording, self.config, self.session, about)
        prefixes = about.prefixes or tuple(values["prefixes"].split(", ") if values["prefixes"] else ())
        changes = refiltered(
            own.blank(text),
            values["edge"],
            key,
            prefixes[:MOST],
            values["peer"],
            self.session.remote_as,
            values["community"],
            tuple(each.prefix for each in self.config.routes),
        )
        return rewritten(path, text, changes) if changes else None

    def _readdressed(self, own: OwnFile, path: Path) -> Edit | None:
        """Of a session with Microsoft under an address that nobody has: one such, and it is this."""
        agreed = [str(each.remote_address) for each in self.config.sessions]
        strangers = [
            address
            for address in neighbors_of(own, path)
            if (":" in address) == (self.session.remote_address.version == 6)
            and not any(same(address, known) for known in agreed)
            and said_as(own, path, address) == str(self.session.remote_as)
        ]
        wrong = strangers[0] if len(strangers) == 1 else ""
        return readdressed(own, path, wrong, str(self.session.remote_address)) if wrong else None

    def _value(self, setting: Setting, about: About) -> str:
        limit = about.limit if about.limit is not None else self.session.max_prefixes
        return {
            Setting.LOCAL_AS: str(self.config.asn),
            Setting.REMOTE_AS: str(self.session.remote_as),
            Setting.SOURCE: str(self.session.local_address),
            Setting.MD5: self.session.md5 or "",
            Setting.HOLD_TIME: str(self.config.hold_time),
            Setting.PREFIX_LIMIT: str(limit or ""),
            Setting.ROUTER_ID: self.config.router_id,
            Setting.IMPORT: from_microsoft(self.session.remote_as) if self.language == "bird" else "",
        }.get(setting, "")

    def _statement(self, key: str, action: EditKind, about: About) -> str:
        """The lines of `turnup config` for a session that lacks them, without the blocks that they stand in."""
        if action in (EditKind.DROP, EditKind.UNDO):
            return ""
        text = snippet(self.wording, key, self.config, self.session, replace(about, name=""))
        if self.language in _TABLES:
            return "\n".join(line for line in text.splitlines() if not only_commands(line))
        lines = [line for line in text.splitlines() if line.strip()]
        depths = [len(line) - len(line.lstrip()) for line in lines]
        # A family is a block of its own.
        least = (
            min(depths, default=0) + 1 if (self.language, key) == ("bird", "family-missing") else max(depths, default=0)
        )
        kept = [line for line, depth in zip(lines, depths, strict=True) if depth >= least]
        return self._without_names("\n".join(kept)) if self.language == "bird" else "\n".join(kept)

    def _without_names(self, lines: str) -> str:
        """BIRD: what the filters of `turnup config` come to, where the user's file has none of that name."""
        assert self.own is not None and self.config.file is not None
        whole = "\n".join(each for _, each in sources(self.own, self.config.file))
        prefixes = [each.prefix for each in self.config.routes if (":" in each.prefix) == (self.session.family is _SIX)]
        wheres = {
            "import": from_microsoft(self.session.remote_as),
            "export": f"where net ~ [ {', '.join(prefixes[:MOST]) or YOURS} ]",
        }

        def put(hit: re.Match[str]) -> str:
            known = re.search(rf"\bfilter\s+{hit[2]}\b[^;{{]*\{{", whole) is not None
            return hit[0] if known else f"{hit[1]} {wheres[hit[1]]}"

        return re.sub(r"\b(import|export) filter (\w+)", put, lines)

    def _known(self, about: About) -> About:
        """With the names that the user's file has, else those that `turnup config` gives."""
        name = about.name
        if not name and self.own is not None and self.config.file is not None:
            name = name_of_session(self.own, self.config.file, str(self.session.remote_address))
        if not name and self.language == "bird":
            name = self._generated
        if self.own is None or self.config.file is None:
            return replace(about, name=name)
        said = statements_of(self.own, self.config.file, str(self.session.remote_address))
        policy = None if self._has_no_route_map() else said.get(Setting.EXPORT)
        export = re.sub(r"^(?:filter|where)\s+", "", policy.value) if policy is not None else ""
        if self.language == "bird" and not re.fullmatch(r"filter\s+\w+", policy.value if policy is not None else ""):
            export = f"of protocol {name}, channel {'ipv6' if self.session.family is Family.IPV6 else 'ipv4'}"
        elif not re.fullmatch(r"[\w.-]+", export):
            export = ""
        return replace(about, name=name, export=export)


def from_microsoft(asn: int) -> str:
    """BIRD's import policy of a session with AS8075, where no filter is named (Microsoft: peering policy)."""
    return f"where bgp_path.first = {asn} && !(bgp_path ~ [= * 12076 * =])"


_COMMANDS: Final = re.compile(r"(?:birdc|gobgp|bgpctl|rcctl|systemctl|exabgpcli|vtysh)\b")


def only_commands(text: str) -> bool:
    """Whether a remedy is commands alone, which are typed on the router and stand in no file."""
    return all(_COMMANDS.match(line) for line in text.splitlines())


def said_as(own: OwnFile, path: Path, address: str) -> str:
    """The AS that the file expects from an address; empty where it does not say."""
    said = statements_of(own, path, address).get(Setting.REMOTE_AS)
    return said.value if said is not None else ""


def mender(language: str, config: RouterConfig, session: str, own: OwnFile | None) -> RouterMender | None:
    """Of a session of `config` by its name; None for a router that nobody types for."""
    wording = wording_of(language)
    found = next((each for each in config.sessions if each.name == session), None)
    if wording is None or found is None:
        return None
    return RouterMender(wording, replace(config, hold_time=config.hold_time or 90), found, own)
