"""The calls that every SDK makes, and their arguments in Python."""

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

CALLS: Final[list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("calls.json").read_text("utf-8")
)
_NAMES: Final = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
}


def arguments(call: dict[str, Any]) -> dict[str, Any]:
    """Return a call as Python arguments; a copy, as segment-analytics-python writes into them."""
    given = {_NAMES.get(key, key): copy.deepcopy(value) for key, value in call.items()}
    del given["type"]
    if "timestamp" in given:
        given["timestamp"] = datetime.fromisoformat(given["timestamp"])
    return given
