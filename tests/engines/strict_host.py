"""Stands for Envoy around the filter of `engines/strict`: a buffer, and what filters may do with it."""

from importlib.resources import files

import wasmtime

from tokenward.app import engines

DOWNSTREAM, UPSTREAM = 2, 3
CODE = files(engines).joinpath("strict", "strict.wasm")


class Host:
    """One machine with the filter in it."""

    def __init__(self, *, http2=False):
        self._store = wasmtime.Store()
        linker = wasmtime.Linker(self._store.engine)
        word = wasmtime.ValType.i32()
        for name, count in (("get_buffer_bytes", 5), ("set_buffer_bytes", 5), ("close_stream", 1)):
            kind = wasmtime.FuncType([word] * count, [word])
            linker.define_func("env", f"proxy_{name}", kind, getattr(self, f"_{name}"))
        module = wasmtime.Module(self._store.engine, CODE.read_bytes())
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self.buffers = {}
        self.closed = False
        self.fetched = 0
        self._ids = iter(range(2, 1 << 31))
        assert self.call("proxy_on_vm_start", 1, 5 if http2 else 0) == 1
        self.call("proxy_on_context_create", 1, 0)

    @property
    def pages(self):
        return self._exports["memory"].size(self._store)

    def call(self, name, *arguments):
        return self._exports[name](self._store, *arguments)

    def _get_buffer_bytes(self, kind, start, length, data, size):
        memory = self._exports["memory"]
        found = bytes(self.buffers[kind][start : start + length])
        self.fetched += len(found)
        at = self.call("malloc", length)
        if not at:
            return 6
        memory.write(self._store, found, at)
        memory.write(self._store, at.to_bytes(4, "little"), data)
        memory.write(self._store, len(found).to_bytes(4, "little"), size)
        return 0

    def _set_buffer_bytes(self, kind, start, length, data, size):
        # That is all that Envoy does of it: put something before, put something behind, replace everything.
        assert (kind, start) == (DOWNSTREAM, 0)
        assert length >= len(self.buffers[kind])
        self.buffers[kind][:] = self._exports["memory"].read(self._store, data, data + size)
        return 0

    def _close_stream(self, kind):
        assert kind == DOWNSTREAM
        self.closed = True
        return 0

    def connection(self):
        made = next(self._ids)
        self.call("proxy_on_context_create", made, 1)
        return made

    def gone(self, connection):
        self.call("proxy_on_delete", connection)

    def sees(self, connection, buffer):
        """What the filter makes of what Envoy has read from the client and not used: is it to go on?"""
        self.buffers[DOWNSTREAM], self.closed = buffer, False
        return self.call("proxy_on_downstream_data", connection, len(buffer), 0) == 0

    def answers(self, connection, written):
        """Envoy writes to the client."""
        self.buffers[UPSTREAM] = bytearray(written)
        assert self.call("proxy_on_upstream_data", connection, len(written), 0) == 0
        assert self.buffers[UPSTREAM] == written
