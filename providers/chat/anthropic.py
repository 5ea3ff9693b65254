"""Answers by Anthropic."""

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

import anthropic
import msgspec
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam

from contracts.errors import Misconfigured, ProviderRefused
from providers.chat.protocol import Finished, Message, Piece, Prompt
from providers.chat.whole import Stopped, whole_answer
from providers.service import Service, timeouts
from runtime.settings import Settings

#: Somebody is waiting: a longer pause of the provider is told, so that another one may answer.
_PATIENCE = 5.0

#: The largest ``max_tokens`` by the start of a model's name, from Anthropic's model pages; the
#: first that fits counts. More than a model has is an error, less only means more calls.
_MOST_OUTPUT_TOKENS = (
    ("claude-3-5-", 8_192),
    ("claude-3-", 4_096),
    ("claude-opus-4-0", 32_000),
    ("claude-opus-4-1", 32_000),
    ("claude-opus-4-2", 32_000),
    ("claude-opus-4-5", 64_000),
    ("claude-opus-4-", 128_000),
    ("claude-sonnet-4-", 64_000),
    ("claude-haiku-4-", 64_000),
    ("claude-", 128_000),
)
_MOST_OUTPUT_TOKENS_OF_ANY = 8_192


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    stop_reason: str | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    """What is read of an event; the SDK itself checks none of it."""

    type: str
    message: _Message | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None


def most_output_tokens(model: str) -> int:
    """Return the largest ``max_tokens`` that a model of this name accepts, as far as known."""
    fitting = (most for start, most in _MOST_OUTPUT_TOKENS if model.startswith(start))
    return next(fitting, _MOST_OUTPUT_TOKENS_OF_ANY)


class AnthropicChat:
    """Streams Messages; one instance per process, used by all its coroutines at once."""

    provider = "anthropic"
    is_local_twin = False

    def __init__(self, settings: Settings, name: str) -> None:
        if settings.anthropic_api_key is None:
            raise Misconfigured(f"Answering with {name} needs ANTHROPIC_API_KEY.")
        self.name = name
        self._budget = settings.answer_token_budget
        self._client = AsyncAnthropic(
            api_key=settings.anthropic_api_key.get_secret_value(),
            base_url=settings.anthropic_base_url or "https://api.anthropic.com",
            timeout=timeouts(settings.provider_timeout),
            max_retries=0,
            # Calls are spans of ours, the same for every provider.
            open_telemetry=False,
        )
        self._service = Service(
            "Anthropic",
            key_setting="ANTHROPIC_API_KEY",
            errors=anthropic.AnthropicError,
            patience=_PATIENCE,
        )

    def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        """Yield pieces, then ``Finished``; closing the generator closes the connection.

        Raises:
            ProviderUnauthorized: the key is not accepted, or its credit is used up.
            ProviderRefused: the provider or the model does not want the prompt.
            ProviderBusy: the provider limits us; no request starts before its time.
            ProviderUnavailable: no answer, a broken one, or one without its final event.
        """

        def ask(messages: tuple[Message, ...], left: int) -> AsyncGenerator[str | Stopped]:
            return self._ask(prompt.system, messages, min(left, most_output_tokens(self.name)))

        return whole_answer(ask, prompt, model=self.name, budget=self._budget)

    async def close(self) -> None:
        """Release connections."""
        await self._client.close()

    async def _ask(
        self, system: str, messages: tuple[Message, ...], max_tokens: int
    ) -> AsyncGenerator[str | Stopped]:
        await self._service.turn()
        end = _End()
        with _explained(), self._service.judged():
            stream = await self._client.messages.create(
                model=self.name,
                system=system or anthropic.omit,
                messages=[_param(message) for message in messages],
                max_tokens=max_tokens,
                stream=True,
            )
            async with stream:
                self._service.learn(stream.response.headers)
                async for event in stream:
                    text = end.read(msgspec.convert(event, _Event, from_attributes=True))
                    if text:
                        yield text
        if not end.is_final or end.stop_reason is None:
            raise self._service.broken("ended its answer without a final event")
        end.require_answer(self.name)
        yield end.stopped()


class _End:
    """What the events so far say about the end of the answer."""

    def __init__(self) -> None:
        self.is_final = False
        self.stop_reason: str | None = None
        self._input_tokens = 0
        self._output_tokens: int | None = None

    def read(self, event: _Event) -> str:
        """Return the text of an event."""
        delta = event.delta
        match event.type:
            case "message_start" if event.message and event.message.usage:
                self._input_tokens = _input_tokens(event.message.usage)
            case "content_block_delta" if delta and delta.type == "text_delta":
                return delta.text or ""
            case "message_delta":
                self.stop_reason = (delta and delta.stop_reason) or self.stop_reason
                if event.usage and event.usage.output_tokens is not None:
                    self._output_tokens = event.usage.output_tokens
            case "message_stop":
                self.is_final = True
            case _:
                pass
        return ""

    def require_answer(self, model: str) -> None:
        """Raise ``ProviderRefused`` where the model ended without answering to the end."""
        if self.stop_reason == "refusal":
            raise ProviderRefused(f"{model} refused to answer this.")
        if self.stop_reason == "model_context_window_exceeded":
            raise ProviderRefused(
                f"The question, its sources and the answer are more than {model} can hold; ask "
                "for less, or in a new conversation."
            )

    def stopped(self) -> Stopped:
        return Stopped(
            reason="length" if self.stop_reason == "max_tokens" else "stop",
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
        )


@contextmanager
def _explained() -> Generator[None]:
    """Say what to do where ``max_tokens`` is more than the model has."""
    try:
        yield
    except ProviderRefused as error:
        if "max_tokens" not in error.message:
            raise
        raise ProviderRefused(
            f"{error.message}. Set ANSWER_TOKEN_BUDGET to what the model allows, or choose "
            "another CHAT_MODEL."
        ) from error


def _input_tokens(usage: _Usage) -> int:
    counted = (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
    return sum(tokens or 0 for tokens in counted)


def _param(message: Message) -> MessageParam:
    if message.role == "assistant":
        return {"role": "assistant", "content": message.text}
    return {"role": "user", "content": message.text}
