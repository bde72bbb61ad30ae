"""Order lines of three shops that are unlike each other, day by day, made by formula: hours, returns, quiet days, codes, growth."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

Frame = dict[str, np.ndarray]
"""Values by column, object arrays where some are None."""
Days = dict[date, Frame]


def wholesale(seed: int, days: int = 180) -> Days:
    """Long orders by business customers: closed on Sundays, short Saturdays, credit notes `C…`, codes of digits with letters, guests.

    The key is `invoice`; whole invoices lack the customer, a share of them that swings from day to day.
    """
    rng, start, number, out = np.random.default_rng(seed), date(2025, 2, 3), 536_000, Days()
    codes = np.array([f"{rng.integers(10_000, 99_999)}{s}" for s in rng.choice(["", "", "", "A", "B", "L"], 1500)])
    prices, popularity = np.round(np.exp(rng.normal(0.9, 0.9, 1500)), 2), 1 / np.arange(1, 1501) ** 0.7
    countries, minor = np.array(["Home", *(f"Land {n}" for n in range(30))]), 1 / np.arange(1, 31) ** 1.3
    closed = {start + timedelta(days=int(d)) for d in rng.choice(days, 4, replace=False)}
    weekly = rng.normal(0, 0.12, days // 7 + 2)
    for i in range(days):
        day = start + timedelta(days=i)
        if day.weekday() == 6 or day in closed:
            continue
        level = (0.35 if day.weekday() == 5 else 1.0 + 0.1 * (day.weekday() == 3)) * np.exp(
            weekly[i // 7] + 0.15 * rng.normal() + 0.4 * i / days
        )
        orders = int(rng.poisson(70 * level)) + 3
        lines = 1 + rng.geometric(1 / 18, orders)
        lines[rng.random(orders) < 0.02] += 100
        order = np.repeat(np.arange(orders), lines)
        low, high = (10, 15) if day.weekday() == 5 else (8, 18)
        hour = np.clip(rng.normal(12.5, 2.3, orders), low, high - 0.02)
        returned, guest = rng.random(orders) < rng.beta(3, 25), rng.random(orders) < rng.beta(4, 12)
        available = popularity * (np.arange(1500) < 900 + 600 * i / days)
        item = rng.choice(1500, len(order), p=available / available.sum())
        special = rng.random(len(order)) < 0.006
        who = rng.integers(12_000, 16_000, orders).astype(float).astype(object)
        who[guest] = None
        out[day] = {
            "invoice": np.array([("C" if r else "") + str(number + k) for k, r in enumerate(returned)], object)[order],
            "ordered_at": _times(day, hour)[order],
            "stock_code": np.where(special, np.array(["POST", "DOT", "M"])[rng.integers(0, 3, len(order))], codes[item]).astype(object),
            "quantity": np.maximum(1, rng.geometric(1 / 7, len(order))) * np.where(returned[order], -1, 1),
            "price": np.where(special, np.round(rng.uniform(1, 40, len(order)), 2), prices[item]),
            "customer": who[order],
            "country": rng.choice(countries, orders, p=np.concatenate([[0.91], 0.09 * minor / minor.sum()]))[order].astype(object),
        }
        number += orders + int(rng.integers(0, 5))
    return out


def grocery(seed: int, days: int = 150) -> Days:
    """Baskets of a supermarket: open to 22 h, half of Sunday, two holidays without a row, offers, new articles every day, rare tenders.

    The key is `receipt`, a number that counts up; numbers of members are text with leading zeros, and some have a letter.
    """
    rng, start, receipt, out = np.random.default_rng(seed), date(2024, 9, 2), 81_000_000, Days()
    holidays = {start + timedelta(days=int(d)) for d in rng.choice(np.arange(5, days), 2, replace=False)}
    quiet = {start + timedelta(days=int(d)) for d in rng.choice(np.arange(5, days), 3, replace=False)}
    shape = np.interp(np.arange(24), [7, 9, 12, 14, 17, 20, 21], [1, 4, 6, 4, 9, 4, 1]) * ((np.arange(24) >= 7) & (np.arange(24) < 22))
    departments, share = np.array(["produce", "dairy", "bakery", "meat", "drinks", "home", "toys", "garden"]), [30, 22, 15, 12, 12, 6, 2, 1]
    base = np.round(np.exp(rng.normal(0.7, 0.7, 4000)), 2)
    popular = 1 / np.arange(3, 603) ** 0.8
    popular /= popular.sum()
    for i in range(days):
        day = start + timedelta(days=i)
        if day in holidays:
            continue
        hours = shape * (np.arange(24) < 13 if day.weekday() == 6 else 1) * (np.arange(24) < 14 if day in quiet else 1)
        weekend = (0.9, 0.85, 0.9, 1.0, 1.35, 1.5, 0.5)[day.weekday()] * (0.5 if day in quiet else 1)
        baskets = int(rng.poisson(160 * weekend * (1 + 0.3 * i / days) * (1 + 0.15 * np.sin(i / 58)) * np.exp(0.08 * rng.normal())))
        lines = np.minimum(rng.geometric(1 / 6, baskets), 60)
        basket = np.repeat(np.arange(baskets), lines)
        hour = rng.choice(24, baskets, p=hours / hours.sum()) + rng.random(baskets)
        articles = 600 + 15 * i  # about fifteen new ones every day, that sell well at first
        newest = rng.random(len(basket)) < 0.04
        article = np.where(newest, articles - rng.geometric(1 / 40, len(basket)), rng.choice(600, len(basket), p=popular))
        offer = rng.random(4000) < 0.05 * (1 + 0.5 * np.sin(i // 7))
        member = np.array([f"{rng.integers(0, 60_000):08d}" + ("X" if rng.random() < 0.01 else "") for _ in range(baskets)], object)
        member[rng.random(baskets) < 0.4] = None
        back = rng.random(len(basket)) < 0.012
        price = np.round(base[article % 4000] * np.where(offer[article % 4000], 0.8, 1.0), 2)
        out[day] = {
            "receipt": (receipt + np.arange(baskets))[basket],
            "sold_at": _times(day, hour)[basket],
            "article": np.char.add("A", np.maximum(article, 0).astype(str)).astype(object),
            "department": rng.choice(departments, len(basket), p=np.array(share) / 100).astype(object),
            "weight": np.where(rng.random(len(basket)) < 0.3, np.round(rng.gamma(2, 0.4, len(basket)) + 0.02, 3), 1.0),
            "amount": np.round(price * np.where(back, -1, 1), 2),
            "member": member[basket],
            "tender": rng.choice(["card", "cash", "app", "voucher", "cheque"], baskets, p=[0.62, 0.3, 0.075, 0.004, 0.001])[basket].astype(
                object
            ),
        }
        receipt += baskets + 3
    return out


def marketplace(seed: int, days: int = 200) -> Days:
    """Few orders of few lines at all hours by many sellers: a busy season, outliers, refunds, codes of three parts, rare types."""
    rng, start, out = np.random.default_rng(seed), date(2024, 6, 3), Days()
    sellers = np.array([f"S{n:04d}" for n in rng.permutation(9999)[:400]], object)
    weight, serial = rng.pareto(1.1, 400) + 0.05, 5_000
    hours = np.array([2, 1, 1, 0.5, 0.5, 1, 2, 4, 6, 7, 8, 8, 8, 7, 7, 7, 7, 8, 9, 11, 12, 11, 7, 4])
    for i in range(days):
        day = start + timedelta(days=i)
        season = 1 + 1.2 * np.exp(-(((day - date(2024, 12, 10)).days / 14) ** 2))
        orders = int(rng.poisson((45, 42, 42, 44, 50, 60, 66)[day.weekday()] * season * np.exp(0.2 * rng.normal()))) + 1
        lines = rng.geometric(0.6, orders)
        order = np.repeat(np.arange(orders), lines)
        joined = weight * (np.arange(400) < 250 + 150 * i / days)
        price = np.round(np.exp(rng.normal(3.1, 1.1, len(order))) * np.where(rng.random(len(order)) < 0.004, 60, 1), 2)
        refund, discount = rng.random(len(order)) < 0.05, np.round(rng.choice([0.05, 0.1, 0.2], len(order)), 2).astype(object)
        discount[rng.random(len(order)) < 0.82] = None
        note = np.array(["please leave at the door" if asked else None for asked in rng.random(orders) < 0.07], object)
        out[day] = {
            "order": np.array([f"{day:%y}-{serial + k}" for k in range(orders)], object)[order],
            "placed_at": _times(day, rng.choice(24, orders, p=hours / hours.sum()) + rng.random(orders))[order],
            "sku": np.array(
                [
                    f"{a}-{b}-{c}"
                    for a, b, c in zip(
                        rng.choice(["TX", "EL", "HM"], len(order)),
                        rng.integers(100, 999, len(order)),
                        rng.choice(["S", "M", "L", "XL"], len(order)),
                        strict=True,
                    )
                ],
                object,
            ),
            "seller": rng.choice(sellers, len(order), p=joined / joined.sum()).astype(object),
            "price": np.where(refund, -price, price),
            "discount": discount,
            "channel": rng.choice(["web", "app", "partner", "phone"], orders, p=[0.55, 0.38, 0.065, 0.005])[order].astype(object),
            "postcode": np.array(
                [
                    str(rng.integers(10_000, 99_999)) if rng.random() > 0.02 else f"B{rng.integers(10, 99)} {rng.integers(1, 9)}XY"
                    for _ in range(orders)
                ],
                object,
            )[order],
            "note": note[order],
        }
        serial += orders
    return out


def _times(day: date, hour: np.ndarray) -> np.ndarray:
    return np.datetime64(day, "us") + (hour * 3600).astype(np.int64) * np.timedelta64(1_000_000, "us")


def batch(frame: Mapping[str, Any]) -> pa.RecordBatch:
    """The rows as BigQuery gives them."""
    return pa.RecordBatch.from_pydict({name: pa.array(values, from_pandas=True) for name, values in frame.items()})


KEYS: Mapping[Callable[[int], Days], str] = {wholesale: "invoice", grocery: "receipt", marketplace: "order"}
"""The column whose values the lines of an order share."""
