"""What one session sends of routes: Adj-RIB-Out image → gate → octets."""

from __future__ import annotations

from collections.abc import Callable

from simulator.gate import Direction
from simulator.rib.adj_out import Image, Images
from simulator.session.messages import Family, RouteRefresh
from simulator.session.negotiation import Negotiated
from simulator.speakers.events import NeighborConfig
from simulator.speakers.services import Passage
from simulator.wire.refresh import BEGIN, END, encode_refresh
from simulator.wire.update import end_of_rib


class Outbound:
    """The sending half of a session. Everything that it writes goes through `write`, the last point before TCP."""

    def __init__(
        self, config: NeighborConfig, images: Images, passage: Passage, write: Callable[[bytes], None]
    ) -> None:
        self.image: Image | None = None
        """What is ready to be sent; None while the session is not Established."""
        self.sent = 0
        """NLRI that the peer holds from us now."""
        self.withdrawn = 0
        """NLRI withdrawn by re-denies, in all."""
        self._config = config
        self._images = images
        self._passage = passage
        self._write = write

    @property
    def rendered(self) -> int:
        """NLRI ready to be sent."""
        return len(self.image.keys) if self.image else 0

    @property
    def _family(self) -> Family:
        return self._config.family

    def meet(self, config: NeighborConfig) -> None:
        """The session is coming up, and what its configuration left open is known."""
        self._config = config

    def up(self, negotiated: Negotiated) -> None:
        """Established: render, and send what may be sent."""
        config = self._config
        if config.family not in negotiated.families:
            self.image = None  # nothing may be sent for a family that was not agreed (RFC 4760 §8)
            return
        self.image = self._images.get(config.family, negotiated, config.local_as, config.own_next_hop, config.role)
        if self._passage.is_open:
            self.send_everything()
        else:
            self.send_routes()  # held back by the gate, which counts what would have gone

    def down(self) -> None:
        """No longer Established: the peer forgets what it had."""
        self.image, self.sent = None, 0

    def send_routes(self) -> int:
        """Past the gate onto the wire; returns how many NLRI went."""
        image = self.image
        if image is None or not image.keys or not self._passage.passes(Direction.OUT, image.keys):
            return 0
        self._write(image.announce)
        self.sent = len(image.keys)
        return self.sent

    def send_everything(self) -> int:
        """The routes and End-of-RIB (RFC 4724 §2); returns how many NLRI went."""
        if self.image is None:
            return 0
        sent = self.send_routes()
        self._write(end_of_rib(self._family))
        return sent

    def withdraw_everything(self) -> int:
        """The re-deny; returns how many NLRI were withdrawn."""
        sent, self.sent = self.sent, 0
        if sent and self.image is not None:
            self._write(self.image.withdraw)
            self.withdrawn += sent
        return sent

    def answer_refresh(self, *, enhanced: bool) -> None:
        """The peer asks for everything again (RFC 2918 §4); `enhanced` marks begin and end (RFC 7313 §4.1)."""
        if enhanced:
            self._write(encode_refresh(RouteRefresh(self._family, BEGIN)))
        self.send_routes()
        if enhanced:
            self._write(encode_refresh(RouteRefresh(self._family, END)))
