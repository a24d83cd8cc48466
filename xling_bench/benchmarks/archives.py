"""Text files inside .zip and .tar.gz archives, read in place.

Nothing is unpacked, so a member's path cannot lead anywhere: names are only compared with the pattern asked for, and
links, folders and devices are passed over.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from xling_bench.benchmarks.textfiles import decode
from xling_bench.core.errors import DataError
from xling_bench.core.reading import LARGEST as READ
from xling_bench.core.reading import unpack

LARGEST = 256 << 20  # bytes of one unpacked member; mLAMA's largest is below one per cent of it

# What zipfile and tarfile raise for damage: RuntimeError is a password, NotImplementedError an unknown packing.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, struct.error,
           RuntimeError, NotImplementedError, ValueError)  # fmt: skip


def read_zip(path: Path, name: re.Pattern[str]) -> dict[str, str]:
    """{group 1 of `name`: text} of the members whose whole path matches `name`; empty if none does.

    Raises DataError naming archive and member: damaged, encrypted, larger than LARGEST, not UTF-8, or two members
    that give the same group.
    """
    found: dict[str, str] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.is_dir() or not (match := name.fullmatch(info.filename)):
                    continue
                _check(path, info.filename, info.file_size, match[1] in found)
                total += info.file_size
                if total > READ:
                    raise DataError(f"{path}: more than {READ:,} bytes in the files asked for; so much is not read")
                found[match[1]] = decode(archive.read(info), f"{path}!{info.filename}")
    except _DAMAGE as error:
        raise DataError(f"{path}: truncated or damaged zip archive ({error}). Fetch it again.") from error
    return found


def read_tar_gz(path: Path, name: re.Pattern[str]) -> dict[str, str]:
    """As `read_zip`, for a gzipped tar archive. The gzip checksum is checked before anything is read."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(unpack(path))) as archive:
            for info, match in _members(archive, name):
                _check(path, info.name, info.size, match[1] in found)
                member = archive.extractfile(info)
                found[match[1]] = decode(member.read() if member else b"", f"{path}!{info.name}")
    except _DAMAGE as error:
        raise DataError(f"{path}: truncated or damaged tar.gz archive ({error}). Fetch it again.") from error
    return found


def _members(archive: tarfile.TarFile, name: re.Pattern[str]) -> Iterator[tuple[tarfile.TarInfo, re.Match[str]]]:
    for info in archive:
        if info.isreg() and (match := name.fullmatch(info.name)):
            yield info, match


def _check(path: Path, member: str, size: int, twice: bool) -> None:
    if size > LARGEST:
        raise DataError(f"{path}!{member}: {size} bytes; at most {LARGEST} are read")
    if twice:
        raise DataError(f"{path}!{member}: the archive holds this file twice")
