"""TAXII 2.1, sections 4.1 and 4.2: the discovery and the API roots."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from taxii_node import MEDIA, Caller, Node, refused, told


@pytest.fixture(params=["/taxii2/", "/exercise/taxii2/"])
def discovery(kuwait: Caller, request: pytest.FixtureRequest) -> dict[str, object]:
    return told(kuwait.ask(request.param))


def test_discovery_stands_at_taxii2_and_says_its_title(discovery: dict[str, object]) -> None:
    """4.1, 4.1.1 and 8.2.1: at `/taxii2/`; `title` is required."""
    assert isinstance(discovery["title"], str)
    assert discovery["title"].strip()


def test_discovery_has_the_fields_of_the_clause_and_no_other(discovery: dict[str, object]) -> None:
    """4.1.1 and 3.8: property names are those of the table, in its case."""
    assert discovery.keys() <= {"title", "description", "contact", "default", "api_roots"}
    assert all(discovery.values()), "an optional property is left out rather than empty"


def test_default_root_is_one_of_the_roots(discovery: dict[str, object]) -> None:
    """4.1.1: `default` MUST be an entry of `api_roots`."""
    assert discovery["default"] in discovery["api_roots"]  # type: ignore[operator]


def test_roots_are_addresses_that_end_in_a_slash(discovery: dict[str, object]) -> None:
    """4.1.1: each is an absolute URL or a relative one; 3.1: every path ends in a slash."""
    roots = discovery["api_roots"]

    assert isinstance(roots, list)
    assert roots
    assert len(set(roots)) == len(roots)
    assert all(urlsplit(urljoin("http://node.example/taxii2/", one)).path.endswith("/") for one in roots)


def test_every_root_of_a_discovery_tells_what_it_speaks_and_how_much_it_takes(
    kuwait: Caller, discovery: dict[str, list[str]]
) -> None:
    """4.2.1: `title`, `versions` with the media type of 2.1, `max_content_length` above 0."""
    for address in discovery["api_roots"]:
        root = told(kuwait.ask(urljoin(str(kuwait.http.base_url), address)))

        assert root.keys() <= {"title", "description", "versions", "max_content_length"}
        assert isinstance(root["title"], str)
        assert root["title"].strip()
        assert MEDIA in root["versions"]
        assert type(root["max_content_length"]) is int
        assert root["max_content_length"] > 0


def test_exercise_has_a_discovery_and_a_root_of_its_own(taxii: Node) -> None:
    """4.1: what is played must not be taken for what is so, so no root is named by both discoveries."""
    assert taxii.exercise.startswith("/exercise/taxii2/")
    assert taxii.root.startswith("/taxii2/")


@pytest.mark.parametrize("path", ["", "collections/", "status/2f3c1b4e-5d6a-4b7c-8d9e-0f1a2b3c4d5e/"])
def test_unknown_root_is_not_found(kuwait: Caller, path: str) -> None:
    """4.2, 5.1 and 4.3: 404 where there is no such API root."""
    refused(kuwait.ask(f"/taxii2/nowhere/{path}"), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_discovery_and_root_are_only_read(taxii: Node, kuwait: Caller, method: str) -> None:
    """3.1, table of endpoints: GET alone is defined for them."""
    for path in ("/taxii2/", taxii.root):
        assert kuwait.ask(path, method).status_code in (404, 405)


def test_a_path_without_its_last_slash_never_fails(kuwait: Caller) -> None:
    """3.1: paths end in a slash; one without is led there, answered or not found."""
    assert kuwait.ask("/taxii2").status_code in (200, 301, 302, 307, 308, 404)
    assert kuwait.ask(f"{kuwait.root}collections").status_code in (200, 301, 302, 307, 308, 404)
