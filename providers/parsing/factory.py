"""The parser that the settings ask for."""

from importlib import import_module

from contracts.errors import Misconfigured
from providers.parsing.protocol import DocumentParser
from runtime.settings import Settings


def create_parser(settings: Settings) -> DocumentParser:
    """Return LlamaParse when it has a key, else the local parser where that is allowed.

    Connects to nothing. ``Misconfigured`` when there is neither.
    """
    if settings.llamaparse_api_key is not None:
        # By name: importing this package takes seconds and 120 MB, for nothing where it has no key.
        llamaparse = import_module("providers.parsing.llamaparse")
        parser: DocumentParser = llamaparse.LlamaParseParser(
            api_key=settings.llamaparse_api_key.get_secret_value(),
            base_url=settings.llamaparse_base_url,
            deadline=settings.parse_timeout,
            timeout=settings.provider_timeout,
        )
        return parser
    if not settings.parses_locally:
        raise Misconfigured(
            "LLAMAPARSE_API_KEY is missing: production parses with LlamaParse, not on this "
            "machine. Set the key, or UPLOAD_PIPELINE_MODE=local to allow local parsing."
        )
    # By name: its libraries are installed on single machines only.
    local = import_module("providers.parsing.local")
    twin: DocumentParser = local.LocalParser(
        processes=settings.cpu_processes,
        memory_bytes=settings.parse_memory_bytes,
        timeout=settings.parse_timeout,
    )
    return twin
