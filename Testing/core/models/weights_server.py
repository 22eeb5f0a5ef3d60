"""A web server on this machine that publishes one file and can misbehave as real servers and lines do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Published:
    """What the server does.

    Attributes:
        content: The file.
        etag: Sent and compared with If-Range; None for a server that has no validators.
        ranges: Whether Range is honoured.
        drop_after: For one request after the other, the number of body bytes after which the line breaks;
            None for a whole answer. Requests beyond the list get whole answers.
        code: Answered instead of the file, where it is not 200.
        content_type: Sent with the file.
        chunk_seconds: Pause after each 64 KiB.
        wrong_range: Answer ranges with bytes from the start.
        says_length: Whether Content-Length is sent.
        requests: The headers of each request so far.
        bytes_sent: Body bytes so far.
    """

    content: bytes
    etag: str | None = '"v1"'
    ranges: bool = True
    drop_after: list[int | None] = field(default_factory=list)
    code: int = 200
    content_type: str = "binary/octet-stream"
    chunk_seconds: float = 0.0
    wrong_range: bool = False
    says_length: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)
    bytes_sent: int = 0


@contextmanager
def serve(published: Published) -> Iterator[str]:
    """Runs the server; gives the address of the file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.requests.append(dict(self.headers.items()))
            drop = published.drop_after.pop(0) if published.drop_after else None
            start = self._start()
            body = published.content
            if published.code != 200:
                self.send_error(published.code)
                return
            if start is not None and start >= len(body):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if start is None:
                self.send_response(200)
            else:
                first = 0 if published.wrong_range else start
                body = body[first:]
                self.send_response(206)
                total = len(published.content)
                self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
            if published.says_length:
                self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", published.content_type)
            if published.etag:
                self.send_header("ETag", published.etag)
            self.end_headers()
            self._send(body[:drop])
            self.close_connection = True

        def _start(self) -> int | None:
            wanted = self.headers.get("Range")
            if not wanted or not published.ranges:
                return None
            condition = self.headers.get("If-Range")
            if condition and condition != published.etag:
                return None
            return int(wanted.removeprefix("bytes=").split("-")[0])

        def _send(self, body: bytes) -> None:
            for start in range(0, len(body), 1 << 16):
                piece = body[start : start + (1 << 16)]
                try:
                    self.wfile.write(piece)
                except OSError:  # the client has gone
                    return
                published.bytes_sent += len(piece)
                time.sleep(published.chunk_seconds)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/weights/made-up.pt"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
