"""How Envoy is kept from reading HTTP/1 leniently: a filter of ours before its own (`strict/`).

    bytes (of TLS) → reader.c: is each line one? → Envoy's HTTP/1 → what else there is

Bare LF, bare CR, folded headers, and framing with two readings become what Envoy refuses. If the filter's
machine fails, its connections end, new ones are refused, and Envoy starts another machine within seconds.
"""

import base64
from importlib.resources import files

from tokenward.app.engines.envoy_types import Json, typed


def strict(*, http2: bool) -> Json:
    """The network filter; `http2` where Envoy lets clients speak HTTP/2, which it then lets through."""
    code = files(__package__).joinpath("strict", "strict.wasm").read_bytes()
    told = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "http2"}
    return {
        "name": "strict",
        "typed_config": typed(
            "filters.network.wasm.v3.Wasm",
            config={
                "name": "strict",
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": "tokenward-strict",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"inline_bytes": base64.b64encode(code).decode()}},
                    **({"configuration": told} if http2 else {}),
                },
            },
        ),
    }
