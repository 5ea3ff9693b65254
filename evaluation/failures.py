"""How an evaluation fails; each message is a sentence that a person can act on.

EvaluationFailed
├── UnusableDataset    a file of the data set is not as its layout says
├── MissingDocuments   documents of the data set are not in the knowledge base
└── Incomparable       two evaluations did not measure the same
"""


class EvaluationFailed(Exception):
    """An evaluation cannot go on."""


class UnusableDataset(EvaluationFailed):
    """A data set cannot be read; the message names the file, the line and what is wrong."""


class MissingDocuments(EvaluationFailed):
    """Documents that questions are about are not where they are searched."""


class Incomparable(EvaluationFailed):
    """Two evaluations cannot be compared: they differ in more than their results."""
