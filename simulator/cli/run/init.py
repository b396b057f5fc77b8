"""What `turnup init` does."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

import typer

from simulator.cli.exit_codes import LAB, PASSED, USAGE, fail, warn
from simulator.cli.own_command import commands_with_namespaces, own_command
from simulator.starting import reading, sources
from simulator.starting.facts import RouterFacts, StartError
from simulator.starting.kinds import peering_kind, plan
from simulator.starting.plan import StartPlan, Wishes
from simulator.starting.questions import asked
from simulator.starting.writing import LAB as TOPOLOGY
from simulator.starting.writing import SETTINGS, WORKFLOWS, contents
from simulator.topology.kinds import KINDS
from simulator.topology.load import TopologyError, parse


@dataclass(frozen=True, slots=True)
class InitOptions:
    """The options as they were written."""

    files: tuple[Path, ...]
    exchange: str
    asn: str
    addresses: tuple[str, ...]
    router: str
    prefixes: tuple[str, ...]
    microsoft: tuple[str, ...]
    lan: tuple[str, ...]
    name: str
    ci: str
    kind: str = ""
    links: tuple[str, ...] = ()

    def wishes(self) -> Wishes:
        """Raises StartError."""
        if self.ci not in (*WORKFLOWS, "none"):
            raise StartError(f"--ci '{self.ci}': one of {', '.join(WORKFLOWS)} or none")
        return Wishes(
            exchange=self.exchange.strip(),
            asn=reading.asn(self.asn, "--asn") if self.asn else None,
            addresses=reading.addresses(self.addresses, "--address"),
            microsoft=reading.addresses(self.microsoft, "--microsoft"),
            lan=reading.prefixes(self.lan, "--lan"),
            router=reading.router(self.router) if self.router else "",
            prefixes=reading.prefixes(self.prefixes, "--prefix"),
            name=reading.name(self.name),
            kind=peering_kind(self.kind) if self.kind else "",
            links=reading.prefixes(self.links, "--link"),
        )


def init(directory: Path, options: InitOptions, *, force: bool, asks: bool) -> int:
    """The command; returns the exit code. Raises StartError; nothing is written then."""
    wishes = options.wishes()
    exports, own = sources.read(options.files)
    if own is not None and wishes.router and wishes.router != own.kind:
        raise StartError(f"--router {wishes.router}: {own.file} is the file of a {own.kind} router")
    if asks and sys.stdin.isatty():
        wishes = asked(wishes, exports, own, _ask, lambda text: typer.echo(f"  {text}"))
    found = plan(wishes, exports, own)
    config = _own_file(directory, own) if own is not None else None
    texts = contents(
        found,
        None if options.ci == "none" else options.ci,
        None if config is None else str(config),
        has_settings=any((directory / each).exists() for each in SETTINGS),
    )
    _verify(texts, directory)
    copied = own is not None and config is not None and not _same_file(own.file, directory / config)
    there = [str(directory / name) for name in texts if (directory / name).exists()]
    if copied and config is not None and (directory / config).exists():
        there.append(str(directory / config))
    if there and not force:
        raise StartError(f"{', '.join(there)}: there already; --force writes over it")
    try:
        _write(directory, texts, own.file if copied and own is not None else None, config)
    except OSError as error:
        fail(LAB, f"{error.filename or directory}: {error.strerror}")
    _tell(directory, texts, found, config if copied else None)
    return PASSED


def refuse(error: StartError) -> NoReturn:
    """One line, and the exit code of bad usage."""
    fail(USAGE, str(error))


def _ask(text: str, otherwise: str) -> str:
    return str(typer.prompt(text, default=otherwise))


def _own_file(directory: Path, own: RouterFacts) -> Path:
    """How the topology names the router's file: in the directory, where it is copied to unless it includes others."""
    where = Path(os.path.relpath(own.file.resolve(), directory.resolve()))
    if ".." not in where.parts:
        return where
    return Path(own.file.name) if own.single else own.file.resolve()


def _same_file(one: Path, other: Path) -> bool:
    return other.exists() and one.resolve() == other.resolve()


def _verify(texts: Mapping[PurePosixPath, str], directory: Path) -> None:
    """Nothing is written that turnup itself would refuse. Raises StartError."""
    try:
        parse(texts[PurePosixPath(TOPOLOGY)], TOPOLOGY, directory, own_files=False)
    except TopologyError as error:
        said = "; ".join(f"{each.where}: {each.text}" if each.where else each.text for each in error.faults)
        raise StartError(f"these values make no topology: {said}") from None


def _write(directory: Path, texts: Mapping[PurePosixPath, str], own: Path | None, config: Path | None) -> None:
    """Raises OSError."""
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if own is not None and config is not None:
        shutil.copy(own, directory / config)


def _tell(directory: Path, texts: Mapping[PurePosixPath, str], found: StartPlan, copied: Path | None) -> None:
    for name in (*texts, *([copied] if copied is not None else ())):
        typer.echo(f"wrote {directory / name}")
    if found.own is not None and found.own.md5:
        warn(f"{directory / TOPOLOGY} holds the MD5 key of {found.own.file}: keep it to yourself")
    if found.doubtful:
        said = found.own.file if found.own is not None else "--microsoft"
        known = [
            each for each in found.exchange.microsoft if each.version in {other.version for other in found.doubtful}
        ]
        here = f"at {found.exchange.name} Microsoft is known by {', '.join(map(str, known))} ({found.exchange.source})"
        warn(f"{said} names {', '.join(map(str, found.doubtful))} as Microsoft's; {here}: correct whichever is wrong")
    if found.placeholders:
        typer.echo(
            f"placeholders stand for what nobody said ({', '.join(sorted(found.placeholders))}): "
            f"{own_command()} validate {shlex.quote(str(directory / TOPOLOGY))} names each"
        )
    programs = ("turnup", "pytest")
    rehearsing, testing = (
        map(own_command, programs) if KINDS[found.router].on_loopback else commands_with_namespaces(*programs)
    )
    typer.echo("next:")
    if directory != Path():
        typer.echo(f"  cd {shlex.quote(str(directory))}")
    for line in (f"{own_command()} validate {TOPOLOGY}", f"{rehearsing} rehearse {TOPOLOGY}", testing):
        typer.echo(f"  {line}")
