"""The gallery as a page for people."""

import base64
import hashlib
from html import escape
from http import HTTPStatus

from sandbox import images
from sandbox.gallery import source_faults, upload_faults
from sandbox.http_message import Response

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2433;--dim:#5b6475;--paper:#f7f5f0;--card:#fff;
--line:#ddd8cc;--warn:#b3471d}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--dim:#a5abb8;--paper:#171a21;--card:#20242e;
--line:#353b48;--warn:#ff9d6c}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:2rem 1.5rem 4rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:clamp(3rem,9vw,5.5rem);line-height:1;letter-spacing:.06em;color:var(--warn)}
h2{margin:2.5rem 0 .75rem;font-size:1.25rem}
p{margin:.5rem 0;max-width:46rem}
code,td:first-child{font-family:ui-monospace,monospace;font-size:.875rem}
a{color:inherit;text-underline-offset:.2em}
ul{list-style:none;margin:0;padding:0;display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(13rem,1fr))}
li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;overflow:hidden}
li div{height:9rem;display:grid;place-items:center;border-bottom:1px solid var(--line);
color:var(--dim);font-size:.875rem}
li img{max-width:100%;max-height:9rem}
li a{display:block;padding:.5rem .75rem;font-family:ui-monospace,monospace;font-size:.875rem}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line)}
td{padding:.35rem .75rem;border-top:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
tr:first-child td{border-top:0}
td:first-child{width:48%}
td:last-child{color:var(--dim)}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; img-src 'self'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_NOT_SHOWN = frozenset({"scan.tiff", "picture.avif", "picture.heic"})  # by most browsers


def page(base: str) -> Response:
    """The page; `base` is where the reader reached the sandbox."""
    here = escape(base)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>SANDBOX - not the real Imgur</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="/images/small.png">
<style>{_STYLE}</style></head><body>
<h1>SANDBOX</h1>
<p><strong>This is not Imgur.</strong> It stands in for Imgur and for the sites that images come
from. What is uploaded here stays in the memory of this machine and is gone after a restart.</p>
<p>Everything below as JSON: <a href="/images">/images</a>. What was uploaded so far:
<a href="/sandbox/uploads">/sandbox/uploads</a>.</p>
<h2>Images that Imgur takes</h2>
<ul>{_cards(images.ACCEPTED_NAMES)}</ul>
<p>As many different ones as you like: <code>{here}/images/numbered/17.png</code>, also
<code>.jpg</code> and <code>.gif</code>; <code>?bytes=68000</code> makes it that large.</p>
<h2>Images of types that Imgur refuses</h2>
<ul>{_cards(images.REFUSED_NAMES)}</ul>
<h2>Sources that fail</h2>
<p>A fault may stand before any path here, or be named in a header:
<code>X-Sandbox-Fault: latency/500</code>.</p>
<table>{_rows(source_faults())}</table>
<h2>Images whose upload fails</h2>
<p>A number behind the name says how long (<code>429-object-5</code>: seconds,
<code>latency-200</code>: milliseconds), <code>~2</code> that only the first two uploads meet the
fault. For different images with the same fault write <code>503~1/any-key.png</code>. As the address
of the API, <code>{here}/faults/imgur/503</code> makes every upload fail so.</p>
<table>{_rows(upload_faults())}</table>
</body></html>
"""
    return Response(HTTPStatus.OK, text.encode(), "text/html; charset=utf-8", _HEADERS)


def _cards(names: tuple[str, ...]) -> str:
    return "".join(_card(name) for name in names)


def _card(name: str) -> str:
    view = f'<img src="/images/{name}" alt="" loading="lazy">'
    if name in _NOT_SHOWN:
        view = "browsers do not show it"
    return f'<li><div>{view}</div><a href="/images/{name}">{name}</a></li>'


def _rows(faults: list[tuple[str, str]]) -> str:
    rows = [
        f'<tr><td><a href="{escape(path)}">{escape(path)}</a></td><td>{escape(effect)}</td></tr>'
        for path, effect in faults
    ]
    return "".join(rows)
