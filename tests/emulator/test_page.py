"""The page for a person."""

from html.parser import HTMLParser

from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2


class Outline(HTMLParser):
    """Collects tags and text, so that a test can see what a browser would."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def page(api, target="/"):
    status, headers, html = api.exchange("GET", target)
    assert (status, headers.get_content_type()) == (200, "text/html")
    return Outline(html)


def test_empty_page(api):
    """Without audiences the page says so."""
    assert "No audience yet." in page(api).text


def test_page_shows_audiences_and_requests(api):
    """Name, id, owner, type, sizes, sharing, history and the last requests are there."""
    segment = api.segment("Spring buyers")
    api.map(segment, "a", "b", advertiser_ids=[ADVERTISER_ID, ADVERTISER_ID_2])
    text = page(api).text
    for shown in (
        "Spring buyers",
        segment,
        f"Larkspur Outfitters US ({ADVERTISER_ID})",
        f"Larkspur Outfitters CA ({ADVERTISER_ID_2})",
        "Partner",
        "EMAIL_SHA256 2",
        "not valid",
        "cover_num",
        "create",
        "add",
        "/open_api/v1.3/segment/mapping/",
    ):
        assert shown in text


def test_names_are_escaped(api):
    """A name is text, whatever is in it."""
    name = "<script>alert(1)</script>\"'&amp;"
    api.segment(name)
    outline = page(api)
    assert name in outline.text
    assert "script" not in outline.tags


def test_paths_of_requests_are_escaped(api):
    """So is the path of a request."""
    api.exchange("GET", "/%3Cscript%3E")
    outline = page(api)
    assert "<script>" in outline.text
    assert "script" not in outline.tags


def test_chart_of_sizes(api):
    """After a mapping there is a chart."""
    segment = api.segment()
    assert "svg" not in page(api).tags
    api.map(segment, "a")
    assert "polyline" in page(api).tags


def test_chart_stays_small(api):
    """Hundreds of mappings do not make the page long."""
    segment = api.segment()
    for number in range(300):
        api.map(segment, str(number))
    assert len(api.exchange("GET", "/")[2]) < 60_000


def test_refresh_is_a_choice(api):
    """The page refreshes itself only when asked to."""
    assert 'http-equiv="refresh"' not in api.exchange("GET", "/")[2]
    assert 'http-equiv="refresh"' in api.exchange("GET", "/?refresh=1")[2]


def test_no_external_assets(api):
    """Everything the page needs is in it."""
    api.segment()
    assert all(address.startswith("/") for address in page(api).addresses)


def test_malformed_ids_are_shown(api):
    """Ids that can never match are counted on the page."""
    segment = api.segment()
    api.map(segment, "x", batch_data=[[{"id": "plain", "audience_ids": [segment]}]])
    assert "malformed 1" in page(api).text
