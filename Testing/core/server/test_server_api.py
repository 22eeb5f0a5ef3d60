"""The API is what its description says: schemathesis asks a real server all sorts of things."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from server_process import TOKENS, RunningServer

from Testing.patience import PATIENCE

OPERATIONS = [
    ("GET", "/health"),
    ("GET", "/v1/libraries"),
    ("HEAD", "/v1/volumes/{sha256}"),
    ("PUT", "/v1/volumes/{sha256}"),
    ("POST", "/v1/runs"),
    ("GET", "/v1/runs/{run_id}"),
    ("GET", "/v1/runs/{run_id}/events"),
    ("DELETE", "/v1/runs/{run_id}"),
    ("GET", "/v1/runs/{run_id}/segmentation"),
    ("GET", "/v1/runs/{run_id}/partial"),
    ("GET", "/v1/runs/{run_id}/report"),
    ("GET", "/v1/overview"),
    ("GET", "/v1/libraries/{name}/pictures/{number}"),
    ("GET", "/v1/batches/{name}"),
    ("GET", "/v1/batches/{name}/decisions"),
    ("POST", "/v1/batches/{name}/decisions"),
    ("GET", "/v1/batches/{name}/pictures/{file}"),
    ("GET", "/v1/batches/{name}/results/{file}"),
]


@pytest.fixture(scope="module")
def description(server: RunningServer) -> dict[str, object]:
    found: dict[str, object] = requests.get(
        f"{server.address}/openapi.json", verify=str(server.ca_file), timeout=PATIENCE
    ).json()
    return found


def test_every_operation_is_described(description: dict[str, dict[str, dict[str, object]]]) -> None:
    described = [(method.upper(), path) for path, methods in description["paths"].items() for method in methods]
    assert sorted(described) == sorted(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_schemathesis_finds_no_fault(
    server: RunningServer, description: dict[str, object], method: str, path: str
) -> None:
    schema = schemathesis.openapi.from_dict(description)
    operation = schema[path][method]

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        headers = {"Authorization": f"Bearer {TOKENS[0]}"}
        # That bytes are a volume, and of the announced hash, is more than a description of an API can say.
        excluded = [positive_data_acceptance] if method == "PUT" else []
        case.call_and_validate(
            base_url=server.address, headers=headers, verify=str(server.ca_file), excluded_checks=excluded
        )

    ask()
