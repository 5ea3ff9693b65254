import subprocess
import sys
from collections.abc import Callable

import pytest

from contracts.errors import Misconfigured
from providers.parsing.factory import create_parser
from runtime.settings import Settings

Make = Callable[..., Settings]


def test_a_key_chooses_llamaparse(settings_with: Make):
    parser = create_parser(settings_with(llamaparse_api_key="llx", environment="production"))
    assert not parser.is_local_twin
    assert parser.name.startswith("llamaparse ")


def test_one_machine_parses_locally(settings_with: Make):
    assert create_parser(settings_with()).is_local_twin


@pytest.mark.parametrize(
    "values", [{"environment": "production"}, {"upload_pipeline_mode": "production"}]
)
def test_production_wants_a_key(settings_with: Make, values: dict[str, str]):
    with pytest.raises(Misconfigured, match="LLAMAPARSE_API_KEY is missing"):
        create_parser(settings_with(**values))


def test_nothing_heavy_is_loaded_before_it_is_needed():
    script = (
        "import sys, providers.parsing.factory, providers.parsing.local\n"
        "print(sorted({'llama_parse', 'kreuzberg', 'pypdfium2'} & set(sys.modules)))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True)  # noqa: S603
    assert loaded.strip() == "[]"
