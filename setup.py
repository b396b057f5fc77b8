"""Compiles the route path with mypyc, where somebody asks for it; all else about the package is in pyproject.toml.

`python setup.py compile` (`make fast`) does so in place; a wheel that is built with TURNUP_COMPILED=1 has it inside.
Both need a C compiler and Python's headers. Without them turnup is the same, in pure Python.
"""

from __future__ import annotations

import ast
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from setuptools import Command, Distribution, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from simulator import compiled  # noqa: E402

WANTED = os.environ.get("TURNUP_COMPILED") == "1"
_OPTIMISED = os.environ.get("TURNUP_OPTIMISED", "1")
"""Of the C compiler. Higher levels take twice as long, and gain a twentieth."""


def sources(modules: Iterable[str]) -> list[str]:
    """These modules and every module of ours that one of them imports, as paths in the package."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        path = f"{waiting.pop().replace('.', '/')}.py"
        if path in found or not (ROOT / "simulator" / path).is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse((ROOT / "simulator" / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "simulator":
                base = (node.module or "").partition(".")[2]
                waiting += [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
    return sorted(found)


def compile_to(folder: Path) -> None:
    """Compile, and put the result into this folder in one step: it never holds a part."""
    from mypyc.build import mypycify

    hot = [f"{name.replace('.', '/')}.py" for name in compiled.HOT]
    read = sources(compiled.HOT)
    before = [compiled.digest(path) for path in read]
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="turnup-fast-") as name:
        made = Path(name, "made")
        extensions = mypycify(
            [f"simulator/{path}" for path in hot],
            opt_level=_OPTIMISED,
            debug_level="0",
            group_name=compiled.GROUP.removesuffix("__mypyc"),
            target_dir=name,
        )
        command = build_ext(Distribution({"name": "turnup", "ext_modules": extensions}))
        command.build_lib, command.build_temp = str(made), str(Path(name, "objects"))
        command.ensure_finalized()
        command.run()
        shutil.copytree(made / "simulator", made, dirs_exist_ok=True)
        shutil.rmtree(made / "simulator")
        lines = [f"{digest} {path}\n" for digest, path in zip(before, read, strict=True)]
        for path in sorted(str(each.relative_to(made)) for each in made.rglob(f"*{EXTENSION_SUFFIXES[0]}")):
            lines.append(f"{compiled.digest(path, str(made))} {path}\n")
        (made / compiled.MANIFEST).write_text("".join([" ".join(compiled.HOT) + "\n", *lines]), encoding="utf-8")
        fresh = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)  # of a build that was ended half-way
        shutil.copytree(made, fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


@contextmanager
def alone() -> Iterator[None]:
    """One build of these sources at a time; another one waits, and may find that nothing is left to do."""
    with Path(__file__).open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Compile(Command):
    """Compile the route path in place, if what is there is not of these sources."""

    description = "compile the route path in place, with mypyc"
    user_options: list[tuple[str, str, str]] = []

    def initialize_options(self) -> None: ...

    def finalize_options(self) -> None: ...

    def run(self) -> None:
        with alone():
            if compiled.problem():
                compile_to(Path(compiled.FOLDER))


class BuildPy(build_py):
    """The modules, and with TURNUP_COMPILED=1 what is compiled of them."""

    def run(self) -> None:
        super().run()
        if WANTED:
            with alone():
                compile_to(Path(self.build_lib, "simulator", Path(compiled.FOLDER).name))


class Package(Distribution):
    """A wheel with compiled code is for one platform."""

    def has_ext_modules(self) -> bool:
        return WANTED


setup(
    cmdclass={"compile": Compile, "build_py": BuildPy},
    distclass=Package,
    setup_requires=["mypy>=1.13"] if WANTED else [],
)
