"""Files that others wrote: read as what they mean, or refused with a sentence that says why."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aureon.core import exact
from aureon_cli.transfer import kinds, presets
from aureon_cli.transfer.batches import Cutter
from aureon_cli.transfer.field_map import FieldMap, MapError
from aureon_cli.transfer.forms import Kind, Reading
from aureon_cli.transfer.kinds import EventSource, Timestamps
from aureon_cli.transfer.presets import GrantError, System
from aureon_cli.transfer.sources import SourceError

EVENTS: Final = kinds.events(old_ids=False)
# What only Python would say.
PYTHON: Final = ("codec", "NoneType", "dict", "str", "int", "None", "0x", "Error", "b'", "\\x")


def read(
    content: bytes | str, kind: Kind | None = EVENTS, *, is_table: bool = False
) -> tuple[list[Any], dict[int, str]]:
    """What is sent for a file, and why some of it is refused."""
    data = content.encode() if isinstance(content, str) else content
    with ExitStack() as stack:
        lines, form = Reading(kind, is_table).open(stack, io.BytesIO(data))
        batches = list(iter(Cutter(lines, form, 100_000).next, None))
    refused = {number: why for batch in batches for number, why in batch.refused.items()}
    assert not [word for why in refused.values() for word in PYTHON if word in why.split()]
    sent = [
        exact.parse(line.text)
        for batch in batches
        for line in batch.lines
        if line.number not in refused
    ]
    return sent, refused


def mapped(text: str, **more: Any) -> Kind:
    return kinds.events(EventSource(FieldMap.parse(text), **more), old_ids=False)


ROWS: Final = [
    {"name": "usage", "external_customer_id": "ann", "metadata": {"units": 1, "note": "ä,;\t"}},
    {"name": "usage", "external_customer_id": "bob", "metadata": {"units": Decimal("2.50")}},
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "json"])
def test_marks_encodings_ends_of_lines_and_separators_do_not_matter(
    encoding: str, end: str, delimiter: str
) -> None:
    if delimiter == "json":
        lines = [exact.write(row).decode() for row in ROWS]
    else:
        cells = [
            ["name", "external_customer_id", "metadata.units", "metadata.note"],
            ["usage", " ann ", "1", '"ä,;\t"'],
            ["usage", "bob", "2.50", ""],
        ]
        lines = [delimiter.join(row) for row in cells]
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    content = (mark + end.join(lines)).encode(encoding)
    wanted = ROWS
    if delimiter != "json":  # cells are trimmed
        wanted = [{**ROWS[0], "metadata": {"units": 1, "note": "ä,;"}}, ROWS[1]]

    assert read(content, is_table=delimiter != "json") == (wanted, {})


PAGE: Final = {"events": ROWS, "meta": {"pages": 2, "items": 0}}


@pytest.mark.parametrize(
    "content",
    [
        exact.write(ROWS),
        b"\xef\xbb\xbf \n" + exact.write(ROWS),
        json.dumps(ROWS, default=float, indent=2),
        exact.write(PAGE),
        json.dumps(PAGE, default=float, indent=4).replace("\n", "\r\n"),
        json.dumps({"meta": {"count": 2}, "items": ROWS}, default=float),
        "\n".join(json.dumps(row, default=float, indent=2) for row in ROWS),
        exact.write({"events": ROWS[:1]}) + b"\n" + exact.write({"events": ROWS[1:]}),
        exact.write({"events": ROWS}).decode().encode("utf-16"),
    ],
)
def test_a_document_is_read_as_its_events(content: bytes | str) -> None:
    assert read(content) == (ROWS, {})
    sent, refused = read(content, None)
    assert ([event["metadata"]["units"] for event in sent], refused) == ([1, 2.5], {})


def test_numbers_of_a_document_stay_as_they_were_written() -> None:
    number = "123456789012345678.123456789012"
    ((event,), _) = read(f'[{{"name": "a", "customer_id": "c", "metadata": {{"n": {number}}}}}]')
    assert str(event["metadata"]["n"]) == number


@pytest.mark.parametrize(
    ("content", "is_table", "said"),
    [
        (b"\x1f\x8b\x08", True, "compressed with gzip; decompress it first."),
        (b"PK\x03\x04", True, "as Excel's workbooks are; save it as CSV."),
        (
            "name,customer_id".encode("utf-16-le"),
            True,
            "UTF-16 without its mark; save it as UTF-8.",
        ),
        (b"\xff\xfen\0a\0m", True, "begins as UTF-16, and is not all of it."),
        ("näme,customer_id".encode("latin-1"), True, "not UTF-8; save the file as CSV in UTF-8."),
        (b"name,customer_id\ra,b", True, "lines end with carriage returns alone"),
        (b"name,customer_id,Units", True, "Not taken: Units. Call it metadata.NAME"),
        (b'{"name": "a", "customer": null, "units": 3}', False, "Not taken: units."),
        (b'[{"name": "a"}, {"name"', False, "is no longer JSON after its first 1 values."),
        (b'{\n  "events": [nope', False, "is no longer JSON after its first 0 values."),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    content: bytes, is_table: bool, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(content, is_table=is_table)
    assert said in str(caught.value)


def test_lines_say_what_is_wrong_with_them_in_plain_words() -> None:
    table = b"name,customer_id,metadata\na,c,{\na,\xff,\na,c\na,c,{}\n"
    sent, refused = read(table, is_table=True)
    assert len(sent) == 1
    assert refused[2].startswith("The column metadata is not JSON: ")
    assert refused[3] == "This is not UTF-8; save the file as CSV in UTF-8."
    assert refused[4] == "There are 3 columns, and 2 cells."
    sent, refused = read(
        b'{"name":"a","customer_id":"c"}\n{"name":"a","metadata.units":3}\n[]\n"\xff"\n'
    )
    assert len(sent) == 1
    assert refused[2].startswith("Not taken: metadata.units. ")
    assert refused[3] == "The entry is not an object."
    assert refused[4].startswith("This is not JSON: ")


def test_what_is_not_taken_is_left_out_where_that_is_said() -> None:
    kind = kinds.events(old_ids=False, ignores_columns=True)
    sent, refused = read("name,customer_id,note\na,c,x\n", kind, is_table=True)
    assert (sent, refused) == ([{"name": "a", "customer_id": "c", "metadata": {}}], {})


CLOUD_EVENT: Final = {
    "specversion": "1.0",
    "type": "request",
    "subject": "ann",
    "source": "gateway",
    "id": "1",
    "time": "2026-01-31T10:00:00Z",
    "data": {"tokens": 12, "model": "gpt"},
}


def test_a_map_finds_fields_wherever_they_are() -> None:
    kind = mapped(
        "name=type,external_customer_id=subject,external_id=source+id,timestamp=time,"
        "units=data.tokens,model=data.model|'none',kind='cloud'",
        dropped=["specversion"],
    )
    wanted = {
        "name": "request",
        "external_customer_id": "ann",
        "external_id": "gateway:1",
        "timestamp": "2026-01-31T10:00:00Z",
        "metadata": {"units": 12, "model": "gpt", "kind": "cloud"},
    }
    table = (
        "type;subject;source;id;time;data\n"
        'request;ann;gateway;1;2026-01-31T10:00:00Z;"{""tokens"": 12, ""model"": ""gpt""}"\n'
    )

    assert read(json.dumps(CLOUD_EVENT), kind) == ([wanted], {})
    assert read(table, kind, is_table=True) == ([wanted], {})
    flat = table.replace("data\n", "data.tokens\n").replace(
        '"{""tokens"": 12, ""model"": ""gpt""}"', "12"
    )
    ((event,), _) = read(flat, kind, is_table=True)
    assert event["metadata"] == {"units": 12, "model": "none", "kind": "cloud"}


def test_a_field_of_a_map_that_is_empty_is_refused() -> None:
    """An event would count under no id, or now, where its column is called otherwise."""
    preset = FieldMap.parse("name=type,external_id=id,customer_id=subject")
    own = FieldMap.parse("external_id=source+uid,units=nothing", is_required=True)
    kind = kinds.events(EventSource(preset | own), old_ids=False, ignores_columns=True)

    assert read(json.dumps(CLOUD_EVENT), kind)[1] == {
        1: "external_id: There is nothing at source+uid."
    }


def test_what_a_map_does_not_name_is_refused() -> None:
    kind = mapped("name=type,customer_id=subject,units=data.tokens")
    with pytest.raises(
        SourceError, match=r"Not taken: specversion, source, id, time, data\.model\. Map"
    ):
        read(json.dumps(CLOUD_EVENT), kind)


PARTS: Final = st.tuples(st.text(":%3Aa", min_size=1), st.text(":%3Aa", min_size=1))


@example(("a:b", "c"), ("a", "b:c"))
@example(("a:", "b"), ("a%3A", "b"))
@given(PARTS, PARTS)
def test_ids_that_are_joined_are_as_different_as_their_parts(
    parts: tuple[str, str], others: tuple[str, str]
) -> None:
    joined = FieldMap.parse("external_id=a+b")
    ids = [joined.apply({"a": a, "b": b}, ())["external_id"] for a, b in (parts, others)]
    assert (ids[0] == ids[1]) == (parts == others)


@pytest.mark.parametrize(
    "text", ["", "name", "name=", "=type", "name=a,name=b", "name=a+", "x=a||b"]
)
def test_a_map_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MapError, match="--map"):
        FieldMap.parse(text)


@pytest.mark.parametrize(
    ("written", "value", "read_as"),
    [
        ("seconds", 1769853600, "2026-01-31T10:00:00.000000Z"),
        ("seconds", "1769853600.25", "2026-01-31T10:00:00.250000Z"),
        ("milliseconds", 1769853600123, "2026-01-31T10:00:00.123000Z"),
        ("seconds", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("utc", "2026-01-31 10:00:00.5", "2026-01-31T10:00:00.500000Z"),
        ("utc", "2026-01-31T10:00:00+01:00", "2026-01-31T10:00:00+01:00"),
        ("utc", "yesterday", "yesterday"),
    ],
)
def test_times_are_read_as_it_is_said(written: str, value: Any, read_as: str) -> None:
    kind = mapped("name=n,customer_id=c,timestamp=t", timestamps=Timestamps(written))
    ((event,), _) = read(json.dumps({"n": "a", "c": "b", "t": value}), kind)
    assert event["timestamp"] == read_as


def test_milliseconds_taken_for_seconds_are_refused() -> None:
    kind = mapped("name=n,customer_id=c,timestamp=t", timestamps=Timestamps.SECONDS)
    _, refused = read('{"n": "a", "c": "b", "t": 1769853600123}', kind)
    assert refused == {1: "timestamp: 1769853600123 seconds end beyond the year 9999."}


def test_metadata_is_read_as_numbers_where_that_is_said() -> None:
    kind = mapped("name=n,customer_id=c,metadata=m", numbers=["units"])
    lines = [{"n": "a", "c": "b", "m": {"units": units}} for units in ("12.50", " 5", "1,234.5")]
    sent, refused = read("\n".join(map(json.dumps, lines)), kind)
    assert [str(event["metadata"]["units"]) for event in sent] == ["12.50", "5"]
    assert refused == {3: "metadata.units: 1,234.5 is not a number."}


OPENAI_RESULT: Final = {
    "object": "organization.usage.completions.result",
    "input_tokens": 1000,
    "output_tokens": 500,
    "num_model_requests": 5,
    "project_id": "proj_1",
    "user_id": None,
    "api_key_id": None,
    "model": "gpt-5",
    "batch": False,
}
METER: Final = "5f2c0a4e-6c1f-4d57-9a3c-3f6f0d8a1b11"
POLAR_EVENT: Final = {
    "id": "e1",
    "name": "usage",
    "source": "user",
    "label": "usage",
    "timestamp": "2026-01-31T10:00:00Z",
    "organization_id": "o",
    "customer_id": "c",
    "customer": {"id": "c", "external_id": "ann"},
    "external_customer_id": None,
    "parent_id": "e0",
    "metadata": {"units": 3, "region": None},
}
POLAR_SYSTEM: Final = {**POLAR_EVENT, "source": "system", "customer_id": None}

# What each system writes, and what it means here.
WRITTEN: Final[dict[str, tuple[System, str, list[dict[str, Any]]]]] = {
    "openmeter": (
        System.OPENMETER,
        json.dumps([{"event": CLOUD_EVENT, "ingestedAt": "t", "storedAt": "t"}, CLOUD_EVENT]),
        [
            {
                "name": "request",
                "external_customer_id": "ann",
                "external_id": "gateway:1",
                "timestamp": "2026-01-31T10:00:00Z",
                "metadata": {"tokens": 12, "model": "gpt"},
            }
        ]
        * 2,
    ),
    "litellm.csv": (
        System.LITELLM,
        "request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,"
        "endTime,model,api_base,user,metadata,cache_hit,request_tags,team_id,end_user\n"
        "r1,acompletion,88dc,0.03862624999999999,30,10,20,2026-01-31 10:00:00.123,"
        '2026-01-31 10:00:01,gpt-5,,u1,"{""a"": 1}",False,[],,ann\n',
        [
            {
                "name": "llm",
                "external_customer_id": "ann",
                "external_id": "r1",
                "timestamp": "2026-01-31T10:00:00.123000Z",
                "metadata": {
                    "call_type": "acompletion",
                    "model": "gpt-5",
                    "spend": Decimal("0.03862624999999999"),
                    "prompt_tokens": 10,
                    "completion_tokens": 20,
                    "total_tokens": 30,
                    "cache_hit": "False",
                    "user": "u1",
                },
            }
        ],
    ),
    "stripe.csv": (
        System.STRIPE,
        "identifier,timestamp,event_name,payload_stripe_customer_id,payload_value,payload_region\n"
        "i1,1769853600,tokens,cus_1,25,eu\n",
        [
            {
                "name": "tokens",
                "external_customer_id": "cus_1",
                "external_id": "i1",
                "timestamp": "2026-01-31T10:00:00.000000Z",
                "metadata": {"value": 25, "region": "eu"},
            }
        ],
    ),
    "stripe": (
        System.STRIPE,
        json.dumps(
            {
                "object": "list",
                "data": [
                    {
                        "object": "billing.meter_event",
                        "created": 1769853601,
                        "event_name": "tokens",
                        "identifier": "i1",
                        "livemode": False,
                        "payload": {"stripe_customer_id": "cus_1", "value": "25"},
                        "timestamp": 1769853600,
                    }
                ],
            },
            indent=2,
        ),
        [
            {
                "name": "tokens",
                "external_customer_id": "cus_1",
                "external_id": "i1",
                "timestamp": "2026-01-31T10:00:00.000000Z",
                "metadata": {"value": 25},
            }
        ],
    ),
    "lago": (
        System.LAGO,
        json.dumps(
            {
                "events": [
                    {
                        "lago_id": "b7",
                        "transaction_id": "t1",
                        "lago_customer_id": None,
                        "code": "storage",
                        "timestamp": "2026-01-31T10:00:00.123Z",
                        "properties": {"gb": 10},
                        "lago_subscription_id": None,
                        "external_subscription_id": "sub_1",
                        "created_at": "2026-01-31T10:00:01Z",
                    },
                    {
                        "transaction_id": "t1",
                        "external_subscription_id": "sub_2",
                        "external_customer_id": "ann",
                        "code": "storage",
                        "timestamp": 1769853600,
                        "properties": {"gb": 2},
                    },
                ],
                "meta": {"current_page": 1},
            }
        ),
        [
            {
                "name": "storage",
                "external_customer_id": "sub_1",
                "external_id": "sub_1:t1",
                "timestamp": "2026-01-31T10:00:00.123Z",
                "metadata": {"gb": 10},
            },
            {
                "name": "storage",
                "external_customer_id": "ann",
                "external_id": "sub_2:t1",
                "timestamp": "2026-01-31T10:00:00.000000Z",
                "metadata": {"gb": 2},
            },
        ],
    ),
    "openai": (
        System.OPENAI,
        json.dumps(
            {
                "object": "page",
                "data": [
                    {
                        "object": "bucket",
                        "start_time": 1769853600,
                        "end_time": 1769940000,
                        "results": [OPENAI_RESULT, {**OPENAI_RESULT, "model": "gpt-4"}],
                    },
                    {"object": "bucket", "start_time": 1, "end_time": 2, "results": []},
                ],
                "has_more": False,
                "next_page": None,
            }
        ),
        [
            {
                "name": "openai",
                "external_customer_id": "proj_1",
                "external_id": "organization.usage.completions.result:1769853600:1769940000:"
                f"proj_1:::{model}::::",
                "timestamp": "2026-01-31T10:00:00.000000Z",
                "metadata": {
                    "input_tokens": 1000,
                    "output_tokens": 500,
                    "num_model_requests": 5,
                    "model": model,
                    "batch": False,
                },
            }
            for model in ("gpt-5", "gpt-4")
        ],
    ),
    "polar": (
        System.POLAR,
        json.dumps(
            {
                "items": [
                    POLAR_EVENT,
                    {**POLAR_SYSTEM, "id": "e2", "name": "customer.created", "metadata": None},
                    {
                        **POLAR_SYSTEM,
                        "id": "e3",
                        "name": "meter.credited",
                        "metadata": {"meter_id": METER, "units": 100, "rollover": False},
                    },
                ],
                "pagination": {"total_count": 3, "max_page": 1},
            }
        ),
        [
            {
                "name": name,
                "external_customer_id": "ann",
                "external_id": id_,
                "timestamp": "2026-01-31T10:00:00Z",
                "parent_id": "e0",
                "metadata": metadata,
            }
            for id_, name, metadata in (
                ("e1", "usage", {"units": 3}),
                ("e2", "customer.created", {}),
                ("e3", "usage", {"units": -100, "credited": True}),
            )
        ],
    ),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_what_other_systems_write_is_read_as_what_it_means(written: str) -> None:
    system, content, wanted = WRITTEN[written]
    kind = kinds.events(presets.event_source(system, [f"{METER}=usage:units"]), old_ids=False)
    sent, refused = read(content, kind, is_table=written.endswith(".csv"))
    assert (sent, refused) == (wanted, {})


@pytest.mark.parametrize(
    ("system", "value", "said"),
    [
        (System.OPENMETER, {"event": CLOUD_EVENT, "validationError": "no"}, "did not count it: no"),
        (
            System.POLAR,
            {**POLAR_SYSTEM, "name": "meter.reset"},
            "A reset of a meter is not an event",
        ),
        (
            System.POLAR,
            {**POLAR_SYSTEM, "name": "meter.credited", "metadata": {"meter_id": "m", "units": 1}},
            "--grants m=NAME:PROPERTY",
        ),
        (
            System.POLAR,
            {**POLAR_SYSTEM, "name": "meter.credited", "metadata": {"meter_id": METER}},
            "metadata.units: This is not a number.",
        ),
    ],
)
def test_what_does_not_mean_an_event_is_reported(
    system: System, value: dict[str, Any], said: str
) -> None:
    kind = kinds.events(presets.event_source(system, [f"{METER}=usage:units"]), old_ids=False)
    sent, refused = read(json.dumps(value), kind)
    assert sent == []
    assert said in refused[1]


def test_a_grant_that_names_no_meter_is_refused() -> None:
    with pytest.raises(GrantError, match="METER_ID=NAME:PROPERTY"):
        presets.event_source(System.POLAR, ["m=usage"])
