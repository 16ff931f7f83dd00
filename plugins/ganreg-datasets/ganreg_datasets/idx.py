"""IDX, the file format of the MNIST family: a big-endian header, then unsigned bytes; gzip or not.

The header is 0, 0, the type of the values (8: unsigned byte), the number of dimensions, and each dimension as four
bytes (LeCun, Cortes and Burges, "The MNIST database"). Whatever is wrong with a file is a DataError that names it.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from ganreg.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8
CHUNK = 1 << 20


def shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """The shape that the header tells; the values are not read."""
    with _opened(path) as stream:
        return _header(stream, path, dimensions)


def read(path: Path, dimensions: int) -> bytearray:
    """The values, in the order of the file: as many as the shape says, checked."""
    with _opened(path) as stream:
        size = math.prod(_header(stream, path, dimensions))
        values = bytearray()
        # By chunks, because the size is only a claim: a short file must not make us reserve gigabytes.
        while len(values) < size and (chunk := stream.read(min(CHUNK, size - len(values)))):
            values += chunk
        if len(values) < size:
            raise DataError(f"{path}: cut short, {len(values)} of {size} values are there")
        if stream.read(1):  # the read that meets the end also verifies gzip's checksum
            raise DataError(f"{path}: goes on after the {size} values of its header")
        return values


def _header(stream: BufferedIOBase, path: Path, dimensions: int) -> tuple[int, ...]:
    magic = bytes((0, 0, UNSIGNED_BYTE, dimensions))
    header = stream.read(4 + 4 * dimensions)
    if header[:4] != magic:
        found = header[:4].hex(" ") or "nothing"
        raise DataError(f"{path}: not an IDX file of {dimensions}-d bytes: {found} where {magic.hex(' ')} belongs")
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{path}: cut short within its header")
    return tuple(int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4))


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    """The decompressed stream. Gzip is known by its first bytes: browsers and tools drop or keep .gz as they like."""
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == GZIP_MAGIC
            file.seek(0)
            if compressed:
                with gzip.GzipFile(fileobj=file) as stream:
                    yield stream
            else:
                yield file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
