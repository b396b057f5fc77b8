"""HTTP connections that do not wait for their clients for ever: uvicorn ends only those that idle after an answer."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 10.0
"""Seconds in which all of a request's head has to come (simulator)."""
WAITING_LIMIT: Final = 100
"""Connections that may wait for their clients at once; one more ends the one that waits longest (simulator)."""
READ_SECONDS: Final = 30.0
"""Seconds in which a client has to read something of an answer that does not fit into the buffers (simulator)."""
_TOO_SLOW: Final = b'{"error": {"code": "RequestTimeout", "message": "The request did not come in time."}}'


class HttpConnection(H11Protocol):
    """uvicorn's HTTP/1.1 connection; a request's head is waited for as a body is (see `simulator.serving.guard`)."""

    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _waiting_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()
        waiting = [each for each in self.connections if isinstance(each, HttpConnection) and each._waits]
        if len(waiting) > WAITING_LIMIT:
            min(waiting, key=lambda each: each._waiting_since)._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        self._has_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._has_read()
        super().resume_writing()

    def _has_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    @property
    def _waits(self) -> bool:
        """Whether the next octet has to come from the client, as far as HTTP goes."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing()

    def _look(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._head_is_there()
        elif self._late is None:
            self._waiting_since = self.loop.time()
            self._late = self.loop.call_later(HEAD_SECONDS, self._end)

    def _head_is_there(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        """Close; who has begun a request reads why."""
        self._head_is_there()
        if self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            headers = [("content-type", "application/json"), ("content-length", str(len(_TOO_SLOW)))]
            answer = h11.Response(
                status_code=408, headers=[*headers, ("connection", "close")], reason=b"Request Timeout"
            )
            for event in (answer, h11.Data(data=_TOO_SLOW), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
