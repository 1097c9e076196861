"""Safetensors shards that are written as soon as a buffer is full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from mflux_reference.files import write_atomically

PATTERN = "checkpoints-*.safetensors"


class ShardWriter:
    """Holds at most `buffer_bytes` (or one tensor) in memory."""

    def __init__(self, folder: Path, buffer_bytes: int) -> None:
        self._folder = folder
        self._buffer_bytes = buffer_bytes
        self._pending: dict[str, np.ndarray] = {}
        self._pending_bytes = 0
        self._shard = 1

    def add(self, key: str, tensor: np.ndarray) -> str:
        """Takes the tensor (it must be a copy of its own); returns the file that it will be in."""
        size = tensor.nbytes
        if self._pending and self._pending_bytes + size > self._buffer_bytes:
            self.flush()
        file = self._file()
        self._pending[key] = tensor
        self._pending_bytes += size
        if self._pending_bytes >= self._buffer_bytes:
            self.flush()
        return file

    def flush(self) -> None:
        if not self._pending:
            return
        pending = self._pending
        write_atomically(self._folder / self._file(), lambda path: save_file(pending, path))
        self._pending, self._pending_bytes = {}, 0
        self._shard += 1

    def _file(self) -> str:
        return f"checkpoints-{self._shard:05d}.safetensors"
