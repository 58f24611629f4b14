"""The frame of each HTML report: one self-contained file without scripts."""

import base64
import hashlib
from html import escape
from importlib.resources import files


def html_page(title: str, body: str) -> str:
    """Return the page with a body. `body` is HTML; `title` is plain text, which this function escapes."""
    style = files("director.reports").joinpath("page.css").read_text(encoding="utf-8")
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"""<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{hashed}'">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""
