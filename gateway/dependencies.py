"""How a handler asks for a collaborator: by the parameter's name, `store: Given[Store]`.

`gateway.app` provides what ``PROVIDED`` names.
"""

from typing import Annotated, TypeAlias, TypeVar

from litestar.di import Dependency
from litestar.params import SkipValidationMarker

T = TypeVar("T")

#: Everything that a handler can ask for.
PROVIDED = (
    "settings",
    "clock",
    "store",
    "blobs",
    "embedding",
    "kafka",
    "delta_hub",
    "streams",
    "providers",
    "limits",
    "authentication",
    "passwords",
    "accounts",
    "uploads",
    "job_watch",
    "health",
    "redriver",
    "builder",
    "replay_desk",
    "reprocessor",
    "principal",
)

#: A collaborator of this type, as `gateway.app` provides it under the parameter's name.
Given: TypeAlias = Annotated[T, SkipValidationMarker(), Dependency(kind="named")]
