"""Every controller of the gateway, once."""

from collections.abc import Sequence

from litestar import Controller

from gateway.auth.controller import ApiKeysController, UsersController
from gateway.documents.controller import DocumentsController, UploadController
from gateway.documents.jobs_controller import JobsController
from gateway.health import HealthController

CONTROLLERS: Sequence[type[Controller]] = (
    UsersController,
    ApiKeysController,
    UploadController,
    DocumentsController,
    JobsController,
    HealthController,
)
