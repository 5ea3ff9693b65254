"""Is the gateway there, and the blob store, and who parses, embeds and answers?"""

import asyncio
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from cli.answers import Problem
from cli.checks.findings import Finding, address, missing, ok, warn
from cli.target import open_http
from contracts.errors import Misconfigured, RaglineError
from providers.blobs.factory import create_blobs
from providers.chat.factory import create_chat
from providers.configured import is_openai_configured
from providers.embedding.cards import is_local
from providers.embedding.factory import default_embedding_model
from runtime.settings import Settings

GATEWAY_SECONDS = 5.0
CONNECT_SECONDS = 3.0
#: The packages that the local twins need; they come with the extra `local`.
PARSING_PACKAGES = ("kreuzberg", "pypdfium2")
EMBEDDING_PACKAGE = "wordllama"


async def check_gateway(url: str) -> list[Finding]:
    """Ask the gateway whether it lives and what it misses."""
    try:
        async with open_http(url, silence=GATEWAY_SECONDS) as http:
            ready = await http.get("/health/ready")
    except (httpx.HTTPError, httpx.InvalidURL):
        return missing(
            "gateway",
            f"Nothing answers at {address(url)}: start it with `ragline up` or `ragline gateway`.",
        )
    if ready.is_success:
        return ok("gateway", f"Ready at {address(url)}.")
    try:
        reason = msgspec.json.decode(ready.content, type=Problem).detail
    except msgspec.DecodeError:
        reason = f"it answers with HTTP {ready.status_code}, and not like ragline"
    return missing("gateway", f"{address(url)} is not ready: {reason}")


async def check_blobs(settings: Settings) -> list[Finding]:
    """Reach the blob store; a local folder is looked at and not made."""
    url = settings.blob_url
    if url is None:
        return missing(
            "blobs", "BLOB_URL is not set and nothing runs here: `ragline up`, or set it."
        )
    if _is_absent_folder(url):
        return warn("blobs", f"{address(url)} is not there yet; the gateway makes it.")
    try:
        await create_blobs(url).check()
    except RaglineError as error:
        return missing("blobs", f"{address(url)}: {error}")
    return ok("blobs", f"{address(url)}.")


def _is_absent_folder(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "file" and not Path(unquote(parts.path)).is_dir()


async def check_redis(settings: Settings) -> list[Finding]:
    """Reach the server that rate limits are shared through, where there is to be one."""
    if settings.redis_url is None:
        return ok("rate limits", "In the memory of each gateway; REDIS_URL would share them.")
    url = settings.redis_url.get_secret_value()
    try:
        parts = urlsplit(url)
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 6379)
    except (OSError, ValueError, TimeoutError):
        return missing(
            "rate limits",
            f"REDIS_URL: nothing answers at {address(url)}; each gateway counts alone meanwhile.",
        )
    writer.close()
    return ok("rate limits", f"Shared through {address(url)}.")


def check_parsing(settings: Settings) -> list[Finding]:
    """Say who parses; nobody is asked, that could cost."""
    if settings.llamaparse_api_key is not None:
        return ok("parsing", "LlamaParse, by LLAMAPARSE_API_KEY.")
    if not settings.parses_locally:
        return missing("parsing", "Production parses with LlamaParse: set LLAMAPARSE_API_KEY.")
    if absent := [name for name in PARSING_PACKAGES if find_spec(name) is None]:
        return missing(
            "parsing",
            f"{', '.join(absent)} not installed: install ragline with its `local` extra, or set "
            "LLAMAPARSE_API_KEY.",
        )
    return ok("parsing", "On this machine; LLAMAPARSE_API_KEY would parse with LlamaParse.")


def check_embedding(settings: Settings) -> list[Finding]:
    """Say who embeds; nobody is asked, that could cost."""
    name = default_embedding_model(settings)
    if not is_local(name):
        if is_openai_configured(settings):
            return ok("embedding", f"{name} at {_openai(settings)}.")
        return missing(
            "embedding", f"{name} needs OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server."
        )
    if not settings.answers_locally:
        return missing("embedding", f"Production does not embed with {name}: set OPENAI_API_KEY.")
    if find_spec(EMBEDDING_PACKAGE) is None:
        return missing(
            "embedding",
            f"{EMBEDDING_PACKAGE} is not installed: install ragline with its `local` extra, or "
            "set OPENAI_API_KEY.",
        )
    return ok("embedding", f"{name} on this machine; OPENAI_API_KEY would embed with OpenAI.")


async def check_answering(settings: Settings) -> list[Finding]:
    """Say who answers; nobody is asked, that could cost."""
    try:
        models = create_chat(settings)
    except Misconfigured as error:
        return missing("answering", str(error))
    for model in models:
        await model.close()
    names = ", else ".join(f"{model.name} ({model.provider})" for model in models)
    if models[0].is_local_twin:
        return ok(
            "answering",
            f"{names}: quotes, no prose. OPENAI_API_KEY or ANTHROPIC_API_KEY would write answers.",
        )
    return ok("answering", f"{names}.")


def _openai(settings: Settings) -> str:
    return address(settings.openai_base_url) if settings.openai_base_url else "OpenAI"
