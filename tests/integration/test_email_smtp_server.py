"""Programs that speak SMTP (here smtplib) send through the email operations, as one of the resource's smtpUsernames."""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import subprocess
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import Server

ARM = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/trunkline"
    "/providers/Microsoft.Communication/communicationServices/trunkline/smtpUsernames"
)
VERSION = "?api-version=2025-09-01"
APPLICATION, TENANT = str(uuid.uuid4()), str(uuid.uuid4())
SECRET = "s3cret & more"
SENDER = "support@sandbox.trunkline.test"
WAIT_SECONDS = 20


class Issuer(BaseHTTPRequestHandler):
    """What of Entra's token endpoint is used."""

    asked: list[tuple[str, dict[str, str]]] = []

    def do_POST(self) -> None:
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        Issuer.asked.append((self.path, form))
        wanted = SECRET if form["client_id"] == APPLICATION else "management"
        good = form["client_secret"] == wanted
        text = json.dumps({"access_token": "local-arm-token"} if good else {"error": "invalid_client"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def acs() -> Iterator[Server]:
    """The resource that mail goes through, with one username."""
    with Server() as running:
        body = {"properties": {"username": "relay", "entraApplicationId": APPLICATION, "tenantId": TENANT}}
        headers = {"Authorization": "Bearer local-arm-token", "Content-Type": "application/json"}
        status, answer, _ = running.request("PUT", f"{ARM}/relay{VERSION}", body, headers=headers)
        assert status in (200, 201), answer
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def relay(folder: Path, acs: Server, issuer: str, port: int, secrets: dict[str, str], **more: Any) -> str:
    provider = {
        "name": "relay",
        "plugin": "email-smtp-server",
        "config": {
            "port": port,
            "smtp_usernames_url": acs.ready["endpoint"] + ARM + VERSION,
            "token_url": issuer + "/{tenant}/oauth2/v2.0/token",
            **more,
        },
        "secrets": {name: {"value": value} for name, value in secrets.items()}
        | {"connection_string": {"value": acs.ready["connection_string"]}},
    }
    file = folder / "trunkline.yaml"
    file.write_text(
        json.dumps({"log": {"level": "off"}, "listen": {"tls": "off"}, "providers": [provider], "resources": [{"name": "a"}]})
    )
    return str(file)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, acs: Server, issuer: str, certificate: tuple[Path, Path]) -> Iterator[int]:
    chosen = free_port()
    files = {"tls_certificate_file": str(certificate[0]), "tls_key_file": str(certificate[1])}
    config = relay(
        tmp_path_factory.mktemp("relay"), acs, issuer, chosen, {"management_secret": "management"},
        management_client_id="the-relay", management_tenant="ours", max_bytes=200_000, **files,
    )  # fmt: skip
    with Server("--config", config):
        yield chosen


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory: pytest.TempPathFactory, acs: Server, issuer: str, certificate: tuple[Path, Path]) -> Iterator[int]:
    """A relay that only has a door where TLS comes first."""
    chosen = free_port()
    files = {"tls_certificate_file": str(certificate[0]), "tls_key_file": str(certificate[1])}
    config = relay(
        tmp_path_factory.mktemp("tls-relay"), acs, issuer, 0, {"management_secret": "management"},
        management_client_id="the-relay", management_tenant="ours", tls_port=chosen, **files,
    )  # fmt: skip
    with Server("--config", config):
        yield chosen


def connect(port: int, certificate: tuple[Path, Path]) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", port, timeout=20)
    client.starttls(context=ssl.create_default_context(cafile=str(certificate[0])))
    return client


def mail(subject: str, to: str = "ann@example.com", sender: str = SENDER) -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"Support <{sender}>"
    message["To"] = f"Ann <{to}>"
    message["Subject"] = subject
    message["Message-ID"] = f"<{uuid.uuid4()}@app.example>"
    message["Reply-To"] = "answers@example.com"
    message["X-Campaign"] = "spring"
    message.set_content("plain\n.a line with a dot\n")
    message.add_alternative('<p><img src="cid:logo"></p>', subtype="html")
    message.add_attachment(b"\x00\x01PDF", maintype="application", subtype="pdf", filename="a \u2708.pdf")
    return message


def captured(acs: Server, subject: str) -> list[dict[str, Any]]:
    """At least one."""
    return eventually(lambda: [one for one in acs.request("GET", "/_control/mails")[1]["items"] if one["subject"] == subject])


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_a_mail_goes_through_the_resource(port: int, acs: Server, certificate: tuple[Path, Path], mechanism: str) -> None:
    subject = f"Gr\u00fc\u00dfe {mechanism}"
    message = mail(subject)
    with connect(port, certificate) as client:
        client.ehlo()
        assert client.has_extn("auth")
        client.user, client.password = "Relay", SECRET
        assert client.auth(mechanism.removeprefix("auth_").upper(), getattr(client, mechanism))[0] == 235
        raw = message.as_bytes()
        assert client.sendmail(SENDER, ["ann@example.com", "secret@example.com"], raw) == {}
        assert client.sendmail(SENDER, ["ann@example.com", "secret@example.com"], raw) == {}  # as one that saw no answer does
    every = captured(acs, subject)
    assert len(every) == 1, every
    [found] = every
    assert sorted(found["to"]) == ["ann@example.com", "secret@example.com"]
    _, detail, _ = acs.request("GET", f"/_control/mails/{found['mail_id']}")
    assert "plain\n.a line with a dot" in detail["text"].replace("\r", "")
    assert [one["name"] for one in detail["files"]] == ["a \u2708.pdf"]
    assert "X-Campaign: spring" in detail["headers"]
    assert not any("secret@" in header for header in detail["headers"])
    forms = {form["client_id"]: (path, form["scope"]) for path, form in Issuer.asked}
    assert forms["the-relay"] == ("/ours/oauth2/v2.0/token", "https://management.azure.com/.default")
    assert forms[APPLICATION] == (f"/{TENANT}/oauth2/v2.0/token", "https://communication.azure.com/.default")


def test_nobody_else_may_send(port: int, certificate: tuple[Path, Path]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AHJlbGF5AHg=")[0] == 530  # not without TLS
        assert client.docmd("MAIL", f"FROM:<{SENDER}>")[0] == 530
    with connect(port, certificate) as client:
        client.ehlo()
        assert client.docmd("MAIL", f"FROM:<{SENDER}>")[0] == 530
        for user, password in (("relay", "wrong"), ("stranger", SECRET), ("relay", "")):
            with pytest.raises(smtplib.SMTPException) as refused:
                client.login(user, password)
            assert refused.value.args[0] == 535 if isinstance(refused.value, smtplib.SMTPAuthenticationError) else True
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_what_follows_starttls_in_the_open_is_not_taken(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        lines = raw.makefile("rb")
        lines.readline()
        raw.sendall(b"EHLO x\r\n")
        while not lines.readline().startswith(b"250 "):
            pass
        raw.sendall(b"STARTTLS\r\nMAIL FROM:<a@b.example>\r\n")
        assert lines.readline().startswith(b"501")
        assert lines.readline() == b""


def test_tls_may_come_first(tls_port: int, acs: Server, certificate: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(cafile=str(certificate[0]))
    with smtplib.SMTP_SSL("127.0.0.1", tls_port, timeout=20, context=context) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] == 503
        client.login("relay", SECRET)
        assert client.send_message(mail("tls first")) == {}
    assert len(captured(acs, "tls first")) == 1
    with socket.create_connection(("127.0.0.1", tls_port), timeout=20) as raw:
        raw.sendall(b"EHLO x\r\n")  # in the open
        answer = b""
        while more := raw.recv(4096):
            answer += more
        assert b"220" not in answer
        assert b"250" not in answer


def test_addresses_beyond_ascii(port: int, acs: Server, certificate: tuple[Path, Path]) -> None:
    to = "j\u00fcrgen@b\u00fccher.example"
    with connect(port, certificate) as client:
        client.login("relay", SECRET)
        assert client.has_extn("smtputf8")
        assert not client.has_extn("dsn")
        message = mail("beyond ascii", to=to)
        assert client.send_message(message, SENDER, [to]) == {}  # says SMTPUTF8 by itself
        utf8 = f"RCPT TO:<{to}>".encode()
        for line, wanted in (
            (f"MAIL FROM:<{SENDER}> BODY=8BITMIME AUTH=<>", 250),
            (utf8, 553),  # nobody said SMTPUTF8
            ("RCPT TO:<ann@example.com> NOTIFY=NEVER", 555),
            ("RCPT TO:<ann@example.com> ORCPT=rfc822;ann@example.com", 555),
            ("RSET", 250),
            (f"MAIL FROM:<{SENDER}> SMTPUTF8 SIZE=1000", 250),
            (utf8, 250),
            (b"RCPT TO:<j\xfcrgen@example.com>", 501),  # Latin-1
            ("RSET", 250),
            (f"MAIL FROM:<{SENDER}> RET=HDRS", 555),
            (f"MAIL FROM:<{SENDER}> ENVID=x", 555),
            (f"MAIL FROM:<{SENDER}> BODY=BINARYMIME", 501),
            (f"MAIL FROM:<{SENDER}> SIZE=many", 501),
            (f"MAIL FROM:<{SENDER}> SIZE={10**30}", 552),
        ):
            assert client.sock is not None
            client.sock.sendall((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
            assert client.getreply()[0] == wanted, line
    [found] = captured(acs, "beyond ascii")
    assert found["to"] == [to]


def test_refusals_say_why(port: int, certificate: tuple[Path, Path]) -> None:
    with connect(port, certificate) as client:
        client.login("relay", SECRET)
        cases: list[tuple[EmailMessage, str, int, str]] = [
            (mail("other sender"), "else@sandbox.trunkline.test", 550, "From is"),
            (mail("not ours", sender="a@elsewhere.example"), "a@elsewhere.example", 550, "DomainNotLinked"),
        ]
        for message, sender, code, words in cases:
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail(sender, ["ann@example.com"], message.as_bytes())
            assert refused.value.smtp_code == code
            assert words in bytes(refused.value.smtp_error).decode()
        for line, code in (("RCPT TO:<a@b.example>", 503), ("MAIL FROM:nobody", 501), ("MAIL FROM:<nobody>", 553),
                           (f"MAIL FROM:<{SENDER}> SIZE=200001", 552), ("DATA", 503), ("BDAT 1", 500)):  # fmt: skip
            assert client.docmd(line)[0] == code, line
        assert client.docmd(f"MAIL FROM:<{SENDER}>")[0] == 250
        assert client.docmd("DATA")[0] == 554
        for i in range(50):
            assert client.docmd(f"RCPT TO:<a{i}@example.com>")[0] == 250
        assert client.docmd("RCPT TO:<one-more@example.com>")[0] == 452
        assert client.docmd("RSET")[0] == 250
        with pytest.raises(smtplib.SMTPException):
            client.sendmail(SENDER, ["ann@example.com"], b"Subject: long\r\n\r\n" + b"x" * 300 + b"\r\n" + b"y\r\n" * 100_000)


def test_secrets_of_applications_may_be_known_here(tmp_path: Path, acs: Server, issuer: str) -> None:
    port = free_port()
    secrets = {"management_secret": "management", "applications": f"other:x\n{APPLICATION}:known here\n"}
    with Server("--config", relay(tmp_path, acs, issuer, port, secrets)), smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("relay", SECRET)
        client.login("relay", "known here")  # on this machine, without TLS
        assert client.send_message(mail("known here")) == {}
    assert len(captured(acs, "known here")) == 1


def test_when_nobody_can_tell_the_client_tries_later(tmp_path: Path, acs: Server) -> None:
    port = free_port()
    config = relay(tmp_path, acs, "http://127.0.0.1:1", port, {})
    with Server("--config", config), smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        with pytest.raises(smtplib.SMTPException) as refused:
            client.login("relay", SECRET)
        assert "454" in str(refused.value)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"host": "0.0.0.0"}, "tls_certificate_file"),
        ({"tls_certificate_file": "x"}, "tls_key_file"),
        ({"tls_port": 465}, "tls_port"),
        ({"port": 65536}, "port"),
        ({"token_url": "http://issuer.example/token"}, "token_url"),
    ],
)
def test_a_configuration_that_would_show_secrets_is_refused(
    tmp_path: Path, acs: Server, issuer: str, more: dict[str, Any], fault: str
) -> None:
    with pytest.raises(AssertionError, match=fault):
        Server("--config", relay(tmp_path, acs, issuer, **({"port": free_port(), "secrets": {}} | more)))


def test_a_server_that_stops_waits_for_what_it_asked(tmp_path: Path, acs: Server) -> None:
    """The token endpoint takes its time; the relay stops in between, and ends well."""
    began, stopping = threading.Event(), threading.Event()

    class Slow(Issuer):
        def do_POST(self) -> None:
            began.set()
            stopping.wait(WAIT_SECONDS)
            super().do_POST()

    slow = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=slow.serve_forever)
    thread.start()
    port = free_port()
    config = relay(tmp_path, acs, f"http://127.0.0.1:{slow.server_port}", port, {"management_secret": "management"})
    try:
        with Server("--config", config) as server, socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(b"EHLO x\r\nAUTH PLAIN AHJlbGF5AHg=\r\n")
            assert began.wait(WAIT_SECONDS)
            server.process.terminate()
            raw.settimeout(WAIT_SECONDS)
            while raw.recv(4096):  # until the relay hangs up, which it does when it stops
                pass
            stopping.set()
            assert server.stop() == 0
    finally:
        slow.shutdown()
        thread.join()
        slow.server_close()
