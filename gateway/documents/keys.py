"""Where blobs are kept."""

from datetime import date

from contracts.ids import DocumentId, TenantId, new_id

INCOMING = "incoming"


def original_key(tenant: TenantId, document: DocumentId, version: int) -> str:
    """Return the key of an uploaded file; its version lets a late delete spare a re-upload."""
    return f"{version_prefix(tenant, document, version)}original"


def version_prefix(tenant: TenantId, document: DocumentId, version: int) -> str:
    """Return what the keys of all blobs of one version begin with."""
    return f"{tenant}/{document}/{version}/"


def incoming_key(tenant: TenantId, day: date) -> str:
    """Return a new key for a file that is still arriving."""
    return f"{incoming_prefix(day)}{tenant}/{new_id()}"


def incoming_prefix(day: date) -> str:
    """Return what the keys of files that arrived on this day begin with."""
    return f"{INCOMING}/{day.isoformat()}/"
