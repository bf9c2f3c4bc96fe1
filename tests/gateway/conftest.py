"""One mock model, one decision service and one real proxy for all tests of the gateway that need them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deciding import TRIM, DecisionService, decision
from mock_model import MockModel
from running_proxy import SERVICE_TOKEN, Proxy

from stillwatch_gateway.wire import Decision, Limits


def standing_decisions() -> list[Decision]:
    """What holds while the shared proxy runs: accounts are called after what befalls them."""
    return [
        decision("suspended", "suspend"),
        decision("throttled", "throttle"),
        decision("unverified", "step_up"),
        decision("trimmed", "trim", limits=TRIM),
        decision("shortened", "trim", limits=Limits(reasoning="shorten")),
        decision("simulated", "suspend", enforced=False),
        decision("keyless", "block_new_keys"),
        decision("faulty-trim", "trim", limits=TRIM),
        *(
            decision(f"asking-{form}-{stream}", "trim", limits=TRIM)
            for form in ("chat", "messages", "responses")
            for stream in (False, True)
        ),
        decision(
            "hostile", "suspend", decision_id="D-1\r\nset-cookie: stolen=1", reason="r\u00e9ason \n x", tell="\u00a7 no"
        ),
    ]


@pytest.fixture(scope="session")
def model() -> Iterator[MockModel]:
    """The model behind the proxy."""
    made = MockModel()
    yield made
    made.close()


@pytest.fixture(scope="session")
def service() -> Iterator[DecisionService]:
    """The decision service that the proxy follows."""
    made = DecisionService(standing_decisions(), SERVICE_TOKEN)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def proxy(model: MockModel, service: DecisionService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A running LiteLLM proxy with the plug-in, its journal and its cache on disk."""
    folder = tmp_path_factory.mktemp("proxy")
    settings = {
        "STILLWATCH_GATEWAY_URL": service.url,
        "STILLWATCH_GATEWAY_TOKEN": SERVICE_TOKEN,
        "STILLWATCH_GATEWAY_CACHE_DIR": str(folder / "cache"),
        "STILLWATCH_GATEWAY_LOG": str(folder / "exchanges.jsonl"),
        "STILLWATCH_GATEWAY_VERIFY_URL": "https://provider.example/verify",
    }
    made = Proxy(folder, model.port, callbacks=["proxy_faults.handler"], environment=settings).start()
    yield made
    made.stop()
