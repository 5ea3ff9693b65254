"""``ragline eval``: how well the questions of a data set find what answers them."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import fail
from cli.measuring.work import Plan, measure
from cli.running import WRONG_USAGE, read_settings, run
from cli.target import EmailOption, KeyOption, PasswordOption, UrlOption, choose_target
from evaluation import Leg, Options, Split


def evaluate_dataset(  # noqa: PLR0913 - a parameter for each option
    dataset: Annotated[
        Path,
        typer.Argument(
            help="A folder in BEIR's layout, a folder with questions.csv, or a CSV of questions.",
            exists=True,
        ),
    ],
    *,
    qrels: Annotated[
        str | None, typer.Option(help="Which relevances of BEIR's layout; default test.")
    ] = None,
    knowledge_base: Annotated[
        str | None,
        typer.Option(help="Search here; default a knowledge base of the data set's own."),
    ] = None,
    ingest: Annotated[
        bool, typer.Option(help="Upload documents that are not there, or only ask.")
    ] = True,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the data set's documents afterwards.")
    ] = False,
    split: Annotated[Split, typer.Option(help="Which half of the questions.")] = Split.all,
    leg: Annotated[list[Leg] | None, typer.Option(help="Only this leg; may be repeated.")] = None,
    shipped: Annotated[
        bool,
        typer.Option("--shipped", help="Only as it is shipped: with threshold and neighbours."),
    ] = False,
    chunks: Annotated[int, typer.Option(help="Most chunks of context.", min=1, max=50)] = 5,
    context_characters: Annotated[
        int, typer.Option(help="Characters of context that count, for a question.", min=1)
    ] = 6_000,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Least cosine similarity of context; default the server's.", min=-1, max=1
        ),
    ] = None,
    neighbours: Annotated[
        int | None,
        typer.Option(help="Chunks around each that are read with it; default the server's.", min=0),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(help="Questions at the same time.", min=1, max=64)
    ] = 4,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Save the results here.", dir_okay=False, metavar="FILE"),
    ] = None,
    compare_with: Annotated[
        Path | None,
        typer.Option("--compare", help="Show what changed since this was saved.", metavar="FILE"),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(help="How far recall may fall before the status is 1.", min=0, max=1),
    ] = 0.01,
    url: UrlOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    api_key: KeyOption = None,
) -> None:
    """Measure how well questions find what answers them.

    The documents are ingested as `ragline ingest` does, each question is asked in every way, and
    recall, precision, IoU, nDCG@10, MRR@10 and times are printed. The status is 1 when --compare
    finds that recall fell.
    """
    if delete and knowledge_base is not None:
        fail("--delete is for a knowledge base of the data set's own, not one named.", WRONG_USAGE)
    if json_file is not None and not json_file.resolve().parent.is_dir():
        fail(f"There is no folder {json_file.parent} to save the results in.", WRONG_USAGE)
    settings = read_settings()
    target = choose_target(
        settings, url=url, email=email, password_stdin=password_stdin, api_key=api_key
    )
    plan = Plan(
        dataset=dataset,
        qrels=qrels,
        default_knowledge_base=settings.knowledge_base,
        ingest=ingest,
        delete=delete,
        split=split,
        options=Options(
            knowledge_base=knowledge_base,
            legs=tuple(leg or Leg),
            only_shipped=shipped,
            chunks=chunks,
            context_characters=context_characters,
            threshold=threshold,
            neighbours=neighbours,
            concurrency=concurrency,
        ),
        json_file=json_file,
        compare_with=compare_with,
        tolerance=tolerance,
    )
    run(measure(target, plan))
