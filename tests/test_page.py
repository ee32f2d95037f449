"""Pages that ask for nothing and in which all text is text."""

import base64
import hashlib
import re

from auffusion.page import data_uri, inert, page, safe

HOSTILE = (
    '"><script>alert(1)</script><img src="https://example.org/x" onerror=\'alert(2)\'>\x00\u202e'
)


def policy(text):
    return re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]


def test_hostile_text_stays_text():
    whole = page(HOSTILE, f"<p>{safe(HOSTILE)}</p>", heading=HOSTILE)
    assert "<script" not in whole
    assert "<img" not in whole
    assert "\x00" not in whole
    assert "\u202e" not in whole
    assert "&lt;script&gt;" in whole


def test_nothing_may_be_loaded_unless_it_lies_within():
    assert policy(page("a", "b")) == "default-src 'none'; style-src 'unsafe-inline'"
    within = page("a", f'<img src="{data_uri("image/png", b"x")}">')
    assert "img-src data:" in policy(within)
    assert "media-src data:" in policy(within)
    assert "script-src" not in policy(within)


def test_a_text_cannot_open_the_policy():
    quoted = inert('src="data:')
    assert policy(page("a", quoted)) == "default-src 'none'; style-src 'unsafe-inline'"


def test_only_the_pages_own_script_may_run():
    script = 'document.title = "heard";'
    whole = page("a", "b", script=script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy(whole)
    assert f"<script>{script}</script>" in whole


def test_long_text_is_cut():
    assert len(inert("a" * 5000)) < 300
