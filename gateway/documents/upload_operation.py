"""How the upload is described to clients: Litestar sees no body, because it is streamed."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema


@dataclass
class UploadOperation(Operation):
    """The operation of an upload, with its form."""

    def __post_init__(self) -> None:
        """Describe the form."""
        self.request_body = RequestBody(
            required=True, content={"multipart/form-data": OpenAPIMediaType(schema=_form())}
        )


def _form() -> Schema:
    return Schema(
        type=OpenAPIType.OBJECT,
        required=["file"],
        properties={
            "file": Schema(
                type=OpenAPIType.STRING,
                content_media_type="application/octet-stream",
                description="The document: PDF, DOCX, PPTX, XLSX, HTML, Markdown, CSV or text.",
            ),
            "metadata": Schema(
                type=OpenAPIType.STRING,
                content_media_type="application/json",
                description="A JSON object of at most 16 keys with plain values.",
                examples=['{"author": "Ada", "year": 1843}'],
            ),
            "knowledge_base": Schema(
                type=OpenAPIType.STRING,
                description="Which knowledge base it belongs to.",
                examples=["handbooks"],
            ),
        },
    )
