"""The few pieces of HTML that the report is made of; all text is escaped here."""

import base64
from html import escape

STYLE = """
:root { --ink: #22262a; --soft: #6b7279; --rule: #dfe2e4; --paper: #fcfcfa; --accent: #2f6f8f }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif }
main, nav { max-width: 1080px; margin: 0 auto; padding: 0 24px }
nav { position: sticky; top: 0; display: flex; flex-wrap: wrap; gap: 4px 22px; padding-top: 12px; padding-bottom: 12px;
  background: var(--paper); border-bottom: 1px solid var(--rule); font-size: 14px; z-index: 1 }
nav a { color: var(--accent); text-decoration: none }
nav a:hover { text-decoration: underline }
h1 { font-size: 34px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; margin: 40px 0 4px }
h2 { font-size: 24px; font-weight: 620; margin: 64px 0 12px; scroll-margin-top: 60px }
h3 { font-size: 15px; font-weight: 620; margin: 32px 0 8px }
p { max-width: 46em; margin: 0 0 14px }
.soft, figcaption { color: var(--soft); font-size: 14px }
.warning { border-left: 3px solid #c8643c; padding-left: 12px }
.wide { overflow-x: auto; margin: 14px 0 8px }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums }
th { text-align: right; font-weight: 600; padding: 6px 12px; border-bottom: 1.5px solid var(--ink);
  vertical-align: bottom }
td { text-align: right; padding: 5px 12px; border-bottom: 1px solid var(--rule); white-space: nowrap }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
.columns { columns: 260px; column-gap: 40px; margin: 14px 0 }
.share { display: flex; gap: 10px; align-items: center; font-size: 13px; break-inside: avoid; line-height: 1.75;
  font-variant-numeric: tabular-nums }
.share span:first-child { flex: 1; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.share i { display: block; width: 90px; height: 7px; background: var(--rule) }
.share b { display: block; height: 7px; background: var(--accent) }
.share span:last-child { width: 4.2em; text-align: right; white-space: nowrap }
.row { display: flex; flex-wrap: wrap; gap: 20px 24px; align-items: flex-start; margin: 12px 0 }
figure { margin: 0 0 18px; max-width: 100% }
figure img { display: block; max-width: 100%; height: auto }
.row figure { flex: 0 1 auto; margin: 0 }
.thirds figure { flex: 1 1 260px }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 16px 24px;
  margin: 12px 0 20px }
.small { grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)) }
figcaption { margin-top: 4px }
.chart { width: 100%; font: 12px system-ui, sans-serif }
.chart text { fill: var(--soft) }
.chart .title { fill: var(--ink); font-size: 14px; font-weight: 600 }
.chart .right { text-anchor: end }
.chart .middle { text-anchor: middle }
.chart .grid { stroke: var(--rule) }
.chart .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round }
details { margin: 4px 0 14px }
summary { color: var(--accent); font-size: 14px; cursor: pointer }
footer { margin: 64px 0 48px; padding-top: 12px; border-top: 1px solid var(--rule) }
@media print { nav { display: none } h2 { break-after: avoid } figure { break-inside: avoid } }
"""


def document(title, links, body):
    """A whole page.

    Args:
        title: str.
        links: list of (id, text) for the navigation.
        body: str of HTML.

    Returns:
        str; nothing in it is loaded from elsewhere.
    """
    anchors = "".join(f'<a href="#{escape(anchor)}">{escape(text)}</a>' for anchor, text in links)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<nav>{anchors}</nav>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def heading(level, text, anchor=None):
    identity = f' id="{escape(anchor)}"' if anchor else ""
    return f"<h{level}{identity}>{escape(text)}</h{level}>\n"


def paragraph(text, soft=False, warning=False):
    opening = '<p class="soft">' if soft else '<p class="warning">' if warning else "<p>"
    return f"{opening}{escape(text)}</p>\n"


def table(header, rows):
    """header: list of str; rows: lists of str of that length."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def without_empty(header, rows):
    """(header, rows) less the columns in which no row has anything."""
    kept = [i for i in range(len(header)) if any(cells[i] for cells in rows)]
    return [header[i] for i in kept], [[cells[i] for i in kept] for cells in rows]


def details(summary, body):
    """A part that is closed until it is asked for; summary: str, body: HTML."""
    return f"<details><summary>{escape(summary)}</summary>\n{body}</details>\n"


def shares(items):
    """A list of (name, share in 0..1) as small bars, in as many columns as fit."""
    lines = "".join(
        f'<div class="share"><span>{escape(name)}</span><i><b style="width:{100 * share:.1f}%"></b></i>'
        f"<span>{100 * share:.1f} %</span></div>\n"
        for name, share in items
    )
    return f'<div class="columns">{lines}</div>\n'


def row(parts, kind=""):
    """Figures side by side; kind "thirds": three of one width."""
    return f'<div class="row {escape(kind)}">' + "\n".join(parts) + "</div>\n"


def charts(parts, small=False):
    """SVG charts side by side, as many as fit."""
    return f'<div class="charts{" small" if small else ""}">' + "\n".join(parts) + "</div>\n"


def picture(path, caption):
    """A PNG file, embedded."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"
