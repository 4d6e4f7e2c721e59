"""The clouds' public price lists, read over HTTP: what a lookup costs in a region.

AWS: the Price List Bulk API's CSV of one service and region, streamed, for that of EC2 has hundreds of
megabytes (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html).
Azure: the Retail Prices API
(https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices).
Google Cloud: the Cloud Billing Catalog API, which asks for an API key
(https://cloud.google.com/billing/docs/reference/rest).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from .prices import Lookup

__all__ = ["Listed", "PriceListError", "PriceLists"]

_PREAMBLE: Final = 5
"""Lines of metadata before the header of an AWS price list."""
_COLUMNS: Final = frozenset(
    {"termtype", "startingrange", "unit", "priceperunit", "currency", "sku", "usagetype"}
)
_PAGES: Final = 1000
_MEGABYTE: Final = 10**6
_PROGRESS: Final = 25
"""Megabytes between two words of progress."""


class PriceListError(Exception):
    """A price list cannot be read: no network, an error of the server, or not the form that it has."""


@dataclass(frozen=True)
class Listed:
    """One tier of a price in a vendor's list, in the list's own unit."""

    usd: float
    unit: str
    above: float
    sku: str


@dataclass(frozen=True)
class PriceLists:
    """Where the lists are, and how they are read."""

    client: httpx.Client
    google_key: str | None = None
    """API key for the Cloud Billing Catalog; without one it is not read."""
    aws: str = "https://pricing.us-east-1.amazonaws.com"
    azure: str = "https://prices.azure.com"
    gcp: str = "https://cloudbilling.googleapis.com"
    say: Callable[[str], None] = field(default=lambda _: None)
    """Is told of progress."""
    _catalog: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict, repr=False)

    def read(
        self, vendor: str, service: str, region: str, lookups: Sequence[Lookup]
    ) -> list[tuple[Listed, ...]]:
        """What each lookup of one service costs in a region, tiers lowest first; none where it is not listed.

        Raises:
            PriceListError: the list cannot be read.
        """
        self.say(f"{vendor}: {service} in {region}")
        match vendor:
            case "aws":
                return self._aws(service, region, lookups)
            case "azure":
                return [self._azure(lookup, region) for lookup in lookups]
            case _:
                skus = self._gcp(service)
                return [_in_catalog(skus, lookup, region) for lookup in lookups]

    def _aws(self, service: str, region: str, lookups: Sequence[Lookup]) -> list[tuple[Listed, ...]]:
        index = self._json(f"{self.aws}/offers/v1.0/aws/{service}/current/region_index.json", {})
        try:
            known = index["regions"]
            if region not in known:
                return [() for _ in lookups]
            path = str(known[region]["currentVersionUrl"])
        except (KeyError, TypeError):
            raise PriceListError(f"{self.aws}: the index of {service} is not of the known form") from None
        found: list[list[Listed]] = [[] for _ in lookups]
        for row in self._rows(self.aws + path.removesuffix(".json") + ".csv"):
            if row["termtype"] != "OnDemand" or row["currency"] != "USD" or row.get("location") == "Any":
                continue
            for index_, lookup in enumerate(lookups):
                if _is_row(row, lookup):
                    found[index_].append(_listed(row))
        return [_tiers(tiers) for tiers in found]

    def _rows(self, url: str) -> Iterator[dict[str, str]]:
        """The rows of a CSV list by column, one at a time; columns in lower case without signs and spaces."""
        try:
            with self.client.stream("GET", url) as answer:
                _require(answer)
                lines = self._told(answer)
                for _ in range(_PREAMBLE):
                    next(lines, "")
                rows = csv.reader(lines)
                columns = [re.sub(r"[^a-z0-9]", "", column.lower()) for column in next(rows, [])]
                if not set(columns) >= _COLUMNS:
                    raise PriceListError(f"{url}: not a price list with the known columns")
                for row in rows:
                    yield dict(zip(columns, row, strict=False))
        except httpx.HTTPError as error:
            raise _unreachable(url, error) from None
        except csv.Error as error:
            raise PriceListError(f"{url}: not a CSV document: {error}") from None

    def _told(self, answer: httpx.Response) -> Iterator[str]:
        step = 1
        for line in answer.iter_lines():
            if answer.num_bytes_downloaded >= step * _PROGRESS * _MEGABYTE:
                self.say(f"  {answer.num_bytes_downloaded // _MEGABYTE} MB read")
                step += 1
            yield line

    def _azure(self, lookup: Lookup, region: str) -> tuple[Listed, ...]:
        asked = {
            "serviceName": lookup.service,
            "armRegionName": region,
            "priceType": "Consumption",
            **({"meterName": lookup.meterName} if lookup.meterName else {}),
            **({"armSkuName": lookup.armSkuName} if lookup.armSkuName else {}),
        }
        query = " and ".join(f"{name} eq '{value}'" for name, value in asked.items())
        url, parameters = f"{self.azure}/api/retail/prices", {"$filter": query, "currencyCode": "USD"}
        found: list[Listed] = []
        for _ in range(_PAGES):
            page = self._json(url, parameters)
            try:
                items = page["Items"]
                found += [_retail(item) for item in items if _is_item(item, lookup)]
                following = page.get("NextPageLink")
            except (KeyError, TypeError, ValueError, AttributeError):
                raise PriceListError(f"{self.azure}: the answer is not of the known form") from None
            if not following:
                break
            if urlsplit(following).hostname != urlsplit(self.azure).hostname:
                raise PriceListError(f"{self.azure}: the next page is said to be on another host")
            url, parameters = following, {}
        return _tiers(found)

    def _gcp(self, service: str) -> list[Mapping[str, Any]]:
        """Every SKU of a service; read once."""
        if service in self._catalog:
            return self._catalog[service]
        found: list[Mapping[str, Any]] = []
        token = ""
        for _ in range(_PAGES):
            page = self._json(
                f"{self.gcp}/v1/services/{service}/skus",
                {"currencyCode": "USD", "pageSize": "5000", **({"pageToken": token} if token else {})},
                {"x-goog-api-key": self.google_key or ""},
            )
            try:
                found += page["skus"]
                token = page.get("nextPageToken") or ""
            except (KeyError, TypeError, AttributeError):
                raise PriceListError(f"{self.gcp}: the answer is not of the known form") from None
            if not token:
                break
        self._catalog[service] = found
        return found

    def _json(self, url: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Any:
        try:
            answer = self.client.get(url, params=query or None, headers=headers)
            _require(answer)
            return answer.json()
        except httpx.HTTPError as error:
            raise _unreachable(url, error) from None
        except ValueError:
            raise PriceListError(f"{url}: not a JSON document") from None


def _require(answer: httpx.Response) -> None:
    if not answer.is_success:
        where = answer.url.copy_with(query=None)
        raise PriceListError(f"{where}: answered {answer.status_code} {answer.reason_phrase}")


def _unreachable(url: str, error: httpx.HTTPError) -> PriceListError:
    return PriceListError(f"{url}: not reachable ({type(error).__name__})")


def _is_row(row: Mapping[str, str], lookup: Lookup) -> bool:
    # The usage types of a region begin with its code, those of us-east-1 with USE1 or nothing.
    usage = row["usagetype"]
    return (
        (not lookup.usagetype or usage == lookup.usagetype or usage.endswith(f"-{lookup.usagetype}"))
        and (not lookup.operation or row.get("operation") == lookup.operation)
        and (not lookup.group or row.get("group") == lookup.group)
    )


def _listed(row: Mapping[str, str]) -> Listed:
    try:
        return Listed(float(row["priceperunit"]), row["unit"], float(row["startingrange"] or 0), row["sku"])
    except (ValueError, KeyError):
        raise PriceListError(f"the row of {row.get('sku', 'no SKU')} has no price in USD") from None


def _is_item(item: Mapping[str, Any], lookup: Lookup) -> bool:
    """Whether it is the price on demand, of Linux where there are two."""
    sku = f"{item.get('skuName', '')} {item.get('meterName', '')}"
    return (
        item["type"] == "Consumption"
        and not str(item.get("productName", "")).endswith("Windows")
        and "Spot" not in sku
        and "Low Priority" not in sku
        and (not lookup.meterName or item["meterName"] == lookup.meterName)
    )


def _retail(item: Mapping[str, Any]) -> Listed:
    above = float(item.get("tierMinimumUnits") or 0)
    return Listed(float(item["retailPrice"]), str(item["unitOfMeasure"]), above, str(item["meterId"]))


def _in_catalog(skus: Sequence[Mapping[str, Any]], lookup: Lookup, region: str) -> tuple[Listed, ...]:
    found: list[Listed] = []
    for sku in skus:
        try:
            if region not in sku["serviceRegions"] and "global" not in sku["serviceRegions"]:
                continue
            if _described(str(sku["description"])) != lookup.description:
                continue
            expression = sku["pricingInfo"][0]["pricingExpression"]
            unit, name = str(expression["usageUnit"]), str(sku["skuId"])
            for rate in expression["tieredRates"]:
                price = rate["unitPrice"]
                usd = int(price.get("units") or 0) + int(price.get("nanos") or 0) / 1e9
                found.append(Listed(usd, unit, float(rate.get("startUsageAmount") or 0), name))
        except (KeyError, TypeError, ValueError, IndexError):
            raise PriceListError("a SKU of the Cloud Billing Catalog is not of the known form") from None
    return _tiers(found)


def _described(description: str) -> str:
    """The description without tier and region: `Services CPU Tier 2  (Request-based billing)`."""
    return re.sub(r"\s+", " ", re.sub(r"( Tier 2)|( in (in )?[a-z]+-[a-z]+\d+$)", "", description)).strip()


def _tiers(found: Sequence[Listed]) -> tuple[Listed, ...]:
    """In order, without the free tier: its end is where the first price begins."""
    paid = sorted((tier for tier in dict.fromkeys(found) if tier.usd > 0), key=lambda tier: tier.above)
    if not paid:
        return ()
    first = Listed(paid[0].usd, paid[0].unit, 0.0, paid[0].sku)
    return (first, *paid[1:])
