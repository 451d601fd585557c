"""OpenAI and Anthropic on this machine: answers in the shapes in which theirs come."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

INPUT_TOKENS = 11
# Four characters each: what is estimated of them is what is said of them.
WORDS = ["one ", "two ", "six ", "ten "]
OUTPUT_TOKENS = len(WORDS)
TOTAL_TOKENS = INPUT_TOKENS + OUTPUT_TOKENS
CACHED_TOKENS = 5


@dataclass
class Provider:
    """Where it is. Until `may_end` is set, streams stop before their last word."""

    url: str
    may_end: threading.Event = field(default_factory=threading.Event)


def openai_chat(streamed: bool, with_usage: bool) -> Iterator[dict[str, Any]]:
    usage = {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": TOTAL_TOKENS,
    }
    about: dict[str, Any] = {"id": "chatcmpl-1", "created": 1_790_000_000, "model": "gpt-4o-mini"}
    if not streamed:
        message = {"role": "assistant", "content": "".join(WORDS), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        yield {**about, "object": "chat.completion", "choices": [choice], "usage": usage}
        return
    about["object"] = "chat.completion.chunk"
    for delta in [{"role": "assistant", "content": ""}, *({"content": word} for word in WORDS), {}]:
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        yield {**about, "choices": [choice], "usage": None}
    if with_usage:
        yield {**about, "choices": [], "usage": usage}


def openai_response(streamed: bool) -> Iterator[dict[str, Any]]:
    text = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    done = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": "gpt-4o-mini",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [text],
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": TOTAL_TOKENS,
        },
    }
    if not streamed:
        yield done
        return
    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "sequence_number": 0, "response": begun}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    for number, word in enumerate(WORDS, 1):
        event = {"type": "response.output_text.delta", "delta": word, "logprobs": [], **place}
        yield {**event, "sequence_number": number}
    yield {"type": "response.completed", "sequence_number": 9, "response": done}


def anthropic_message(streamed: bool) -> Iterator[dict[str, Any]]:
    usage = {
        "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
    }
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-3-5-haiku-latest",
        "content": [{"type": "text", "text": "".join(WORDS)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    if not streamed:
        yield message
        return
    begun = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    block = {"type": "text", "text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for word in WORDS:
        delta = {"type": "text_delta", "text": word}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": OUTPUT_TOKENS}}
    yield {"type": "message_stop"}


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        streamed = asked.get("stream", False)
        if "fail" in json.dumps(asked):
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"error": {"message": "No.", "type": "invalid_request_error"}}')
            return
        if self.path.endswith("/chat/completions"):
            options = asked.get("stream_options") or {}
            parts = openai_chat(streamed, options.get("include_usage", False))
        elif self.path.endswith("/responses"):
            parts = openai_response(streamed)
        else:
            parts = anthropic_message(streamed)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if streamed else "application/json")
        self.end_headers()
        with suppress(OSError):
            for part in parts:
                self.write(part, streamed)
            if streamed:
                self.wfile.write(b"data: [DONE]\n\n")

    def write(self, part: dict[str, Any], streamed: bool) -> None:
        text = json.dumps(part)
        if not streamed:
            self.wfile.write(text.encode())
            return
        if WORDS[-1] in text:
            self.provider.may_end.wait()
        name = f"event: {part['type']}\n" if "type" in part else ""
        self.wfile.write(f"{name}data: {text}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Provider]:
    class Bound(Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    provider.may_end.set()
    Bound.provider = provider
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield provider
    finally:
        provider.may_end.set()
        server.shutdown()
        server.server_close()
