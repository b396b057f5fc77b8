"""Microsoft's desk, over HTTP: each verb as the table has it, with the provider's own refusals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.azure.model.resources import AsnState, PeerAsn
from simulator.azure.provider.settings import BY_HAND, Settings
from simulator.connection.states import ConnectionState
from simulator.engine.verbs import VERBS
from simulator.portal.desk_frame import desk_verbs
from tests.portal.support import PAGE, put_asn, put_peering, send, text_of
from tests.serving.support import Served, served

CONNECTION = "contoso-ashburn/ash-edge-1"
PEOPLE = Settings(peer_asn_review=None, peering_review=None, notification=None, removal=None)


def states(lab: Served) -> dict[str, ConnectionState]:
    return {record.id: record.state for record in lab.provider.control.records.values()}


async def test_an_asn_is_approved_or_rejected_with_a_message(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider, approved=False)
        await put_asn(lab.provider, 64511, "fabrikam", approved=False)
        assert "2 pending" in text_of((await lab.client.get("/desk")).text)
        assert (await send(lab, "/desk/asns/lab/contoso", verb="approve")).status_code == 303
        assert (await send(lab, "/desk/asns/lab/fabrikam", verb="reject", message="not <yours>")).status_code == 303
        found = {asn.name: (asn.state, asn.error_message) for asn in lab.provider.unit.all(PeerAsn)}
        assert found == {"contoso": (AsnState.APPROVED, ""), "fabrikam": (AsnState.FAILED, "not <yours>")}
        assert "not &lt;yours&gt;" in (await lab.client.get("/desk")).text
        again = await send(lab, "/desk/asns/lab/contoso", verb="approve")
        assert again.status_code == 409 and "Approved already" in again.text
        assert (await send(lab, "/desk/asns/lab/nobody", verb="approve")).status_code == 404


async def test_requests_are_decided_one_by_one_and_all_at_once(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        assert "Requests that wait for Microsoft 2" in text_of((await lab.client.get("/desk")).text)
        answer = await send(lab, "/desk/operate", verb="reject", connection=CONNECTION, message="Too small.")
        assert answer.status_code == 303
        assert states(lab)[CONNECTION] is ConnectionState.PROVISIONING_FAILED
        assert "Too small." in (await lab.client.get(PAGE)).text
        some = await send(lab, "/desk/operate", verb="approve", connection=[*states(lab)])
        assert "Not for 1" in text_of((await lab.client.get(some.headers["location"])).text)
        assert [*states(lab).values()] == [ConnectionState.PROVISIONING_FAILED, ConnectionState.APPROVED]
        none = await send(lab, "/desk/operate", verb="approve", connection=[*states(lab)])
        assert none.status_code == 409


async def test_all_are_approved_that_can_be_and_counted(tmp_path: Path) -> None:
    """What is blocked stands in the same list, and waits for something else."""
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await put_peering(lab.provider, "blocked", {"peerSessionIPv4Address": "206.126.239.201"})
        for record in list(lab.provider.control.records.values()):
            if record.peering == "blocked":
                await lab.provider.operate(record, "block", "a cut fibre")
        page = (await lab.client.get("/desk")).text
        assert "Requests that wait for Microsoft 4" in text_of(page) and "Approve all 2 requests of this page" in page


async def test_a_validation_state_has_one_colour_on_every_page(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider)
        await put_asn(lab.provider, 64511, "fabrikam", approved=False)
        await put_asn(lab.provider, 64510, "wide", approved=False)
        await send(lab, "/desk/asns/lab/wide", verb="reject")
        pill = re.compile(r'class="pill (\w+)">(Approved|Pending|Failed)<')
        desk, mine = [set(pill.findall((await lab.client.get(path)).text)) for path in ("/desk", "/asns")]
        assert desk == mine == {("ok", "Approved"), ("wait", "Pending"), ("bad", "Failed")}


async def test_what_was_refused_leads_back_to_the_desk(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        answer = await send(lab, "/desk/operate", verb="approve")
        assert answer.status_code == 422 and '<a href="/desk">Go to Microsoft' in answer.text


@pytest.mark.parametrize(
    "fields",
    [
        {"verb": "approve"},
        {"verb": "no-such-verb", "connection": CONNECTION},
        {"verb": "reject", "connection": CONNECTION, "message": "x" * 501},
        {"verb": "reject", "connection": CONNECTION, "message": "two\nlines"},
    ],
)
async def test_what_no_verb_is_changes_nothing(tmp_path: Path, fields: dict[str, str]) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        assert (await send(lab, "/desk/operate", **fields)).status_code == 422
        assert set(states(lab).values()) == {ConnectionState.PENDING_APPROVAL}


async def test_the_way_back_leads_to_no_other_site(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        for back in ("//evil.example", "https://evil.example", "/deskx", "/desk/connections"):
            answer = await send(lab, "/desk/operate", verb="ask", connection=CONNECTION, back=back)
            assert answer.status_code == 303
            wanted = back if back == "/desk/connections" else "/desk"
            assert answer.headers["location"].partition("?")[0] == wanted


@pytest.mark.parametrize("state", ["PendingApproval", "Approved", "ProvisioningStarted", "ExternalBlocker"])
async def test_every_verb_is_shown_and_what_is_offered_is_not_refused(tmp_path: Path, state: str) -> None:
    """What the desk says of a verb is what the provider does."""
    way = {
        "PendingApproval": [],
        "Approved": ["approve"],
        "ProvisioningStarted": ["approve", "notify"],
        "ExternalBlocker": ["block"],
    }[state]
    async with served(tmp_path, settings=BY_HAND) as lab:
        await put_asn(lab.provider)
        for number, verb in enumerate(VERBS.values()):
            await put_peering(lab.provider, verb.name, {"peerSessionIPv4Address": f"206.126.239.{number + 1}"})
            record = lab.provider.control.records[f"{verb.name}/ash-edge-1"]
            for step in way:
                await lab.provider.operate(record, step)
            assert record.state.value == state
            shown = next(each for each in desk_verbs(lab.provider, record) if each.verb is verb)
            page = (await lab.client.get(f"/desk/connections/{record.id}")).text
            row = page.split(f'id="v-{verb.name}"')[1].split("</tr>")[0]
            assert ("aria-disabled" in row) is bool(shown.refusal)
            answer = await send(lab, "/desk/operate", verb=verb.name, connection=record.id)
            assert (answer.status_code == 409) is bool(shown.refusal), (verb.name, shown.refusal, answer.text)


@pytest.mark.parametrize("wrong", ["abc", "-1", "nan", "1e9", ""])
async def test_a_wrong_setting_is_told_by_its_label_and_what_it_takes(tmp_path: Path, wrong: str) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        answer = await send(lab, "/desk/settings", removal=wrong, timeScale=wrong)
        said = text_of(answer.text)
        assert answer.status_code == 422 and lab.provider.settings == BY_HAND
        assert said.count("Time scale: a number above 0, at most 1,000,000") == 2
        assert said.count("Removal: 0 to 10,000,000 seconds, or empty: by hand") == (2 if wrong else 0)
        assert "Input should" not in said


async def test_the_settings_are_changed_by_their_fields_and_by_sets(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        wanted = {"peerAsnReview": "", "peeringReview": "20", "timeScale": "2", "mesh": "", "allowMd5Updates": "true"}
        rest = dict.fromkeys(("notification", "provisioning", "validation", "conversionReview"), "0")
        answer = await send(lab, "/desk/settings", **wanted, **rest, removal="1", prefixValidation="1")
        assert answer.status_code == 303, text_of(answer.text)
        found = lab.provider.settings
        assert (found.peer_asn_review, found.peering_review, found.time_scale) == (None, 20, 2)
        assert (found.mesh, found.allow_md5_updates) == (False, True)
        assert "20.0 s pass in 10.0 s" in text_of((await lab.client.get("/desk/settings")).text)
        bad = await send(lab, "/desk/settings", **wanted | {"peeringReview": "-1", "timeScale": "soon"}, **rest)
        assert bad.status_code == 422 and lab.provider.settings == found
        assert len(re.findall('aria-invalid="true"', bad.text)) == 2 and 'value="soon"' in bad.text
        assert (await send(lab, "/desk/settings", preset="by-hand")).status_code == 303
        assert lab.provider.settings == BY_HAND
        assert (await send(lab, "/desk/settings", preset="x")).status_code == 422
