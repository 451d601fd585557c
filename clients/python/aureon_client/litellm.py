"""LiteLLM sells tokens, or their cost: held before a call, counted after it.

In the proxy's configuration, with a module of your own beside it:

    # aureon_credits.py
    from aureon_client.litellm import AureonLogger
    credits = AureonLogger("tokens", customer="team")

    # config.yaml
    litellm_settings:
      callbacks: aureon_credits.credits

Outside of the proxy (``litellm.callbacks = [...]``), where nothing can be held, calls are counted.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import litellm
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger

from . import AsyncClient, AsyncHold, AureonError, Client, InsufficientCredits, event
from ._charges import Units, new_id
from .models import texts_of

# The calls that are held for; of the others it isn't known before what they take.
HELD: Final = frozenset(
    {
        *("completion", "acompletion", "text_completion", "atext_completion"),
        *("anthropic_messages", "responses", "aresponses", "embeddings", "aembedding"),
    }
)
EXACT_DIGITS: Final = Decimal("1e-9")
Who: TypeAlias = Literal["end_user", "user", "team", "key"]
logger = logging.getLogger("aureon_client")


class AureonLogger(CustomLogger):
    """Hooks of LiteLLM's, for one meter.

    Before a call of the proxy the most that it may use is held: the prompt's tokens and the most
    that may come out, `max_output_tokens` where the caller names no maximum; who has too little is
    answered 402. What was used in the end is counted: all of it, or as much as was streamed before
    the caller hung up. A call that fails is not counted.

    `customer` says who pays: the end user (``user`` of the request), or the user, the team or the
    key of the proxy, by its alias where it has one; or a function of the key and the request.
    `units` are tokens, or the cost in US dollars as LiteLLM knows it.
    """

    def __init__(
        self,
        name: str,
        *,
        customer: Who | Callable[[Any, Mapping[str, Any]], str | None] = "end_user",
        units: Literal["tokens", "cost"] = "tokens",
        max_output_tokens: int = 4_096,
        property: str = "units",
        client: AsyncClient | None = None,
    ) -> None:
        super().__init__()
        self._name = name
        self._customer = customer
        self._by_cost = units == "cost"
        self._max_output_tokens = max_output_tokens
        self._property = property
        self._client = client or AsyncClient()
        # Where the id of a call's hold travels with it. LiteLLM drops a second logger of a class
        # whose public attributes are those of the first.
        self.mark = f"aureon_hold_{new_id()}"
        self._open: dict[str, tuple[AsyncHold, int]] = {}

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> dict[str, Any]:
        """Hold the most that a call may use; answer 402 where that is too much."""
        if call_type not in HELD:
            return data
        customer = self._payer(user_api_key_dict, data)
        if customer is None:
            raise HTTPException(400, {"error": "It is not known who pays for this call."})
        input_tokens = _input_tokens(data)
        most = self._most(data, call_type)
        hold = self._client.hold(
            customer,
            self._name,
            units=self._units(data.get("model"), input_tokens, most, None),
            property=self._property,
            metadata=_about(data.get("model")),
        )
        try:
            await hold.__aenter__()
        except InsufficientCredits as refused:
            told = {"meter_id": refused.meter_id, "error": "InsufficientCredits"}
            for name in ("required", "available_credits"):
                told[name] = str(getattr(refused, name))
            raise HTTPException(402, told) from refused
        except AureonError as failure:
            raise HTTPException(503, {"error": str(failure)}) from failure
        self._open[hold.id] = (hold, input_tokens)
        for part in {"metadata", "litellm_metadata"} & data.keys() or {"metadata"}:
            data[part] = {**(data.get(part) or {}), self.mark: hold.id}
        return data

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Stream; count what was streamed where the caller hangs up."""
        texts: list[str] = []
        try:
            async for chunk in response:
                texts += texts_of(chunk)
                yield chunk
        except Exception:
            raise
        except BaseException:
            found = self._taken(request_data)
            if found is not None:
                hold, input_tokens = found
                model = request_data.get("model")
                if texts:
                    output = litellm.token_counter(model=str(model), text="".join(texts))
                    hold.used = self._units(model, input_tokens, output, None)
                await self._end(hold, GeneratorExit())
            raise

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> None:
        """Give back what was held for a call that failed, once no other attempt is made."""
        found = self._taken(request_data)
        if found is not None:
            await self._end(found[0], original_exception)

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Count what a call used."""
        found = self._taken(kwargs.get("litellm_params") or {})
        units = self._used(kwargs, response_obj)
        if found is not None:
            hold, _ = found
            hold.used = units
            await self._end(hold, None)
        elif not self._marked(kwargs.get("litellm_params") or {}) and units:
            made = self._event(kwargs, units)
            if made is not None:
                await self._client.ingest([made])

    def log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Count what a call without async used; the others have their own hook."""
        params = kwargs.get("litellm_params") or {}
        units = self._used(kwargs, response_obj)
        if self._marked(params) or not units or any(params.get(name) for name in ASYNC):
            return
        made = self._event(kwargs, units)
        if made is not None:
            with Client(self._client._token, self._client._url) as client:
                client.ingest([made])

    async def _end(self, hold: AsyncHold, error: BaseException | None) -> None:
        """End a hold as its block would; what fails is logged, for it is nobody's answer."""
        try:
            await hold.__aexit__(type(error) if error else None, error, None)
        except AureonError as failure:
            logger.error(
                "The hold %s, %s units used, stays as it is: %s", hold.id, hold.used, failure
            )

    def _event(self, kwargs: Mapping[str, Any], units: Units) -> Any:
        """A call that nothing was held for, as an event; None where nobody is named to pay."""
        params = kwargs.get("litellm_params") or {}
        key = (params.get("metadata") or {}).get("user_api_key_auth")
        customer = self._payer(key, {**params, **kwargs})
        if customer is None:
            return None
        return event(
            customer,
            self._name,
            units=units,
            property=self._property,
            id=f"litellm/{kwargs['litellm_call_id']}",
            metadata=_about(kwargs.get("model")),
        )

    def _payer(self, key: Any, data: Mapping[str, Any]) -> str | None:
        if callable(self._customer):
            return self._customer(key, data)
        found = {
            "end_user": getattr(key, "end_user_id", None) or data.get("user"),
            "user": getattr(key, "user_id", None),
            "team": getattr(key, "team_alias", None) or getattr(key, "team_id", None),
            "key": getattr(key, "key_alias", None) or getattr(key, "api_key", None),
        }[self._customer]
        return None if found is None else str(found)

    def _used(self, kwargs: Mapping[str, Any], response: Any) -> Units:
        usage = getattr(response, "usage", None)
        input_tokens = getattr(usage, "prompt_tokens", None) or getattr(usage, "input_tokens", 0)
        output = getattr(usage, "completion_tokens", None) or getattr(usage, "output_tokens", 0)
        cost = kwargs.get("response_cost")
        return self._units(kwargs.get("model"), input_tokens or 0, output or 0, cost)

    def _units(self, model: Any, input_tokens: int, output_tokens: int, cost: Any) -> Units:
        """Tokens, or what they cost: as LiteLLM has said, or by its price list."""
        if not self._by_cost:
            return input_tokens + output_tokens
        if cost is None:
            parts = litellm.cost_per_token(
                model=_routed(model), prompt_tokens=input_tokens, completion_tokens=output_tokens
            )
            cost = sum(parts)
        # LiteLLM reckons in floats.
        return Decimal(repr(cost)).quantize(EXACT_DIGITS)

    def _most(self, data: Mapping[str, Any], call_type: str) -> int:
        """The most tokens that may come out."""
        if "embedding" in call_type:
            return 0
        for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
            if data.get(name):
                return int(data[name]) * int(data.get("n") or 1)
        return self._max_output_tokens * int(data.get("n") or 1)

    def _marked(self, where: Mapping[str, Any]) -> str | None:
        for part in ("metadata", "litellm_metadata"):
            mark = (where.get(part) or {}).get(self.mark)
            if mark is not None:
                return str(mark)
        return None

    def _taken(self, where: Mapping[str, Any]) -> tuple[AsyncHold, int] | None:
        """The open hold of a call, for the caller to end; None once it has ended."""
        return self._open.pop(self._marked(where) or "", None)


ASYNC: Final = ("acompletion", "aembedding", "atext_completion", "aresponses")


def _about(model: Any) -> dict[str, str]:
    return {"model": str(model)[:500]} if model else {}


def _routed(model: Any) -> str:
    """The model that a name of the proxy stands for, for its price."""
    from litellm.proxy.proxy_server import llm_router

    for deployment in (llm_router.get_model_list(str(model)) or []) if llm_router else []:
        return str(deployment["litellm_params"]["model"])
    return str(model)


def _input_tokens(data: Mapping[str, Any]) -> int:
    """How many tokens a request has, as LiteLLM counts them."""
    model = str(data.get("model"))
    if data.get("messages"):
        system = data.get("system")
        return int(litellm.token_counter(model=model, messages=data["messages"])) + (
            int(litellm.token_counter(model=model, text=str(system))) if system else 0
        )
    given = data.get("input") or data.get("prompt") or ""
    return int(
        litellm.token_counter(model=model, text=given if isinstance(given, str) else str(given))
    )
