"""PeerAsns: asked for, approved or not, needed by peerings, and the same after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.azure.model.errors import ConflictError, InvalidError
from simulator.azure.model.resources import AsnState, PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from tests.azure.provider import support
from tests.azure.provider.support import ASN_ID


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def asn(running: Provider) -> PeerAsn:
    found = running.found(ASN_ID.lower(), PeerAsn)
    assert found is not None
    return found


def told(running: Provider) -> list[tuple[str, str]]:
    rows = [row.row for row in running.unit.events(0, 1000) if row.event == "peer-asn-state"]
    return [(row["to"], row["reason"]) for row in rows]


async def test_it_is_approved_by_itself_when_its_time_comes(tmp_path: Path) -> None:
    """Half a day passes in a fifth of a second."""
    settings = Settings(peer_asn_review=12 * 3600, time_scale=12 * 3600 * 5)
    async with support.provider(url(tmp_path), settings) as running:
        made = support.ask_for_asn(running)
        assert made.state is AsnState.PENDING
        await support.until(running, lambda: asn(running).state is AsnState.APPROVED)
        assert asn(running).since - made.since >= 0.2
        assert told(running) == [
            ("Pending", "AS64496 is to be approved by Microsoft"),
            ("Approved", "Microsoft approved it"),
        ]


async def test_a_restart_does_not_forget_who_waits(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), Settings(peer_asn_review=3600)) as running:
        made = support.ask_for_asn(running)
    async with support.provider(url(tmp_path), Settings(peer_asn_review=0)) as running:
        await support.until(running, lambda: asn(running).state is AsnState.APPROVED)
        assert asn(running).created == made.created


async def test_by_hand_and_the_message_is_the_error(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        made = support.ask_for_asn(running)
        failed = running.asns.reject(made, "not in PeeringDB")
        assert failed.error_message == "not in PeeringDB"
        support.refused(lambda: running.asns.reject(failed, ""), ConflictError, "is Failed already")
        approved = running.asns.approve(failed)
        assert approved.error_message == ""
        support.refused(lambda: running.asns.approve(approved), ConflictError, "is Approved already")
        support.refused(
            lambda: running.asns.reject(approved, ""), ConflictError, "only a Pending PeerAsn can be refused"
        )
        assert [state for state, _ in told(running)] == ["Pending", "Failed", "Approved"]


async def test_contacts_change_and_the_number_does_not(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        document: dict[str, Any] = {"properties": {"peerAsn": 64496, "peerContactDetail": [{"role": "Noc"}]}}
        changed, created = running.asns.put(PeerAsn.from_document(ASN_ID.upper(), document))
        assert (created, changed.id, changed.document) == (False, ASN_ID, document)
        assert changed.state is AsnState.APPROVED
        support.refused(lambda: support.ask_for_asn(running, 64497), InvalidError, "cannot be changed")


async def test_one_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        support.ask_for_peering(running)
        words = f"in use by {support.PEERING_ID}"
        support.refused(lambda: running.asns.delete(ASN_ID.lower()), ConflictError, words)
        running.delete_peering(support.PEERING_ID.lower())
        assert running.asns.delete(ASN_ID.lower())
        assert not running.asns.delete(ASN_ID.lower())
        assert told(running)[-1] == ("None", "the subscription deleted it")
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        assert not running.unit.resources
