"""What can be done in one transaction: as one tenant, or as the system."""

from runtime.postgres import Connection
from store.accounts import Accounts
from store.api_keys import ApiKeys
from store.builds import Builds
from store.chunks import Chunks
from store.conversations import Conversations
from store.dead_letters import DeadLetters
from store.documents import Documents
from store.dropping import Dropping
from store.embeddings import EmbeddingCache
from store.generations import Generations
from store.housekeeping import Housekeeping
from store.idempotency import IdempotencyKeys
from store.jobs import Jobs
from store.ledger import Ledger
from store.memory import Memories
from store.outbox import Outbox
from store.parse_jobs import ParseJobs
from store.parts import DocumentParts
from store.rebuilding import Rebuilding
from store.reconciling import Reconciling, StalledJobs
from store.relay import Relay
from store.replays import Replays
from store.reprocessing import Reprocessing
from store.turns import Turns
from store.usage import UsageBook
from store.users import TenantUsers
from store.watch import Watch
from store.worker_reports import WorkerReports


class Transaction:
    """One tenant's rows; no statement can see or write another tenant's."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.generations = Generations(connection)
        self.embeddings = EmbeddingCache(connection)
        self.chunks = Chunks(connection, self.generations, self.embeddings)
        self.documents = Documents(connection, self.chunks, self.generations)
        self.dropping = Dropping(connection, self.generations)
        self.reprocessing = Reprocessing(connection)
        self.rebuilding = Rebuilding(connection, self.generations)
        self.jobs = Jobs(connection)
        self.stalled_jobs = StalledJobs(connection)
        self.parts = DocumentParts(connection)
        self.ledger = Ledger(connection)
        self.parse_jobs = ParseJobs(connection)
        self.outbox = Outbox(connection)
        self.conversations = Conversations(connection)
        self.turns = Turns(connection)
        self.memories = Memories(connection)
        self.usage = UsageBook(connection)
        self.users = TenantUsers(connection)
        self.api_keys = ApiKeys(connection)
        self.idempotency = IdempotencyKeys(connection)


class SystemTransaction:
    """What belongs to no tenant, or to all of them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.accounts = Accounts(connection)
        self.generations = Generations(connection)
        self.builds = Builds(connection)
        self.replays = Replays(connection)
        self.relay = Relay(connection)
        self.watch = Watch(connection)
        self.housekeeping = Housekeeping(connection)
        self.dead_letters = DeadLetters(connection)
        self.reconciling = Reconciling(connection)
        self.worker_reports = WorkerReports(connection)
