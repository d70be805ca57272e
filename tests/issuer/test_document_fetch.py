"""Documents over real HTTP, from hosts that do what they like."""

import asyncio

import pytest

from base.test_outbound import serving
from issuer.house import SETTINGS
from issuer.test_client_documents import APP, POLICY
from tokenward.app.strangers import documents_by
from tokenward.base.clock import ManualClock
from tokenward.base.outbound import OutboundClient
from tokenward.base.problems import Refusal
from tokenward.issuer.client_documents import DocumentClients
from tokenward.issuer.document_cache import DOCUMENT_BYTES


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/redirect", "redirect_refused"),
        ("/drip", "timeout"),
        ("/endless", "too_large"),
        ("/fine", "media type"),
    ],
)
def test_a_host_that_misbehaves_gets_no_client(path, why):
    with serving() as server:
        outside = OutboundClient(allow=["127.0.0.1"], https_only=False, timeout=1.0, max_bytes=DOCUMENT_BYTES)
        fetch = documents_by(outside)
        target = f"http://127.0.0.1:{server.server_address[1]}{path}"
        documents = DocumentClients(SETTINGS, POLICY, lambda _url: fetch(target), ManualClock())
        with pytest.raises(Refusal, match="client_document_refused") as caught:
            asyncio.run(documents.client(APP))
    assert why in caught.value.detail
