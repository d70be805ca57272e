"""One room per endpoint; `tokenward.issuer.asgi.ROUTES` lists them."""
