"""Ids are derived from content; these values must never change: the log is full of them."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from contracts import ids

TENANT = ids.TenantId(uuid.UUID(int=1))


def test_ids_are_the_same_for_ever() -> None:
    document = ids.document_id(TENANT, bytes(32))
    assert str(document) == "5b8169c3-5627-5156-aefe-f16032324795"
    assert str(ids.job_id(document, 1)) == "f26bf4f8-7936-5959-8a79-da5e51dc520a"
    assert str(ids.chunk_id(document, 1, "sentence_5", 0)) == "d05c9158-30b5-5398-9556-0468f8355ba8"


def test_the_same_file_is_another_document_for_another_tenant() -> None:
    other = ids.TenantId(uuid.UUID(int=2))
    assert ids.document_id(TENANT, b"x") != ids.document_id(other, b"x")


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_unequal_parts_never_share_an_id(first: list[str], second: list[str]) -> None:
    assert (ids.derive(*first) == ids.derive(*second)) == (first == second)
