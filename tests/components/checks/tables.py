"""Tables by day that are unlike the shops: few rows a day, closed days, growth, mostly NULL columns, heavy tails; made by formula."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np

from tests.components.checks.shops import Days, _times

EASTER = {date(2021, 4, 2), date(2021, 4, 4), date(2021, 4, 5), date(2021, 5, 1), date(2021, 5, 13), date(2021, 5, 24)}


def _optional(rng: np.random.Generator, values: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """The values, a share of them None."""
    some = values.astype(object)
    some[rng.random(len(values)) < share] = None
    return some


def bakery(seed: int, days: int = 150) -> Days:
    """Lines of tickets of regular customers: every second Sunday closed, holidays closed, short Saturdays, returns, new products.

    The key is `customer`.
    """
    rng, start, ticket, out = np.random.default_rng(seed), date(2021, 3, 1), 500_000, Days()
    products = np.array([*(f"{number:03d}" for number in range(1, 40)), "B12", "POST", "K7"], object)
    popular, base = rng.dirichlet(np.full(len(products), 0.6)), np.round(rng.lognormal(1.2, 0.5, len(products)), 2)
    visits, first = rng.gamma(1.2, 0.05, 3000), rng.integers(-200, days - 10, 3000)
    leaves, home, level = first + rng.geometric(1 / 130, 3000), rng.integers(1, 8, 3000), rng.lognormal(0, 0.3, 3000)
    for i in range(days):
        day = start + timedelta(days=i)
        if (day.weekday() == 6 and i % 14 >= 7) or day in EASTER:
            continue
        busy = (1, 0.9, 0.95, 1.0, 1.3, 1.5, 0.15)[day.weekday()] * (1 + 0.2 * np.sin(2 * np.pi * i / 365) + 0.001 * i)
        who = np.repeat(np.arange(3000), rng.poisson(visits * busy * ((first <= i) & (i < leaves))))
        tickets = len(who)
        line = np.repeat(np.arange(tickets), 1 + rng.poisson(1.2, tickets))
        hour = np.clip(np.where(rng.random(tickets) < 0.6, rng.normal(8.5, 1.8, tickets), rng.normal(16, 1.8, tickets)), 6, 19.9)
        back, item = rng.random(tickets) < 0.03, rng.choice(len(products), len(line), p=popular)
        product = products[item]
        newer = (rng.random(len(line)) < 0.02) & (i > 60)
        product[newer] = f"{100 + i // 10}"
        quantity = (1 + rng.poisson(0.7, len(line))) * np.where(rng.random(len(line)) < 0.001, 40, 1)
        numbers = ticket + np.cumsum(rng.integers(1, 4, tickets))
        out[day] = {
            "sold_at": _times(day, hour)[line],
            "document": np.array([f"{'R' if b else ''}{n}" for n, b in zip(numbers, back, strict=True)], object)[line],
            "customer": who[line],
            "store": np.array([f"S{n}" for n in np.where(rng.random(tickets) < 0.9, home[who], rng.integers(1, 8, tickets))], object)[line],
            "channel": rng.choice(["shop", "web", "phone"], tickets, p=[0.8, 0.18, 0.02])[line].astype(object),
            "product": product,
            "quantity": np.where(back[line], -quantity, quantity),
            "unit_price": np.round(base[item] * level[who[line]] * (1 + 0.0005 * i), 2),
            "age": _optional(rng, rng.integers(18, 90, len(line)), 0.06),
        }
        ticket = int(numbers[-1]) if tickets else ticket
    return out


def clinic(seed: int, days: int = 200) -> Days:
    """3 to 20 appointments a day of few doctors, none on weekends and holidays, columns that are mostly NULL. The key is `appointment`."""
    rng, start, out = np.random.default_rng(seed), date(2021, 2, 1), Days()
    closed = EASTER | {start + timedelta(days=int(d)) for d in rng.choice(days, 3, replace=False)}
    icd = np.array([f"{a}{n:02d}" for a in "JMIKE" for n in rng.choice(100, 12, replace=False)], object)
    common, number = rng.dirichlet(np.full(len(icd), 0.3)), 9_000
    for i in range(days):
        day = start + timedelta(days=i)
        if day.weekday() >= 5 or day in closed:
            continue
        rows = int(np.clip(rng.poisson((14, 11, 7, 12, 5)[day.weekday()] * np.exp(0.15 * rng.normal())), 3, 20))
        out[day] = {
            "appointment": number + np.arange(rows),
            "at": _times(
                day, np.sort(rng.choice([8, 9, 10, 11, 14, 15, 16], rows, p=[0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1]) + rng.random(rows))
            ),
            "doctor": rng.choice(["Abel", "Bux", "Cid"], rows, p=[0.6, 0.35, 0.05] if day.weekday() < 4 else [0.02, 0.95, 0.03]).astype(
                object
            ),
            "icd": rng.choice(icd, rows, p=common),
            "minutes": rng.choice([10, 15, 20, 30, 60], rows, p=[0.2, 0.4, 0.2, 0.15, 0.05]),
            "fee": np.round(rng.lognormal(3.5, 0.8, rows), 2),
            "referral": _optional(rng, np.array([f"R-{n}" for n in rng.integers(100, 999, rows)], object), 0.93),
            "allergy": _optional(rng, rng.choice(["nuts", "pollen"], rows), 0.97),
            "age": rng.integers(0, 95, rows),
            "insured": rng.random(rows) < 0.9,
        }
        number += rows + int(rng.integers(0, 2))
    return out


def subscriptions(seed: int, days: int = 220) -> Days:
    """Payments that grow by 2 % a week, with a peak on the first of the month, a plan that is new from day 90 on. The key is `payment`."""
    rng, start, out, number = np.random.default_rng(seed), date(2023, 1, 2), Days(), 1_000_000
    countries = np.array(["US", "GB", "DE", "FR", "NL", "IT", "ES", "PL", "SE", "AT", "CH", "IE"], object)
    where = 1 / np.arange(1, 13) ** 1.2
    for i in range(days):
        day = start + timedelta(days=i)
        busy = (1.1, 1, 1, 1, 1.05, 0.5, 0.4)[day.weekday()] * (2.4 if day.day == 1 else 1.5 if day.day in (2, 15) else 1)
        rows = int(rng.poisson(250 * 1.02 ** (i / 7) * busy * np.exp(0.06 * rng.normal())))
        trial = min(max(0.0, (i - 90) * 0.0006), 0.03)
        plan = rng.choice(["basic", "plus", "pro", "team", "trial"], rows, p=[0.5 - trial, 0.3, 0.15, 0.05, trial]).astype(object)
        price = {"basic": 9.99, "plus": 14.99, "pro": 29.0, "team": 99.0, "trial": 0.0}
        refund = rng.random(rows) < 0.02 * (1 + (day.day < 4))
        amount = np.array([price[p] for p in plan]) * np.where(rng.random(rows) < 0.25, 12 * 0.8, 1) * np.where(refund, -1, 1)
        out[day] = {
            "payment": number + np.cumsum(rng.integers(1, 3, rows)),
            "hour": rng.choice(24, rows, p=_evening()),
            "paid_at": _times(day, rng.choice(24, rows, p=_evening()) + rng.random(rows)),
            "plan": plan,
            "amount": np.round(amount, 2),
            "country": rng.choice(countries, rows, p=where / where.sum()),
            "coupon": _optional(rng, rng.choice([f"C{n}" for n in range(12 + i // 15)], rows), 0.96 - 0.03 * (i % 45 < 7)),
            "cancelled_reason": _optional(rng, rng.choice(["price", "bugs", "other"], rows), 0.985),
            "device_id": np.array([f"{n:012x}" for n in rng.integers(0, 2**48, rows)], object),
            "tax_id": _optional(rng, np.array([f"{n}" for n in rng.integers(10**8, 10**9, rows)], object), 0.8),
            "version": np.array([f"{5 + k // 30}.{k % 30}" for k in np.maximum(0, i // 9 - rng.geometric(0.5, rows) + 1)], object),
            "lines": np.minimum(rng.geometric(0.5, rows), 12),
        }
        number += 2 * rows
    return out


def _evening() -> np.ndarray:
    shape = np.array([4, 2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 8, 9, 8, 7, 7, 8, 9, 11, 12, 12, 11, 9, 6], float)
    share: np.ndarray = shape / shape.sum()
    return share


def ledger(seed: int, days: int = 260) -> Days:
    """Movements of accounts: weekdays only, holidays, ends of months, heavy tails of both signs. The key is `account`."""
    rng, start, out, number = np.random.default_rng(seed), date(2022, 1, 3), Days(), 40_000
    closed = {date(2022, 4, 15), date(2022, 4, 18), date(2022, 5, 26), date(2022, 6, 6), date(2022, 8, 15)}
    accounts, activity = np.array([f"DE{n}" for n in rng.integers(10**9, 10**10, 900)], object), rng.pareto(1.3, 900) + 0.1
    branch = rng.integers(1, 60, 900)
    kinds = np.array(["card", "transfer", "debit", "salary", "fee", "cash", "interest"], object)
    for i in range(days):
        day = start + timedelta(days=i)
        if day.weekday() >= 5 or day in closed:
            continue
        end = (day + timedelta(days=3)).month != day.month
        rows = int(rng.poisson((260, 200, 190, 200, 240)[day.weekday()] * (1.7 if end else 1) * np.exp(0.1 * rng.normal())))
        share = np.array([0.45, 0.2, 0.2, 0.1 if end else 0.01, 0.03 if day.day < 4 else 0.01, 0.05, 0.002])
        kind, who = rng.choice(kinds, rows, p=share / share.sum()), rng.choice(900, rows, p=activity / activity.sum())
        size = np.round(np.exp(rng.normal(3.4, 1.3, rows)) * np.where(rng.random(rows) < 0.01, 200, 1) + 0.01, 2)
        out[day] = {
            "account": accounts[who],
            "entry": number + np.arange(rows),
            "booked_at": _times(day, np.clip(np.where(rng.random(rows) < 0.15 * end, 22.5, rng.normal(13, 3.5, rows)), 0, 23.9)),
            "kind": kind,
            "amount": np.where(kind == "salary", 30 * size, np.where(rng.random(rows) < 0.12, size, -size)),
            "currency": rng.choice(["EUR", "USD", "CHF", "SEK"], rows, p=[0.965, 0.02, 0.01, 0.005]).astype(object),
            "branch": branch[who],
            "purpose": np.array([f"invoice {n}" for n in rng.integers(1000, 99999, rows)], object),
            "card_last4": _optional(
                rng, np.array([f"{n:04d}" for n in rng.integers(0, 9999, rows)], object), np.where(kind == "card", 0, 1.0)
            ),
            "rate": np.full(rows, round(1.0 + 0.002 * np.sin(i / 20) + 0.0005 * rng.normal(), 4)),
            "risk": _optional(rng, np.round(rng.beta(1, 20, rows), 3), np.clip(0.35 + 0.06 * rng.normal(), 0, 1)),
        }
        number += rows
    return out


def loans(seed: int, days: int = 160) -> Days:
    """Applications at all hours: a region of 200, free text, one country, NULL incomes, a Boolean. The key is `loan_id`."""
    rng, start, out, number = np.random.default_rng(seed), date(2023, 1, 2), Days(), 1_000
    for i in range(days):
        day, rows = start + timedelta(days=i), int(rng.poisson(120))
        out[day] = {
            "loan_id": number + np.cumsum(rng.integers(1, 5, rows)),
            "applied_at": _times(day, rng.integers(0, 24, rows) + 0.25),
            "income": _optional(rng, np.round(rng.lognormal(10, 0.5, rows), 2), 0.1),
            "amount": np.round(rng.lognormal(8.5, 0.8, rows), 2),
            "age": rng.integers(18, 80, rows),
            "purpose": rng.choice(["car", "home", "debt", "other", "business"], rows, p=[0.3, 0.2, 0.3, 0.15, 0.05]).astype(object),
            "region": np.array([f"R{n:03d}" for n in rng.integers(0, 200, rows)], object),
            "is_new": rng.random(rows) < 0.4,
            "country": np.full(rows, "XX", object),
            "note": np.array([f"free text {n}" for n in rng.integers(0, 10**7, rows)], object),
        }
        number += 5 * rows
    return out


def parcels(seed: int, days: int = 200) -> Days:
    """Parcels of weekdays and Saturdays: text keys, a name of two words, umlauts, a date in the future. The key is `ticket no`."""
    rng, start, out = np.random.default_rng(seed), date(2023, 1, 2), Days()
    for i in range(days):
        day, rows = start + timedelta(days=i), int(rng.poisson(60))
        if day.weekday() == 6:
            continue
        out[day] = {
            "ticket no": np.array([f"T{day:%j}-{k}" for k in range(rows)], object),
            "select": rng.normal(size=rows),
            "weight": rng.integers(1, 40, rows),
            "Kind of": rng.choice(["A 1", "b-2", "Ü"], rows).astype(object),
            "due": np.datetime64(day) + rng.integers(0, 20, rows).astype("timedelta64[D]"),
        }
    return out


TABLES: Mapping[Callable[[int], Days], str] = {
    bakery: "customer",
    clinic: "appointment",
    subscriptions: "payment",
    ledger: "account",
    loans: "loan_id",
    parcels: "ticket no",
}
"""The key of each."""
