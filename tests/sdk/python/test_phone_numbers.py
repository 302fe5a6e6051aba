"""The unmodified azure-communication-phonenumbers package against a running server: numbers and SIP routing."""

from __future__ import annotations

import uuid

import pytest
from azure.communication.phonenumbers import (
    OperatorInformationOptions,
    PhoneNumberAssignmentType,
    PhoneNumberCapabilities,
    PhoneNumberCapabilityType,
    PhoneNumbersClient,
    PhoneNumberType,
)
from azure.communication.phonenumbers.siprouting import SipRoutingClient, SipTrunk, SipTrunkRoute
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

Ready = dict[str, str]
BOTH = PhoneNumberCapabilityType.INBOUND_OUTBOUND
NONE = PhoneNumberCapabilityType.NONE


@pytest.fixture
def numbers(ready: Ready) -> PhoneNumbersClient:
    return PhoneNumbersClient(ready["endpoint"], AzureKeyCredential(ready["access_key"]), retry_total=0, polling_interval=0)


@pytest.fixture
def sip(ready: Ready) -> SipRoutingClient:
    return SipRoutingClient(ready["endpoint"], AzureKeyCredential(ready["access_key"]), retry_total=0)


def test_a_number_is_found_bought_changed_and_released(numbers: PhoneNumbersClient) -> None:
    found = numbers.begin_search_available_phone_numbers(
        "DE",
        PhoneNumberType.GEOGRAPHIC,
        PhoneNumberAssignmentType.APPLICATION,
        PhoneNumberCapabilities(calling=BOTH, sms=NONE),
        area_code="30",
        quantity=2,
    ).result()
    assert found.phone_numbers == ["+493055700000", "+493055700001"]
    numbers.begin_purchase_phone_numbers(found.search_id).result()
    owned = numbers.get_purchased_phone_number("+493055700000")
    assert (owned.country_code, owned.phone_number_type, owned.capabilities.calling) == ("DE", "geographic", "inbound+outbound")
    changed = numbers.begin_update_phone_number_capabilities("+493055700000", sms=NONE, calling="inbound").result()
    assert changed.capabilities.calling == "inbound"
    with pytest.raises(HttpResponseError) as refused:
        numbers.begin_update_phone_number_capabilities("+493055700000", sms="outbound", calling="inbound").result()
    assert refused.value.status_code == 400
    for number in found.phone_numbers:
        numbers.begin_release_phone_number(number).result()
    with pytest.raises(ResourceNotFoundError):
        numbers.get_purchased_phone_number("+493055700000")


def test_the_inventory_is_listed(numbers: PhoneNumbersClient) -> None:
    countries = {country.country_code: country.localized_name for country in numbers.list_available_countries()}
    assert len(countries) > 200
    assert countries["JP"] == "Japan"
    assert {place.administrative_division.abbreviated_name for place in numbers.list_available_localities("US")} >= {"NY", "WA"}
    codes = numbers.list_available_area_codes("US", PhoneNumberType.GEOGRAPHIC, locality="Seattle", administrative_division="WA")
    assert [code.area_code for code in codes] == ["206"]
    offers = {offer.phone_number_type for offer in numbers.list_available_offerings("US")}
    assert offers == {"tollFree", "geographic"}


def test_numbers_are_reserved_and_bought(numbers: PhoneNumbersClient) -> None:
    seen = numbers.browse_available_phone_numbers(country_code="US", phone_number_type="tollFree").phone_numbers
    reservation_id = str(uuid.uuid4())
    made = numbers.create_or_update_reservation(reservation_id=reservation_id, numbers_to_add=seen[:2])
    assert made.status == "active"
    assert sorted(made.phone_numbers) == sorted(number.id for number in seen[:2])
    less = numbers.create_or_update_reservation(reservation_id=reservation_id, numbers_to_remove=[seen[0].id])
    assert list(less.phone_numbers) == [seen[1].id]
    numbers.begin_purchase_reservation(reservation_id, agree_to_not_resell=True).result()
    assert numbers.get_purchased_phone_number(seen[1].phone_number).phone_number == seen[1].phone_number
    assert numbers.get_reservation(reservation_id).status == "completed"
    numbers.begin_release_phone_number(seen[1].phone_number).result()


def test_any_number_is_looked_up(numbers: PhoneNumbersClient) -> None:
    found = numbers.search_operator_information(
        "+14255550123", options=OperatorInformationOptions(include_additional_operator_details=True)
    )
    assert found.values is not None
    [value] = found.values
    assert value.national_format == "(425) 555-0123"
    assert value.iso_country_code == "US"


def test_trunks_and_routes_are_kept(sip: SipRoutingClient) -> None:
    sip.set_routes([])
    sip.set_trunks([SipTrunk(fqdn="sbc1.example.com", sip_signaling_port=5061)])
    sip.set_trunk(SipTrunk(fqdn="sbc2.example.com", sip_signaling_port=5062))
    sip.set_routes([SipTrunkRoute(name="all", description="", number_pattern=r"^\+\d+$", trunks=["sbc2.example.com"])])
    assert [trunk.fqdn for trunk in sip.list_trunks()] == ["sbc1.example.com", "sbc2.example.com"]
    assert [route.name for route in sip.list_routes()] == ["all"]
    with pytest.raises(HttpResponseError) as refused:
        sip.delete_trunk("sbc2.example.com")
    assert refused.value.status_code == 422
    sip.set_routes([])
    sip.set_trunks([])
    assert list(sip.list_trunks()) == []
