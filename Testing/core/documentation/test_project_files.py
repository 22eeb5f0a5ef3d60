"""The files that a project has for those who use, cite and change it."""

from __future__ import annotations

from pathlib import Path

import yaml

from RetrievalSAMLib import __version__

ROOT = Path(__file__).resolve().parents[3]
PAPERS = ("2501.09138", "2408.08813", "2408.00714", "2304.07193")


def test_the_citation_and_the_changelog_are_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_citation_names_the_papers_that_the_readme_asks_to_cite() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    addresses = [reference["url"] for reference in citation["references"]]
    for paper in PAPERS:
        assert f"https://arxiv.org/abs/{paper}" in addresses and paper in readme
    assert all({"type", "title", "authors"} <= set(reference) for reference in citation["references"])


def test_the_forms_for_issues_ask_for_no_patient_data() -> None:
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert {path.stem for path in forms} == {"fault", "wish"}
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= set(form)
        identifiers = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(identifiers) == len(set(identifiers)) > 0
    fault = (ROOT / ".github" / "ISSUE_TEMPLATE" / "fault.yml").read_text(encoding="utf-8")
    assert "Attach no patient data" in fault and "retrievalsam doctor" in fault
