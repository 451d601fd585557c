"""A chat that is paid for with credits: hold, stream, and capture what was used.

Run it against the local service: AUREON_URL=… AUREON_ACCESS_TOKEN=… uvicorn fastapi_chat:app
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

from aureon_client import AsyncClient, InsufficientCredits
from aureon_client.models import estimate_tokens, metered

MODEL = "gpt-4o-mini"
MAX_TOKENS = int(os.environ.get("MAX_TOKENS", "500"))

app = FastAPI()
openai = AsyncOpenAI()
aureon = AsyncClient()


@app.post("/chat")
async def chat(user: str, prompt: str) -> StreamingResponse:
    async def answer() -> AsyncIterator[str]:
        async with aureon.hold(user, "tokens", units=asked + MAX_TOKENS) as hold:
            yield ""  # The credits are held: a customer with too few gets 402.
            stream = await openai.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": prompt}],
                max_tokens=MAX_TOKENS,
                stream=True,
                stream_options={"include_usage": True},
            )
            async with metered(hold, stream, input_tokens=asked) as chunks:
                async for chunk in chunks:
                    for choice in chunk.choices:
                        yield choice.delta.content or ""

    asked = estimate_tokens(prompt)
    text = answer()
    try:
        await anext(text)
    except InsufficientCredits as refused:
        raise HTTPException(402, f"{refused.available_credits} tokens are left") from refused
    return StreamingResponse(text, media_type="text/plain")
