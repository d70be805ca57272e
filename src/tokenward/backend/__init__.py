"""What a backend imports to verify, itself, the inside JWT that the gateway gave it."""

from tokenward.backend.asgi import InsideTokenMiddleware
from tokenward.backend.verifier import InsideVerifier

__all__ = ["InsideTokenMiddleware", "InsideVerifier"]
