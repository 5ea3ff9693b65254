from io import BufferedReader

import httpx

JOB_RESULT_URL: str
JOB_STATUS_ROUTE: str

class LlamaParse:
    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        custom_client: httpx.AsyncClient,
        max_timeout: int,
        ignore_errors: bool,
        verbose: bool,
        show_progress: bool,
    ) -> None: ...
    @property
    def aclient(self) -> httpx.AsyncClient: ...
    async def _create_job(
        self, file_input: BufferedReader, extra_info: dict[str, str] | None = None
    ) -> str: ...
