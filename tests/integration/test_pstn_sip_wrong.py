"""What a SIP peer can get wrong (in the manner of RFC 4475): it is told, and leaves nothing behind."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from phone import Sipp, free_port, sdp
from sip_line import PHONE, line, request, trunk_at
from test_calls import OURS


def raw(port: int, text: str) -> str:
    """The final answer to a datagram; empty: none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.settimeout(0.5)
        own.sendto(text.replace("\n", "\r\n").replace("PORT", str(own.getsockname()[1])).encode("latin-1"), ("127.0.0.1", port))
        try:
            while (answer := own.recv(4000).decode("latin-1")).startswith("SIP/2.0 1"):
                pass
        except TimeoutError:
            return ""
        return answer


HEAD = f"""Via: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bKtorture
From: <sip:{PHONE}@127.0.0.1>;tag=t
To: <sip:{OURS}@127.0.0.1>
Call-ID: torture
Contact: <sip:127.0.0.1:PORT>
Max-Forwards: 70
"""
GOOD_SDP = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n"


def invite(
    head: str,
    sdp_text: str,
    first: str = f"INVITE sip:{OURS}@127.0.0.1 SIP/2.0",
    kind: str = "application/sdp",
    length: int | None = None,
) -> str:
    size = len(sdp_text.replace("\n", "\r\n")) if length is None else length
    return f"{first}\n{head}CSeq: 1 INVITE\nContent-Type: {kind}\nContent-Length: {size}\n\n{sdp_text}"


TORTURE = {
    "a description that is none": (invite(HEAD, "hello\n"), "SIP/2.0 400"),
    "no codec in common": (invite(HEAD, GOOD_SDP.replace("AVP 0", "AVP 18")), "SIP/2.0 488"),
    "an address that is none": (invite(HEAD, GOOD_SDP.replace("IP4 127.0.0.1\nt", "IP4 nowhere\nt")), "SIP/2.0 400"),
    "a description of video only": (invite(HEAD, GOOD_SDP.replace("m=audio", "m=video")), "SIP/2.0 400"),
    "a port out of range": (invite(HEAD, GOOD_SDP.replace("4000", "70000")), "SIP/2.0 400"),
    "no To": (invite(HEAD.replace("To:", "X-To:"), GOOD_SDP), "SIP/2.0 400"),
    "no Call-ID": (invite(HEAD.replace("Call-ID:", "X-Call:"), GOOD_SDP), "SIP/2.0 400"),
    "two From": (invite(HEAD + "From: <sip:b@b>;tag=u\n", GOOD_SDP), "SIP/2.0 400"),
    "a CSeq of another method": (invite(HEAD, GOOD_SDP).replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), "SIP/2.0 400"),
    "a CSeq that is no number": (invite(HEAD, GOOD_SDP).replace("CSeq: 1", "CSeq: one"), "SIP/2.0 400"),
    "another version": (invite(HEAD, GOOD_SDP, first=f"INVITE sip:{OURS}@127.0.0.1 SIP/7.0"), "SIP/2.0 505"),
    "an address in angle brackets": (invite(HEAD, GOOD_SDP, first=f"INVITE <sip:{OURS}@127.0.0.1> SIP/2.0"), "SIP/2.0 400"),
    "a length beyond the end": (invite(HEAD, GOOD_SDP, length=9999), "SIP/2.0 400"),
    "a negative length": (invite(HEAD, GOOD_SDP, length=-1), "SIP/2.0 400"),
    "a scheme that is not known": (invite(HEAD, GOOD_SDP, first="INVITE nobody:x SIP/2.0"), "SIP/2.0 4"),
    "no method at all": ("\n\n\n", ""),
    "a method that is not known": (
        invite(HEAD, GOOD_SDP, first=f"DANCE sip:{OURS}@127.0.0.1 SIP/2.0").replace("1 INVITE", "1 DANCE"),
        "SIP/2.0 501",
    ),
    "control characters": ("\xf0\x01\x02\xff" * 100, ""),
    "a BYE of no call": (
        f"BYE sip:{OURS}@127.0.0.1 SIP/2.0\n{HEAD}CSeq: 2 BYE\nContent-Length: 0\n\n".replace(">\nCall", ">;tag=x\nCall"),
        "SIP/2.0 481",
    ),
    "a REFER of no call": (
        f"REFER sip:{OURS}@127.0.0.1 SIP/2.0\n{HEAD}CSeq: 2 REFER\nRefer-To: <sip:x@x>\nContent-Length: 0\n\n",
        "SIP/2.0 405",
    ),
    "a number that nobody has": (invite(HEAD, GOOD_SDP, first="INVITE sip:+14255559999@127.0.0.1 SIP/2.0"), "SIP/2.0 404"),
}


NOBODY = "sip:+14255559999@127.0.0.1"
TORTUOUS = rf"""INVITE {NOBODY};unknownparam SIP/2.0
TO :
 {NOBODY} ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:{PHONE}@127.0.0.1>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: torture.wsinv
Content-Length   : 0
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    127.0.0.1:PORT;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

"""
# Of RFC 4475, with our addresses: what is well-formed is understood, however it is written (404: nobody has the number).
UNDERSTOOD = {
    "3.1.1.7 a long line": invite(HEAD + f"Accept-Contact: *;a={'x' * 2000}\n", GOOD_SDP, first=f"INVITE {NOBODY} SIP/2.0"),
    "3.1.1.4 escaped nulls": invite(HEAD.replace("tag=t", "tag=t;p=%00"), GOOD_SDP, first=f"INVITE {NOBODY} SIP/2.0"),
}
REFUSED = {
    "3.1.2.2 a length beyond the end": (invite(HEAD, GOOD_SDP, length=9999), "SIP/2.0 400"),
    "3.1.2.4 scalars out of range": (
        invite(HEAD, GOOD_SDP).replace("CSeq: 1", "CSeq: 36893488147419103232"),
        "SIP/2.0 400",
    ),
    "3.1.2.6 a quote that does not end": (invite(HEAD.replace("To: <", 'To: "Mr. J. User <'), GOOD_SDP), "SIP/2.0 400"),
    "3.1.2.8 a space in the address, which nobody knows how to answer": (
        invite(HEAD, GOOD_SDP, first=f"INVITE {NOBODY}; lr SIP/2.0"),
        "",
    ),
    "3.3.1 no From": (invite(HEAD.replace("From:", "X-From:"), GOOD_SDP), "SIP/2.0 400"),
    "3.3.5 an extension that is required": (invite(HEAD + "Require: nothingSupportsThis\n", GOOD_SDP), "SIP/2.0 420"),
    "3.3.6 an unknown type of content": (invite(HEAD, "<x/>", kind="application/unknownformat"), "SIP/2.0 415"),
    "3.3.8 many that may be there once": (invite(HEAD + "Call-ID: other\nMax-Forwards: 5\n", GOOD_SDP), "SIP/2.0 400"),
    "3.3.9 two lengths": (invite(HEAD + "Content-Length: 7\n", GOOD_SDP), "SIP/2.0 400"),
    "3.3.10 an answer that is sent to the world": ("SIP/2.0 200 OK\n" + HEAD + "CSeq: 8 INVITE\nContent-Length: 0\n\n", ""),
}


def test_messages_of_rfc_4475(tmp_path: Path) -> None:
    with line(tmp_path, trunk_at(free_port())) as calls:
        wrong = {}
        understood = {name: (text, "SIP/2.0 404") for name, text in UNDERSTOOD.items()}
        # Its To has a tag, of a call that there is not.
        all_of_them = {"3.1.1.1 a short tortuous INVITE": (TORTUOUS, "SIP/2.0 481")} | understood | REFUSED
        for number, (name, (text, expected)) in enumerate(all_of_them.items()):
            answer = raw(calls.sip_port, text.replace("torture", f"rfc{number}"))
            if not answer.startswith(expected) or (not expected and answer):
                wrong[name] = answer.split("\r\n")[0]
        assert wrong == {}
        calls.nothing_is_left()


def test_malformed_messages_leave_nothing_behind(tmp_path: Path) -> None:
    with line(tmp_path, trunk_at(free_port())) as calls:
        wrong = {}
        for number, (name, (text, expected)) in enumerate(TORTURE.items()):
            answer = raw(calls.sip_port, text.replace("torture", f"torture{number}"))
            if not answer.startswith(expected) or (not expected and answer):
                wrong[name] = answer.split("\r\n")[0]
        assert wrong == {}
        calls.nothing_is_left()
        # It still works.
        assert raw(calls.sip_port, f"OPTIONS sip:127.0.0.1 SIP/2.0\n{HEAD}CSeq: 1 OPTIONS\nContent-Length: 0\n\n").startswith(
            "SIP/2.0 200"
        )


def test_a_stranger_may_not_call(tmp_path: Path) -> None:
    with line(tmp_path, {"host": "192.0.2.1"}) as calls:
        assert " 403 " in raw(calls.sip_port, invite(HEAD, GOOD_SDP))
        calls.nothing_is_left()


def test_many_calls_to_nobody_leave_no_sockets(tmp_path: Path) -> None:
    steps = [
        f'<send retrans="500">{request("INVITE", 1, body=sdp(4000))}</send>',
        '<recv response="100" optional="true"/>',
        '<recv response="404"/>',
        f"<send>{request('ACK', 1)}</send>",
    ]
    with line(tmp_path, trunk_at(port := free_port())) as calls:
        descriptors = Path(f"/proc/{calls.server.process.pid}/fd")
        before = len(list(descriptors.iterdir()))
        with Sipp(*steps, peer=calls.sip_port, port=port, calls=200, number="+14255559999") as sipp:
            assert sipp.succeeded()
        calls.nothing_is_left()
        # A call takes two sockets; the media thread closes them with its next frame.
        until = time.monotonic() + 20
        while time.monotonic() < until and len(list(descriptors.iterdir())) > before + 10:
            time.sleep(0.02)
        assert len(list(descriptors.iterdir())) <= before + 10
