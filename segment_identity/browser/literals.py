"""Values as JavaScript in a page."""

import json
from collections.abc import Mapping
from typing import Any, Final

# Of JSON in ASCII only these could end the script around it, or be read as HTML.
_ESCAPED: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def literal(value: Mapping[str, Any]) -> str:
    """Return a JSON value as JavaScript in ASCII, harmless in any page of any charset."""
    return json.dumps(value, separators=(",", ":")).translate(_ESCAPED)
