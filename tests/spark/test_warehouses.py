"""The window's expressions, as a hunt asks them, compile for the warehouses that may hold the narrow tables."""

from __future__ import annotations

from typing import Any

import pytest
from ibis.backends.duckdb import Backend
from ibis.backends.sql import compilers

from conftest import new_home, write_logs
from stillwatch.actors.book import open_book
from stillwatch.intake import take_in
from stillwatch.signals import extra_sums
from stillwatch.store import open_store


def listening(real: Any, heard: list[Any], place: int) -> Any:
    """A method that remembers one of its arguments."""

    def listen(self: Any, *args: Any, **more: Any) -> Any:
        heard.append(args[place])
        return real(self, *args, **more)

    return listen


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Every expression that a book is made of, the tables kept between them too."""
    folder = tmp_path_factory.mktemp("warehouse")
    home = new_home(folder / "home")
    take_in(home, [str(file) for file in write_logs(folder / "logs")], max_malformed_share=0.5)
    heard: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, place in (("to_pyarrow", 0), ("to_pyarrow_batches", 0), ("create_table", 1)):
            patch.setattr(Backend, name, listening(getattr(Backend, name), heard, place))
        window = open_store(home).window()
        open_book(window, extra_sums(), ())
        window.close()
    return heard


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "clickhouse", "databricks", "trino"])
def test_every_question_of_a_hunt_is_sql_there(asked: list[Any], dialect: str) -> None:
    compiler = getattr(compilers, dialect).compiler
    texts = [compiler.to_sqlglot(question.as_table().unbind()).sql(dialect=compiler.dialect) for question in asked]
    assert len(texts) >= 40
    assert all(text.startswith(("SELECT", "WITH")) for text in texts)
