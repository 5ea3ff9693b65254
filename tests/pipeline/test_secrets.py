"""What the processes write down holds no secret and no text of a document."""

import uuid

import httpx

from tests.fixtures.stack import Running
from tests.pipeline.conftest import indexed


def test_logs_hold_no_secret_and_no_text(client: httpx.Client, running: Running) -> None:
    marker = f"marker-{uuid.uuid4()}"
    document = indexed(client, "secret.txt", f"This is {marker}. It stays private.".encode())
    client.post("/chat", json={"message": f"What is {marker}?"})
    client.get("/chat/not-a-uuid")
    assert running.settings.jwt_secret is not None
    assert running.settings.database_url is not None
    token = client.headers["Authorization"].removeprefix("Bearer ")
    forbidden = [
        marker,
        token,
        running.access.password,
        running.settings.jwt_secret.get_secret_value(),
        running.settings.database_url.get_secret_value().split(":")[2].split("@")[0],
    ]
    written = [path.read_text() for path in (running.folder / "logs").glob("*.log")]
    assert any(document["document_id"] in text for text in written)
    for text in written:
        assert not [word for word in forbidden if word in text]
