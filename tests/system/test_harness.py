# SPDX-License-Identifier: GPL-3.0-or-later
"""The first thing to fail when the harness itself is broken."""
from client import addresses, refused
from upstream import by_name


def test_one_question(postern, upstream):
    up = upstream()
    up.default = by_name
    server = postern(catalogues={"test": "[g]\nallow = *.example.com\n"}, upstream=up,
                     sections={"profile default": {"catalog": "test"}})
    assert addresses(server.client.ask("www.example.com"))[0].startswith("198.51.")
    assert refused(server.client.ask("www.example.net"))
    assert [question.name for question in up.asked()] == ["www.example.com"]
    assert addresses(server.client.ask("www.example.com", tcp=True))
