"""Every controller of the gateway, once."""

from collections.abc import Sequence

from litestar import Controller

from gateway.agents.controller import AgentsController
from gateway.auth.controller import ApiKeysController, UsersController
from gateway.conversations.controller import ChatController
from gateway.conversations.history import ConversationsController
from gateway.dead_letters.controller import DeadLettersController
from gateway.documents.controller import DocumentsController, UploadController
from gateway.documents.jobs_controller import JobsController
from gateway.documents.reprocess_controller import ReprocessController
from gateway.generations.controller import GenerationsController
from gateway.health import HealthController
from gateway.replays.controller import ReplaysController
from gateway.search.controller import SearchController
from gateway.usage.controller import UsageController

CONTROLLERS: Sequence[type[Controller]] = (
    UsersController,
    ApiKeysController,
    UploadController,
    DocumentsController,
    JobsController,
    ReprocessController,
    SearchController,
    ChatController,
    ConversationsController,
    AgentsController,
    UsageController,
    DeadLettersController,
    GenerationsController,
    ReplaysController,
    HealthController,
)
