"""Inputs that were made to hurt: near to what is right, and far from it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

# Separators of keys and paths, headers that end early, look-alikes, and what is not a character.
_FRAGMENTS: Final = (
    *("#", "%23", "%2523", "/", "//", "..", "../", "%2e%2e%2f", "..\\", "?", "&", "=", "\x00"),
    *("\r\nSet-Cookie: a=b", "\n", "\t", " ", "\u200b", "\u202e", "\ufeff", "\u2028", "\ufffe"),
    *("a", "\u0430", "\uff41", "\u00e9", "e\u0301", "\u212a", "\u0131", "\U0001f600", "\ud7ff"),
    *("__proto__", "constructor", "METER#", "CUSTOMER", "PAGE", "k-", "{id}", "${x}", "<script>"),
    *("0", "-1", "9" * 40, "1e400", "NaN", "Infinity", "true", "null", "[]", "{}"),
    *("2026-11-24T01:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"),
)
texts: Final = st.one_of(
    st.sampled_from(_FRAGMENTS),
    st.lists(st.sampled_from(_FRAGMENTS), max_size=4).map("".join),
    st.text(max_size=20),
    st.sampled_from(["x" * 129, "x" * 257, "\U0001f600" * 600]),
)
numbers: Final = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([10**15, 10**18, -(10**18), 2**63, 2**64, 10**40, 10**4000]),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.sampled_from([Decimal("1E-9"), Decimal("1E-10"), Decimal("1E+400"), Decimal("-0.0")]),
)
scalars: Final = st.one_of(st.none(), st.booleans(), numbers, texts)
values: Final = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

_CLAUSE: Final = st.fixed_dictionaries(
    {
        "property": st.sampled_from(["name", "source", "timestamp", "units", "metadata.a.b"])
        | texts,
        "operator": st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"])
        | texts,
        "value": scalars,
    }
)
filters: Final = st.recursive(
    st.fixed_dictionaries(
        {
            "conjunction": st.sampled_from(["and", "or"]) | scalars,
            "clauses": st.lists(_CLAUSE | values, max_size=3),
        }
    ),
    lambda inner: st.fixed_dictionaries(
        {"conjunction": st.sampled_from(["and", "or"]), "clauses": st.lists(inner, max_size=3)}
    ),
    max_leaves=6,
)
metadata: Final = (
    st.dictionaries(texts | st.sampled_from(["units", "_cost", "_llm"]), scalars, max_size=5)
    | values
)

# What stands where in the bodies that there are; each may be absent, or anything.
_FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "name": st.just("api_usage") | values,
    "email": st.just("user@example.com") | values,
    "customer_id": texts | values,
    "external_customer_id": texts | values,
    "externalCustomerId": texts | values,
    "external_id": texts | values,
    "timestamp": texts | values,
    "metadata": metadata,
    "limit": numbers | values,
    "expires_in_seconds": st.integers(-1, 90_000) | values,
    "filter": filters | values,
    "aggregation": st.fixed_dictionaries(
        {"func": st.sampled_from(["sum", "count", "avg", "max", "min", "unique"])},
        optional={"property": texts},
    )
    | values,
    "unit": texts | values,
    "is_archived": scalars,
    "scopes": st.lists(texts, max_size=3) | values,
    "expires_at": texts | values,
    "comment": texts,
    "billing_address": st.dictionaries(texts | st.just("country"), texts, max_size=3) | values,
    "batch_ids": values,
}
objects: Final = st.fixed_dictionaries({}, optional=_FIELDS)
bodies: Final = st.one_of(
    objects,
    st.fixed_dictionaries({"events": st.lists(objects, max_size=3) | values}),
    values,
)


def _bomb(levels: int) -> bytes:
    return b'{"filter":' * levels + b"1" + b"}" * levels


_BOMBS: Final = (
    *(_bomb(10), _bomb(500), _bomb(20_000), b"[" * 30_000, b"[" * 500 + b"]" * 500),
    *(b'{"a":' + b"9" * 20_000 + b"}", b'{"a":1e' + b"9" * 50 + b"}", b'"\\ud800"', b"\xff\xfe"),
    *(b'{"a":1,"a":2}', b"NaN", b"-", b"", b"\x00", b"\xef\xbb\xbf{}", b"{" + b'"a":1,' * 5_000),
)


def _written(value: Any) -> bytes:
    return json.dumps(value, default=float, ensure_ascii=False).encode(errors="surrogatepass")


# As they come over the wire: some whole, some cut off, some with a byte that is another.
contents: Final = st.one_of(
    bodies.map(_written),
    st.sampled_from(_BOMBS),
    st.binary(max_size=60),
    st.tuples(bodies.map(_written), st.integers(0, 80), st.binary(max_size=2)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :]
    ),
)
