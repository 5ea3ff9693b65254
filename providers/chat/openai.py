"""Answers by OpenAI, or by any server that speaks its Chat Completions."""

from collections.abc import AsyncGenerator

import msgspec
from openai.types.chat import ChatCompletionMessageParam

from contracts.errors import ProviderRefused
from providers.chat.protocol import Finished, Message, Piece, Prompt
from providers.chat.whole import Stopped, whole_answer
from providers.openai_service import create_openai_client, create_openai_service
from runtime.settings import Settings

#: Somebody is waiting: a longer pause of the provider is told, so that another one may answer.
_PATIENCE = 5.0


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Chunk(msgspec.Struct):
    """What is read of a chunk; the SDK itself checks none of it."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None


class OpenAIChat:
    """Streams Chat Completions; one instance per process, used by all its coroutines at once."""

    provider = "openai"
    is_local_twin = False

    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self._budget = settings.answer_token_budget
        self._client = create_openai_client(settings)
        self._service = create_openai_service(settings, patience=_PATIENCE)

    def answer(self, prompt: Prompt) -> AsyncGenerator[Piece | Finished]:
        """Yield pieces, then ``Finished``; closing the generator closes the connection.

        Raises:
            ProviderUnauthorized: the key is not accepted, or its credit is used up.
            ProviderRefused: the provider does not want the prompt, or its filter stopped it.
            ProviderBusy: the provider limits us; no request starts before its time.
            ProviderUnavailable: no answer, a broken one, or one without its final event.
        """
        system: ChatCompletionMessageParam = {"role": "system", "content": prompt.system}

        def ask(messages: tuple[Message, ...], _left: int) -> AsyncGenerator[str | Stopped]:
            return self._ask([system, *map(_param, messages)])

        return whole_answer(ask, prompt, model=self.name, budget=self._budget)

    async def close(self) -> None:
        """Release connections."""
        await self._client.close()

    async def _ask(
        self, messages: list[ChatCompletionMessageParam]
    ) -> AsyncGenerator[str | Stopped]:
        # No limit is sent: without one the model has all that it is able to say.
        await self._service.turn()
        end = _End()
        with self._service.judged():
            stream = await self._client.chat.completions.create(
                model=self.name,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
            )
            async with stream:
                self._service.learn(stream.response.headers)
                async for chunk in stream:
                    text = end.read(msgspec.convert(chunk, _Chunk, from_attributes=True))
                    if text:
                        yield text
        if end.finish_reason is None:
            raise self._service.broken("ended its answer without a final event")
        if end.finish_reason == "content_filter" or end.refusal:
            raise ProviderRefused(end.refusal or f"A content filter stopped {self.name}.")
        yield end.stopped()


class _End:
    """What the chunks so far say about the end of the answer."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.refusal = ""
        self._usage: _Usage | None = None

    def read(self, chunk: _Chunk) -> str:
        """Return the text of a chunk."""
        self._usage = chunk.usage or self._usage
        text = ""
        for choice in chunk.choices or ():
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta:
                text += choice.delta.content or ""
                self.refusal += choice.delta.refusal or ""
        return text

    def stopped(self) -> Stopped:
        usage = self._usage
        return Stopped(
            reason="length" if self.finish_reason == "length" else "stop",
            input_tokens=usage.prompt_tokens if usage else 0,
            output_tokens=usage.completion_tokens if usage else None,
        )


def _param(message: Message) -> ChatCompletionMessageParam:
    if message.role == "assistant":
        return {"role": "assistant", "content": message.text}
    return {"role": "user", "content": message.text}
