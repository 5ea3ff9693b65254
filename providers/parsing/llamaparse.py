"""LlamaParse, through its own package ``llama-parse``.

The package signs the requests, builds the upload and knows the addresses. Waiting for a job is
done here: the package looks at whole seconds only, takes a rejected key for a passing fault, gives
up the pages of a job of which some failed, and cannot go on with a job that it did not begin.
"""

import asyncio
import json
import math
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import PurePath
from typing import Never, TypeVar

import msgspec

from contracts.artefacts import ParsedDocument, ParsedPage
from contracts.errors import (
    EmptyDocument,
    EncryptedDocument,
    ParsingTimedOut,
    ProviderRefused,
    ProviderUnavailable,
    Rejected,
    UnreadableDocument,
    UnsupportedMediaType,
)
from providers.measuring import measured
from providers.parsing.detection import BY_SUFFIX
from providers.parsing.llamaparse_http import LlamaParseClient, UnknownJob
from providers.parsing.protocol import Parsed, RemoteJob, SourceFile
from providers.parsing.reading import gather

with warnings.catch_warnings():
    # It announces its successor, which cannot be installed beside it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from llama_parse.base import JOB_RESULT_URL, JOB_STATUS_ROUTE, LlamaParse

DEFAULT_BASE_URL = "https://api.cloud.llamaindex.ai"

#: Small files are done within a second; large ones take minutes.
FIRST_LOOK_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
_PAUSE_GROWTH = 1.5

#: What stands in the Markdown of a page without content.
_NO_CONTENT = "NO_CONTENT_HERE"
_FAILED = frozenset({"ERROR", "FAILED"})
#: What the provider says of a file that it could not parse.
_ERRORS: dict[str, type[Rejected]] = {
    "PDF_IS_PROTECTED": EncryptedDocument,
    "PDF_IS_BROKEN": UnreadableDocument,
    "NO_DATA_FOUND_IN_FILE": EmptyDocument,
    "UNSUPPORTED_FILE_TYPE": UnsupportedMediaType,
    "EXPIRED": ParsingTimedOut,
}


T = TypeVar("T")


class _Job(msgspec.Struct):
    id: str
    status: str
    error_code: str | None = None
    error_message: str | None = None


class _Page(msgspec.Struct):
    page: int
    text: str | None = None
    md: str | None = None
    status: str | None = None
    error: str | None = None


class _Metadata(msgspec.Struct):
    job_pages: int | None = None
    job_is_cache_hit: bool | None = None


class _Result(msgspec.Struct):
    pages: list[_Page]
    job_metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class LlamaParseParser:
    """Parses with LlamaParse; a job outlives a restart of this process.

    The job's id is remembered before its first look, so a later call with it sends nothing again.
    A job that is not done within ``deadline`` seconds raises ``ProviderUnavailable``, since it may
    well be done the next time.
    """

    def __init__(
        self, *, api_key: str, base_url: str | None, deadline: float, timeout: float
    ) -> None:
        """``timeout`` is how many seconds the provider may send nothing."""
        self._deadline = deadline
        self._client = LlamaParseClient(follow_redirects=False)
        self._sdk = LlamaParse(
            api_key=api_key,
            base_url=(base_url or DEFAULT_BASE_URL).rstrip("/"),
            custom_client=self._client,
            max_timeout=math.ceil(timeout),
            ignore_errors=False,
            verbose=False,
            show_progress=False,
        )
        self._name = f"llamaparse llama-parse/{version('llama-parse')}"

    @property
    def name(self) -> str:
        """Who parsed the document, with the version of the package."""
        return self._name

    @property
    def is_local_twin(self) -> bool:
        """Always false."""
        return False

    @measured("llamaparse", "parse")
    async def parse(self, source: SourceFile, job: RemoteJob) -> Parsed:
        """Return the pages of ``source``, as Markdown where the provider gives that."""
        try:
            async with asyncio.timeout(self._deadline):
                result = await self._finish(source, job)
        except TimeoutError as error:
            raise ProviderUnavailable(
                f"LlamaParse has not finished the file within {self._deadline:g} seconds; "
                "its job is looked at again later."
            ) from error
        document = ParsedDocument(pages=gather(_pages(result)), parser=self._name)
        metadata = result.job_metadata
        billed = len(document.pages) if metadata.job_pages is None else metadata.job_pages
        return Parsed(document=document, pages_billed=0 if metadata.job_is_cache_hit else billed)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _finish(self, source: SourceFile, job: RemoteJob) -> _Result:
        if job.known_id is not None:
            try:
                return await self._collect(job.known_id)
            except UnknownJob:
                # The provider forgets jobs after some days.
                pass
        job_id = await self._submit(source)
        await job.remember(job_id)
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        return await self._collect(job_id)

    async def _submit(self, source: SourceFile) -> str:
        with source.path.open("rb") as file:
            try:
                # Its public methods submit and wait in one step; here the id is needed between.
                return await self._sdk._create_job(  # noqa: SLF001  # a test names it
                    file, extra_info={"file_name": _telling_name(source)}
                )
            except (KeyError, TypeError, ValueError) as error:
                _raise_not_understood(error)

    async def _collect(self, job_id: str) -> _Result:
        pause = FIRST_LOOK_SECONDS
        while True:
            job = await self._get(JOB_STATUS_ROUTE.format(job_id=job_id), _Job)
            match job.status:
                case "SUCCESS" | "PARTIAL_SUCCESS":
                    return await self._get(
                        JOB_RESULT_URL.format(job_id=job_id, result_type="json"), _Result
                    )
                case "ERROR":
                    raise _job_error(job)
                case "CANCELLED" | "CANCELED":
                    raise ProviderRefused("The job was cancelled at LlamaParse; upload it again.")
                case _:
                    pause = min(pause * _PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
                    await asyncio.sleep(pause)

    async def _get(self, path: str, kind: type[T]) -> T:
        response = await self._sdk.aclient.get(path)
        try:
            # Half an emoji in a text is a good answer, which only this decoder takes.
            return msgspec.convert(json.loads(response.content), type=kind)
        except ValueError as error:
            _raise_not_understood(error)


def _telling_name(source: SourceFile) -> str:
    """Return the file's name with a suffix of its kind: the provider goes by that."""
    name = PurePath(source.filename).name
    if BY_SUFFIX.get(PurePath(name).suffix.lower()) == source.media_type:
        return name
    usual = (suffix for suffix, kind in BY_SUFFIX.items() if kind == source.media_type)
    return name + next(usual, "")


def _pages(result: _Result) -> Iterator[ParsedPage]:
    for page in result.pages:
        text = (page.text if page.md == _NO_CONTENT else page.md) or page.text or ""
        error = page.error
        if error is None and (page.status or "").upper() in _FAILED:
            error = "LlamaParse could not parse this page."
        yield ParsedPage(number=page.page, text=text, error=error)


def _job_error(job: _Job) -> Rejected:
    code, reason = job.error_code or "", job.error_message or "it gives no reason"
    kind = _ERRORS.get(code, UnreadableDocument)
    if kind is UnreadableDocument and "password" in f"{code} {reason}".lower():
        kind = EncryptedDocument
    explanation = (kind.__doc__ or "").strip()
    return kind(f"{explanation} LlamaParse says: {f'{code}: ' if code else ''}{reason[:500]}")


def _raise_not_understood(error: Exception) -> Never:
    raise ProviderUnavailable("LlamaParse sent an answer that cannot be understood.") from error
