"""Delete, upload again and redrive in every order, in the running product."""

from tests.chaos import orders
from tests.chaos.product import Product
from tests.fixtures.stack import Running


def test_in_whatever_order_no_document_comes_back_and_none_is_lost(running: Running) -> None:
    product = Product(
        running.url, running.settings, running.stack, running.servers, running.stack.watching
    )
    size = orders.Size(rounds=2, seed=1, longest_pause=5.0)
    report = running.do(orders.shuffle(product, running.access, size))
    assert report.status == 0, report.text()
