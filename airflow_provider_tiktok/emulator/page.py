"""The page at ``/``: audiences with their history and the last requests, for a person to look at."""

from collections.abc import Iterable
from html import escape
from itertools import islice, pairwise

from airflow_provider_tiktok.emulator.state import Audience, World, timestamp

STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#8889;--accent:#c2185b;--ok:#1b7f4b}
@media(prefers-color-scheme:dark){:root{--accent:#ff7aa8;--ok:#5fd39a}}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1.5rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}h3{margin:0;font-size:1rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:baseline;justify-content:space-between}
article{border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:.75rem 0}
.top{display:flex;flex-wrap:wrap;gap:1rem;justify-content:space-between}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;margin:.5rem 0}
dt,small,.dim{opacity:.7}dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em}
.bad{color:var(--accent)}.good{color:var(--ok)}a{color:inherit}
svg{display:block}polyline{fill:none;stroke:var(--accent);stroke-width:2}.axis{stroke:var(--line)}
svg text{fill:currentColor;font-size:10px;opacity:.7}
"""
WIDTH, HEIGHT, PAD = 320, 90, 14
REQUESTS_SHOWN = 50
HISTORY_SHOWN = 12


def page(world: World, *, refresh: bool) -> str:
    """The whole page; everything that came from a request is escaped."""
    newest = sorted(world.audiences.values(), key=lambda one: int(one.audience_id), reverse=True)
    toggle = '<a href="/">Stop refreshing</a>' if refresh else '<a href="/?refresh=1">Refresh every 3 s</a>'
    again = '<meta http-equiv="refresh" content="3">' if refresh else ""
    audiences = "".join(_audience(world, one) for one in newest) or "<p class=dim>No audience yet.</p>"
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8>{again}"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>TikTok emulator</title><style>{STYLE}</style></head><body>"
        f"<header><h1>TikTok emulator</h1><span>{timestamp(world.now())} UTC · "
        f"{world.traffic.count()} requests · {toggle} · "
        '<a href="/_emulator/">Commands</a></span></header>'
        f"<h2>Audiences ({len(newest)})</h2>{audiences}"
        f"<h2>Last requests</h2>{_requests(world)}</body></html>"
    )


def _audience(world: World, audience: Audience) -> str:
    now, settings = world.now(), world.settings
    valid = audience.is_valid(now, settings)
    sizes = [f"{kind} {size:,}" for kind, size in audience.members.sizes().items() if size]
    if audience.members.unmatched:
        sizes.append(f"malformed {audience.members.unmatched:,}")
    rows = {
        "Id": audience.audience_id,
        "Owner": _advertiser(world, audience.owner_id),
        "Type": audience.audience_type,
        "Shared with": "; ".join(_advertiser(world, one) for one in audience.shared_with) or "nobody",
        "Identifiers": " · ".join(sizes) or "none",
        "Users": f"{audience.members.users:,}",
        "cover_num": f"{audience.cover_num(now, settings):,}",
    }
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(value)}</dd>" for term, value in rows.items())
    state = "<span class=good>valid</span>" if valid else "<span class=bad>not valid</span>"
    return (
        f"<article><div class=top><div><h3>{escape(audience.name)} <small>{state}</small></h3>"
        f"<dl>{facts}</dl></div>{chart(audience.chart)}</div>{_history(audience)}</article>"
    )


def _advertiser(world: World, advertiser_id: str) -> str:
    known = world.advertisers.get(advertiser_id)
    return f"{known.name} ({advertiser_id})" if known else advertiser_id


def chart(points: list[tuple[float, int]]) -> str:
    """The number of users over time as a step line."""
    if len(points) < 2:
        return ""
    start, end = points[0][0], points[-1][0]
    top = max(1, *(users for _, users in points))
    span = max(end - start, 1e-6)
    placed = [
        (PAD + (when - start) / span * (WIDTH - 2 * PAD), HEIGHT - PAD - users / top * (HEIGHT - 2 * PAD))
        for when, users in points
    ]
    steps = [f"{placed[0][0]:.1f},{placed[0][1]:.1f}"]
    for (_, before), (x, y) in pairwise(placed):
        steps += [f"{x:.1f},{before:.1f}", f"{x:.1f},{y:.1f}"]
    return (
        f'<svg width={WIDTH} height={HEIGHT} viewBox="0 0 {WIDTH} {HEIGHT}" role=img '
        f'aria-label="Users over time, now {points[-1][1]}, at most {top}">'
        f"<line class=axis x1={PAD} x2={WIDTH - PAD} y1={HEIGHT - PAD} y2={HEIGHT - PAD} />"
        f'<polyline points="{" ".join(steps)}"/><text x={PAD} y=10>{top:,} users</text>'
        f"<text x={PAD} y={HEIGHT - 2}>{timestamp(start)}</text>"
        f"<text x={WIDTH - PAD} y={HEIGHT - 2} text-anchor=end>{timestamp(end)[11:]}</text></svg>"
    )


def _history(audience: Audience) -> str:
    entries = [
        [str(one["opt_time"]), str(one["action"]), str(one["action_detail"]), str(one["editor"])]
        for one in islice(reversed(audience.history), HISTORY_SHOWN)
    ]
    table = _table(["Time", "Action", "Detail", "Editor"], entries)
    return f"<details><summary>History (newest {len(entries)})</summary>{table}</details>"


def _requests(world: World) -> str:
    rows = [
        [
            timestamp(float(str(one["time"]))),
            str(one["method"]),
            str(one["path"]),
            "dropped" if one["status"] == 0 else str(one["status"]),
            "" if one["code"] is None else str(one["code"]),
            str(one["rows"] or ""),
            str(one["ms"]),
            str(one["fault"] or ""),
            str(one["request_id"]),
        ]
        for one in reversed(world.traffic.records(limit=REQUESTS_SHOWN))
    ]
    return _table(["Time", "Method", "Path", "HTTP", "Code", "Rows", "ms", "Fault", "Request id"], rows)


def _table(heads: Iterable[str], rows: Iterable[list[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
