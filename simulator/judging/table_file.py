"""A file of routes as it streams by, in whatever format and compression: for every command that judges a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import cast

from simulator.judging.decompression import DecompressedFile, DecompressionError
from simulator.tables.encodings import utf8
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.table_entries import FilePosition, TableEntry, TableReader, Unreadable
from simulator.topology.files import FileReadError, open_stream


class TableFileError(ValueError):
    """A table that cannot be read; the text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """An open table."""

    name: str
    format: InputFormat
    entries: Iterator[TableEntry]


@contextmanager
def table_file(path: Path | None, wanted: str | None, reader: TableReader | None = None) -> Iterator[TableFile]:
    """Open a table; `path` None reads standard input; `reader`: in place of the format's own.

    Raises TableFileError, also while the entries are read.
    """
    if wanted is not None and wanted not in list(InputFormat):
        raise TableFileError(f"--input-format {wanted}: there is no such format (there are: {', '.join(InputFormat)})")
    name = "standard input" if path is None else str(path)
    try:
        with sys.stdin.buffer if path is None else open_stream(path) as file:
            source = DecompressedFile(cast(BufferedReader, file))
            found, chunks = recognise(utf8(source.chunks()))
            if wanted is None and not isinstance(found, InputFormat):
                unknown = f"this is no table that is known here: say --input-format ({', '.join(InputFormat)})"
                raise TableFileError(f"{name}: {source.problem or found or unknown}")
            format_ = InputFormat(wanted) if wanted is not None else cast(InputFormat, found)
            yield TableFile(name, format_, _entries((reader or READERS[format_])(chunks), source))
    except (DecompressionError, FileReadError) as error:
        raise TableFileError(f"{name}: {error}") from None
    except OSError as error:
        raise TableFileError(f"{name}: {error.strerror or error}") from None


def _entries(read: Iterator[TableEntry], source: DecompressedFile) -> Iterator[TableEntry]:
    yield from read
    if source.problem:
        # Uncounted as to routes, but never passed over.
        yield Unreadable(FilePosition("chunk", source.chunks_read + 1), source.problem)
