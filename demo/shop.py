"""An invented shop with the mess of a real one: a SQLite table of customers, the same for the same seed.

Nobody in it exists: domains are reserved for documentation (RFC 2606), numbers are set aside for fiction
(555-01xx in the United States, Ofcom, Bundesnetzagentur, ARCEP and ACMA elsewhere), device ids are random.
"""

from __future__ import annotations

import sqlite3
import uuid
from bisect import bisect
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random

from demo import handwriting as write
from demo.expected import Row

DAYS = 90
SEED = 20261124

SCHEMA = """
CREATE TABLE customers (
    customer_id INTEGER PRIMARY KEY,
    email TEXT,
    phone TEXT,
    idfa TEXT,
    marketing_consent INTEGER NOT NULL,
    signed_up_at TEXT NOT NULL
)
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "ada alan ana ben carla chen dara eli emil fatima grace hugo ines ivan jonas kofi lena lina malik maria mei mina "
    "nadia noah olga omar pablo priya ravi rosa sam sara theo uma vera wei yara zoe josé jürgen søren łucja ипполит"
)
LAST_NAMES = _words(
    "abel baker castro doyle evans fischer garcia haddad ito jensen khan lopez mensah novak okafor patel quinn rossi "
    "silva tanaka ueda vargas weber xu young zimmer"
)
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "shop.example.org")
IDN_DOMAINS = ("bücher.example", "例え.example", "почта.example")

AREA_CODES = _words(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 "
    "253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 "
    "321 323 325 330 334 336 337 339 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 "
    "419 423 425 432 434 435 440 443 469 478 479 480 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 "
    "540 541 551 559 561 562 563 567 570 571 573 574 580 585 586 601 602 603 605 606 607 608 609 610 612 614 615 616"
)
ABROAD = (  # what precedes the running digits, and how many of them there are
    ("+44207946", 4, 1000),
    ("+447700900", 3, 1000),
    ("+44113496", 4, 1000),
    ("+44121496", 4, 1000),
    ("+44131496", 4, 1000),
    ("+44161496", 4, 1000),
    ("+493023125", 3, 1000),
    ("+496990009", 3, 1000),
    ("+3319900", 4, 10_000),
    ("+6125550", 4, 10_000),
)

# Which of e-mail, phone and IDFA a customer has, and how often.
HAS = (("e", 20), ("p", 10), ("i", 7), ("ep", 30), ("ei", 8), ("pi", 5), ("epi", 18), ("", 2))
SHAPES, SHAPE_WEIGHTS = zip(*HAS, strict=True)

EXACT_DUPLICATES, REWRITTEN_DUPLICATES, SHARED_PHONES = 0.03, 0.02, 0.03
BAD_CELLS = 0.06


class Person:
    """The true, tidy identifiers of one invented person: None for what this person does not have."""

    __slots__ = ("email", "idfa", "phone")

    def __init__(self, email: str | None, phone: str | None, idfa: str | None) -> None:
        self.email, self.phone, self.idfa = email, phone, idfa


def build_shop(path: Path, customers: int = 25_000, seed: int = SEED, before: datetime | None = None) -> None:
    """Write a new shop of ``customers`` rows who signed up in the 90 days before ``before`` (default: now)."""
    rng = Random(seed)
    end = before or datetime.now(UTC)
    seconds = sorted(rng.randrange(DAYS * 86_400) for _ in range(customers))
    start = end - timedelta(days=DAYS)
    rows = (
        (number, *cells, int(rng.random() < 0.85), (start + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S"))
        for number, (cells, second) in enumerate(zip(_cells(rng, customers), seconds, strict=True), 1)
    )
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(SCHEMA)
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", rows)


def read_customers(path: Path, where: str = "1", parameters: tuple[object, ...] = ()) -> list[Row]:
    """Return the raw identifiers of customers, in the order they signed up."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        query = f"SELECT email, phone, idfa FROM customers WHERE {where} ORDER BY customer_id"
        return database.execute(query, parameters).fetchall()


def _cells(rng: Random, customers: int) -> list[Row]:
    """Write every customer's three cells; later ones repeat earlier ones, exactly or in another handwriting."""
    exact, rewritten = EXACT_DUPLICATES, EXACT_DUPLICATES + REWRITTEN_DUPLICATES
    people: list[Person] = []
    rows: list[Row] = []
    numbers = _Numbers(rng, customers)
    for index in range(customers):
        dice = rng.random()
        if rows and dice < exact:
            rows.append(rng.choice(rows))
        elif people and dice < rewritten:
            rows.append(_row(rng, rng.choice(people), bad=0.0))
        else:
            people.append(_person(rng, index, numbers, people))
            rows.append(_row(rng, people[-1], bad=BAD_CELLS))
    return rows


def _person(rng: Random, index: int, numbers: _Numbers, others: list[Person]) -> Person:
    shape = rng.choices(SHAPES, SHAPE_WEIGHTS)[0]
    phone = None
    if "p" in shape:
        shared = rng.choice(others).phone if others and rng.random() < SHARED_PHONES else None
        phone = shared or numbers.next()
    return Person(
        email=_address(rng, index) if "e" in shape else None,
        phone=phone,
        idfa=str(uuid.UUID(int=rng.getrandbits(128), version=4)) if "i" in shape else None,
    )


def _address(rng: Random, index: int) -> str:
    tag = rng.choice(("+news", "+shop", "+2026")) if rng.random() < 0.06 else ""
    domain = rng.choice(IDN_DOMAINS if rng.random() < 0.02 else DOMAINS)
    return f"{rng.choice(FIRST_NAMES)}.{rng.choice(LAST_NAMES)}{index}{tag}@{domain}"


def _row(rng: Random, person: Person, *, bad: float) -> Row:
    return (
        _cell(rng, person.email, write.GOOD_EMAIL, write.BAD_EMAIL, bad),
        _cell(rng, person.phone, write.GOOD_PHONE, write.BAD_PHONE, bad),
        _cell(rng, person.idfa, write.GOOD_IDFA, write.BAD_IDFA, bad),
    )


def _cell(rng: Random, value: str | None, good: write.Styles, bad: write.Styles, share: float) -> str | None:
    if value is not None:
        return (bad if rng.random() < share else good).write(rng, value)
    dice = rng.random()
    if dice < 0.75:
        return None
    if dice < 0.90:
        return ""
    return rng.choice((" ", "\t", write.NBSP, " \n ")) if dice < 0.95 else write.placeholder(rng, "")


class _Numbers:
    """Hands out invented phone numbers, two of three American, each once until all are used."""

    def __init__(self, rng: Random, customers: int) -> None:
        american, abroad = len(AREA_CODES) * 100, list(accumulate(size for _, _, size in ABROAD))
        self._rng, self._ends = rng, abroad
        self._american = rng.sample(range(american), american)
        self._abroad = rng.sample(range(abroad[-1]), min(abroad[-1], max(customers, 1)))
        self._given = 0

    def next(self) -> str:
        """Return the next number in E.164."""
        self._given += 1
        if self._rng.random() < 2 / 3:
            area, line = divmod(self._american[self._given % len(self._american)], 100)
            return f"+1{AREA_CODES[area]}55501{line:02d}"
        number = self._abroad[self._given % len(self._abroad)]
        place = bisect(self._ends, number)
        prefix, width, _ = ABROAD[place]
        return f"{prefix}{number - (self._ends[place - 1] if place else 0):0{width}d}"
