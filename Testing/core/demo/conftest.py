from __future__ import annotations

import pytest

from RetrievalSAMLib.demo.cohort import make_cohort
from RetrievalSAMLib.demo.subject import Subject


@pytest.fixture(scope="session")
def cohort() -> list[Subject]:
    """The subjects of the demonstration."""
    return make_cohort(5)
