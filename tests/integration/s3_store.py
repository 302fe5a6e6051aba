"""A bucket for tests, in the style of S3: takes what is signed, by its own reading of Signature Version 4."""

from __future__ import annotations

import hashlib
import hmac
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

REGION, KEY_ID, SECRET = "eu-west-1", "AKIDEXAMPLE", "a-secret/of+the/store"


def signature(method: str, target: str, headers: dict[str, str], body: bytes) -> str:
    """What `Authorization` should have as its signature."""
    scheme, _, rest = headers["authorization"].partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    key_id, date, region, service, end = fields["Credential"].split("/")
    assert (scheme, key_id, region, service, end) == ("AWS4-HMAC-SHA256", KEY_ID, REGION, "s3", "aws4_request")
    names = fields["SignedHeaders"].split(";")
    assert names == sorted(names)
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names)
    digest = hashlib.sha256(body).hexdigest()
    assert headers["x-amz-content-sha256"] == digest
    assert headers["x-amz-date"].startswith(date)
    path, _, query = target.partition("?")
    assert urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~") == path, "every character that needs it is escaped"
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    canonical = "\n".join([method, path, query, lines, ";".join(names), digest])
    scope = f"{date}/{region}/s3/aws4_request"
    text = "\n".join([scheme, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in (date, region, "s3", "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


class Bucket:
    """Objects by their path, while it is used; `refused` counts requests whose signature is wrong."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refused = 0
        self.changed = threading.Condition()
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    good = headers["authorization"].endswith("Signature=" + signature("PUT", self.path, headers, body))
                except (AssertionError, KeyError, ValueError):
                    good = False
                with bucket.changed:
                    if good:
                        bucket.objects[urllib.parse.unquote(self.path)] = body
                    else:
                        bucket.refused += 1
                    bucket.changed.notify_all()
                self.send_response(200 if good else 403)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/letters/dead$"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, objects: int, refused: int = 0, seconds: float = 30) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.objects) >= objects and self.refused >= refused, seconds)

    def __enter__(self) -> Bucket:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()
