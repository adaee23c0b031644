"""Finding what a path is bound to."""

from __future__ import annotations

import pytest

from libs.events.decider import Refusal
from services.gateway.routes import Tree, parse

TREE = Tree(
    [
        ("GET", "/v1/books", "list"),
        ("POST", "/v1/books", "write"),
        ("GET", "/v1/books/{book_id}", "get"),
        ("GET", "/v1/books/newest", "newest"),
        ("POST", "/v1/books/newest:clear", "clear"),
        ("POST", "/v1/books/{book_id}:revise", "revise"),
        ("POST", "/v1/books:search", "search"),
        ("POST", "/v1/books/{book_id}/pages/{page}:turn", "turn"),
    ]
)


@pytest.mark.parametrize(
    ("path", "method", "what", "values"),
    [
        ("/v1/books", "GET", "list", []),
        ("/v1/books", "POST", "write", []),
        ("/v1/books/b1", "GET", "get", ["b1"]),
        ("/v1/books/newest", "GET", "newest", []),
        ("/v1/books/newest:clear", "POST", "clear", []),
        ("/v1/books/newest:revise", "POST", "revise", ["newest"]),
        ("/v1/books:search", "POST", "search", []),
        ("/v1/books/b1/pages/5:turn", "POST", "turn", ["b1", "5"]),
        ("/v1/books/a%2Fb%20c", "GET", "get", ["a/b c"]),
        ("/v1/books/urn:b:1", "GET", "get", ["urn:b:1"]),
    ],
)
def test_a_path_finds_its_binding(path: str, method: str, what: str, values: list[str]) -> None:
    found = TREE.find(path)
    assert found is not None
    assert (found[0][method], found[1]) == (what, values)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/books/", "/v1/books/b1/", "/v1/books/b1/pages/5", "/v1/books:burn", "//v1/books"]
)
def test_a_path_that_no_template_has_finds_nothing(path: str) -> None:
    assert TREE.find(path) is None


def test_an_unknown_verb_belongs_to_the_field() -> None:
    found = TREE.find("/v1/books/b1:burn")
    assert found is not None
    assert found == ({"GET": "get"}, ["b1:burn"])


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refusal, match="MALFORMED_URL"):
        TREE.find("/v1/books/%ff")


def test_two_rpcs_under_one_address_are_an_error() -> None:
    with pytest.raises(ValueError, match="two rpcs"):
        Tree([("GET", "/v1/a/{x}", 1), ("GET", "/v1/a/{y}", 2)])


@pytest.mark.parametrize("template", ["/v1/{name=**}", "/v1/a{b}", "/v1//a"])
def test_forms_of_templates_that_are_not_used_here_are_an_error(template: str) -> None:
    with pytest.raises(ValueError, match="neither a literal nor a field"):
        parse(template)
