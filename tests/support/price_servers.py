# ruff: noqa: E501 (a table is read by its lines)
"""The three price lists on a loopback port, with answers in the form of the real ones."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

COLUMNS = (
    '"SKU","OfferTermCode","RateCode","TermType","PriceDescription","EffectiveDate","StartingRange","EndingRange",'
    '"Unit","PricePerUnit","Currency","Product Family","serviceCode","Location","Location Type","Group",'
    '"Group Description","usageType","operation","Region Code","serviceName"'
)
PREAMBLE = (
    '"FormatVersion","v1.0"\n"Disclaimer","This pricing list is for informational purposes only."\n'
    '"Publication Date","2026-11-20T17:07:46Z"\n"Version","20261120170746"\n"OfferCode","{service}"\n'
)


def aws_row(
    sku: str,
    usd: str,
    unit: str,
    usage: str,
    *,
    group: str = "",
    start: str = "0",
    term: str = "OnDemand",
    **more: str,
) -> str:
    values = {
        "SKU": sku, "TermType": term, "StartingRange": start, "EndingRange": "Inf", "Unit": unit, "PricePerUnit": usd,
        "Currency": "USD", "Group": group, "usageType": usage, "Location": "US East (N. Virginia)", **more,
    }  # fmt: skip
    return ",".join(f'"{values.get(name.strip(chr(34)), "")}"' for name in COLUMNS.split(","))


def retail(meter: str, usd: float, unit: str, **more: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": usd, "unitPrice": usd, "armRegionName": "westeurope",
        "location": "EU West", "meterId": f"id of {meter}", "meterName": meter, "productName": "Azure Container Apps",
        "skuName": "Standard", "serviceName": "Azure Container Apps", "unitOfMeasure": unit, "type": "Consumption", **more,
    }  # fmt: skip


def catalog(description: str, nanos: int, unit: str, *regions: str, free: float = 0) -> dict[str, Any]:
    price = {"startUsageAmount": free, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": nanos}}
    nothing = {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": 0}}
    return {
        "name": "services/152E-C115-5142/skus/1", "skuId": f"id of {description}", "description": description,
        "category": {"resourceFamily": "ApplicationServices", "usageType": "OnDemand"}, "serviceRegions": list(regions),
        "pricingInfo": [{"pricingExpression": {"usageUnit": unit, "tieredRates": [*([nothing] if free else []), price]}}],
    }  # fmt: skip


@dataclass
class PriceServer:
    """What the lists answer; a test changes it before it asks."""

    aws: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Rows by service and region."""
    azure: list[dict[str, Any]] = field(default_factory=list)
    gcp: list[dict[str, Any]] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)
    """Another status for a path that begins so."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    """Another body for a path that begins so."""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        parts = path.strip("/").split("/")
        match parts:
            case ["offers", "v1.0", "aws", service, "current", "region_index.json"]:
                regions = [region for known, region in self.aws if known == service]
                found = {
                    region: {
                        "regionCode": region,
                        "currentVersionUrl": f"/offers/v1.0/aws/{service}/20261120170746/{region}/index.json",
                    }
                    for region in regions
                }
                return json.dumps({"formatVersion": "v1.0", "regions": found}).encode()
            case ["offers", "v1.0", "aws", service, _, region, "index.csv"]:
                lines = [PREAMBLE.format(service=service) + COLUMNS, *self.aws[service, region]]
                return "\n".join(lines).encode()
            case ["api", "retail", "prices"]:
                return self._retail(query)
            case ["v1", "services", _, "skus"]:
                second = query.get("pageToken") == ["second"]
                half = len(self.gcp) // 2
                page = {"skus": self.gcp[half:] if second else self.gcp[:half]}
                return json.dumps({**page, "nextPageToken": "" if second else "second"}).encode()
        return None

    def _retail(self, query: dict[str, list[str]]) -> bytes:
        skip = int(query.get("$skip", ["0"])[0])
        asked = query["$filter"][0]
        wanted = dict(part.split(" eq ") for part in asked.split(" and "))
        found = [
            item
            for item in self.azure
            if all(f"'{item[name]}'" == value for name, value in wanted.items() if name in item)
        ]
        following = (
            f"{self.url}/api/retail/prices?$filter={asked}&$skip={skip + 1}"
            if skip + 1 < len(found)
            else None
        )
        return json.dumps({"Items": found[skip : skip + 1], "NextPageLink": following, "Count": 1}).encode()


@contextmanager
def price_server() -> Iterator[PriceServer]:
    """Serve for the time of the block."""
    told = PriceServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told.asked.append(parts.path)
            told.headers.append(dict(self.headers))
            status = next((code for path, code in told.status.items() if parts.path.startswith(path)), 200)
            body = next((text for path, text in told.bodies.items() if parts.path.startswith(path)), None)
            body = told.answer(parts.path, parse_qs(parts.query)) if body is None else body
            self.send_response(status if body is not None else 404)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
