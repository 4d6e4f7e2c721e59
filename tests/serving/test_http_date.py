"""Dates of headers, against the standard library's own."""

from email.utils import formatdate

import pytest

from modelberth_server.http.date import http_date


def test_the_example_of_the_standard() -> None:
    """RFC 9110, 5.6.7."""
    assert http_date(784111777) == b"Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize("start", [0, 951782400, 1709164800, 4102444799])
def test_every_day_and_month_is_as_the_mail_library_writes_it(start: int) -> None:
    """Over a year and a day from each start, leap days among them."""
    moments = [start + 86_401 * day for day in range(367)]
    assert [http_date(moment).decode() for moment in moments] == [
        formatdate(moment, usegmt=True) for moment in moments
    ]
