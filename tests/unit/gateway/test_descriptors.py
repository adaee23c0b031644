"""What the descriptors say about each rpc."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.chassis import build_protos, descriptors
from libs.chassis.descriptors import Http, Protos
from libs.events.decider import Role


def method(library: Protos, name: str) -> descriptors.Method:
    return library.services["limelight.library.v1.LibraryService"].methods[name]


def test_a_method_has_its_path_its_binding_and_its_roles(library: Protos) -> None:
    revise = method(library, "ReviseBook")
    assert revise.path == "/limelight.library.v1.LibraryService/ReviseBook"
    assert revise.http == (Http("POST", "/v1/books/{book_id}:revise", "*"),)
    assert revise.roles == {Role.CREATOR}
    assert not revise.public
    assert (revise.input.name, revise.output.name, revise.streaming) == ("ReviseBookRequest", "Book", False)
    assert revise.owner == "library"


def test_public_and_streaming_are_told(library: Protos) -> None:
    assert method(library, "ListBooks").public
    assert method(library, "WatchBooks").streaming


def test_without_an_access_option_nobody_may_call(library: Protos) -> None:
    burn = method(library, "BurnBook")
    assert (burn.roles, burn.public) == (frozenset(), False)


def test_comments_of_services_rpcs_messages_fields_and_enums_are_kept(library: Protos) -> None:
    book = method(library, "GetBook")
    assert book.comment == "Reads a book. As it is, or as it was."
    assert library.comment(book.output) == "A book."
    assert library.comment(book.output.fields_by_name["weight"]) == "In kilograms."
    assert library.comments["limelight.library.v1.BookKind"] == "What a book is about."
    assert library.of("library")[0].comment == "Books, and who may read them."


def test_loading_twice_gives_the_same(library: Protos, tmp_path: Path) -> None:
    again = descriptors.load(build_protos.build(Path(__file__).parent / "protos", tmp_path / "again.binpb"))
    assert again.services.keys() == library.services.keys()
    assert method(again, "GetBook").output is method(library, "GetBook").output


def test_a_service_that_the_protos_do_not_have_is_an_error(library: Protos) -> None:
    with pytest.raises(LookupError, match="nowhere"):
        library.of("nowhere")


def test_the_file_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMELIGHT_PROTOS", "/somewhere/else.binpb")
    assert descriptors.locate() == Path("/somewhere/else.binpb")


def test_protos_that_do_not_compile_leave_the_last_set_in_place(tmp_path: Path) -> None:
    (tmp_path / "broken.proto").write_text("message {")
    output = tmp_path / "set.binpb"
    output.write_bytes(b"last")
    with pytest.raises(ValueError, match="protoc refused"):
        build_protos.build(tmp_path, output)
    assert output.read_bytes() == b"last"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.proto", "set.binpb"]
