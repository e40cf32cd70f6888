"""The AsyncAPI document is whole: every channel leads to a message with one of our schemas."""

from __future__ import annotations

import json
from typing import Any

from kaga_edge import contract


def resolved(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_topic_of_the_contract_is_a_channel_and_no_other() -> None:
    channels = contract.asyncapi()["channels"].values()
    leaves = {channel["address"].removeprefix("kaga/edge/v1/{gw}/") for channel in channels}
    assert leaves == {*contract.SCHEMA_OF_LEAF, "up/catalog/{k}"}


def test_every_channel_s_message_carries_the_schema_of_its_topic() -> None:
    document = contract.asyncapi()
    for channel in document["channels"].values():
        (reference,) = (message["$ref"] for message in channel["messages"].values())
        name = contract.schema_name(channel["address"].replace("{k}", "a1b2c3d4"))
        assert name is not None
        assert resolved(document, reference)["payload"]["schema"] == contract.schema(name)


def test_a_gateway_sends_only_up_and_receives_only_down() -> None:
    document = contract.asyncapi()
    for operation in document["operations"].values():
        address = resolved(document, operation["channel"]["$ref"])["address"]
        assert operation["action"] == ("receive" if "/dn/" in address else "send")
    assert len(document["operations"]) == len(document["channels"])


def test_the_document_is_plain_json_of_version_3() -> None:
    document = contract.asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert json.loads(json.dumps(document)) == document


def test_a_topic_outside_the_contract_has_no_schema() -> None:
    for topic in ("kaga/edge/v1/gw-1/up/unheard", "kaga/edge/v1/gw-1", "up/data/more", "", "dn/cmd/x"):
        assert contract.schema_name(topic) is None
