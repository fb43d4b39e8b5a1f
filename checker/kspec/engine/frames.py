"""Length-prefixed pickles on a pipe between a kspec process and its own worker processes."""

from __future__ import annotations

import os
import pickle
import struct

_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20


def send(fd: int, item: object) -> None:
    """Writes one item, whole.  Raises OSError (BrokenPipeError) when the reader is gone."""
    data = pickle.dumps(item)
    view = memoryview(_LENGTH.pack(len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]


class Reader:
    """Collects the bytes of one descriptor until an item is complete."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._data = bytearray()

    def feed(self) -> bool:
        """Reads what is there (blocking if nothing is); False at the end of the stream."""
        chunk = os.read(self.fd, _CHUNK)
        self._data += chunk
        return bool(chunk)

    def complete(self) -> bool:
        """Whether a whole item is there."""
        n = len(self._data)
        return n >= _LENGTH.size and n - _LENGTH.size >= _LENGTH.unpack_from(self._data)[0]

    def take(self) -> object:
        """The next item.  Raises what unpickling raises when the bytes are damaged."""
        end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
        data = bytes(self._data[_LENGTH.size : end])
        del self._data[:end]
        return pickle.loads(data)
